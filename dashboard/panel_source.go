package dashboard

import (
	"iter"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// maxDecisions is how many a panel shows.
const maxDecisions = 5

// panelSource is a part around a bulkhead. Its panel is shown with that bulkhead.
type panelSource struct {
	name     string
	bulkhead *bulk.Bulkhead
	read     func() panel // of the present state
	owner    owner        // if it sets the parallelism
}

// owner is a part that sets the parallelism of a bulkhead. A change of it concerns both.
type owner struct {
	effect func(to int) string // what a change to this parallelism means, for the confirmation; nil without
	set    func(to int) error  // sets the parallelism in place of the bulkhead; nil: the bulkhead does
	resume func() int          // the number to set after a pause, 0 if it is not known; nil: the parallelism before the pause
	last   func() cause        // its last decision
	gone   func() bool         // it does not set the parallelism any more
}

func (s *panelSource) String() string { return s.name }

func (s *panelSource) readings() iter.Seq[*reading] {
	return func(yield func(*reading) bool) {
		p := s.read()
		r := &reading{status: s.bulkhead.Status(), panels: []func() panel{func() panel { return p }}}
		if s.owner.effect != nil {
			r.owners, r.causes = []owner{s.owner}, []cause{s.owner.last()}
		}
		yield(r)
	}
}

// decisions are the last ones that were seen, the newest first. All methods may be called
// by any number of goroutines concurrently.
type decisions struct {
	mu   sync.Mutex
	seen []decision
}

// add adds a decision unless it is the last one, and returns a copy of all. A decision
// that repeats the last one replaces it: a limit that stays does not hide how it got there.
func (d *decisions) add(at time.Time, text, reason string) []decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	isNew := len(d.seen) == 0 || at.After(d.seen[0].At)
	if !at.IsZero() && isNew {
		kept := d.seen
		if len(kept) > 0 && kept[0].Text == text && kept[0].Reason == reason {
			kept = kept[1:]
		}
		kept = kept[:min(len(kept), maxDecisions-1)]
		d.seen = append([]decision{{At: at, Clock: clock(at), Text: text, Reason: reason}}, kept...)
	}
	return append([]decision(nil), d.seen...)
}
