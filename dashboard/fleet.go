package dashboard

import (
	"fmt"
	"strings"
	"sync"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// maxPeers is how many other members a panel lists.
const maxPeers = 10

// Fleet returns a source that shows m with its bulkhead: its state, share and demand, the
// shares of the first ten other members, the total, what it drains, the time that is left
// of its lease, and the last changes that were seen, with their reasons. It takes a Status
// of m immediately and for each sample, and never calls the store. A number of slots that is
// entered in the form of [AllowChanges] is the limit of m: see [fleet.Member.SetLimit]. The
// button that resumes m after a pause sets the limit before the pause, if it was seen;
// otherwise it asks for the number. A nil m panics.
func Fleet(m *fleet.Member) Source {
	if m == nil {
		panic("dashboard: Fleet: nil member")
	}
	var last decisions
	var limit formerLimit
	status := func() fleet.Status { return limit.read(m) }
	status()
	return &panelSource{safetext.Printable(m.String()), m.Bulkhead(), func() panel {
		s := status()
		return panel{
			Title: "Fleet " + safetext.Printable(s.Budget) + ", member " + safetext.Printable(s.Name),
			Figures: []figure{
				{"State", s.State.String()},
				{"Own share", formatCount(s.Share)},
				{"Own demand", formatCount(s.Load) + ", peak " + formatCount(s.Demand)},
				{"Total", formatCount(s.Total)},
				{"Free", formatCount(s.Free)},
				{"Draining", formatCount(s.Drain)},
				{"Lease left", formatDuration(s.Lease)},
				{"Shares of others", peers(s.Members)},
			},
			Decisions: last.add(s.Last.At, formatParallelism(s.Last.From)+" → "+formatParallelism(s.Last.To),
				words(s.Last.Reason)),
		}
	}, owner{set: func(n int) error {
		if s := status(); n > 0 && s.State == fleet.Holding && s.Limit > 0 && s.Share > 0 {
			// A pause that other code has made with Resize(0) ends with another parallelism.
			if err := m.Bulkhead().UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
				c.Parallelism = max(c.Parallelism, 1)
				return c
			}); err != nil {
				return err
			}
		}
		return m.SetLimit(n)
	}, last: func() cause {
		c := m.Status().Last
		return cause{c.At, c.To, "fleet: " + words(c.Reason)}
	}, resume: func() int {
		status()
		return limit.get()
	}, gone: func() bool {
		return m.Status().State == fleet.Gone
	}, effect: func(to int) string {
		s := m.Status()
		if s.State == fleet.Leaving {
			return "The member is leaving the fleet. It keeps the bulkhead paused until it has left."
		}
		if to == 0 {
			return fmt.Sprintf("Other members that need slots get the share of this one, now %d slots.", s.Share)
		}
		return fmt.Sprintf("This is a limit for the member of the fleet: the slots are at most this many of its share, now %d of %d.", s.Share, s.Total)
	}}}
}

// formerLimit is the limit of a member before it was paused.
type formerLimit struct {
	mu          sync.Mutex
	limit       int // the last one that was seen and was not a pause; 0 if it is not known
	parallelism int // with that limit
}

// read returns the status of m. Without a viewer nothing is read, so that the limit can
// change unseen before a pause. It is not known then: the pause has begun with another
// parallelism than the one that was seen.
func (l *formerLimit) read(m *fleet.Member) fleet.Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := m.Status()
	switch {
	case s.Limit > 0:
		l.limit, l.parallelism = s.Limit, s.Parallelism
	case s.Last.To == 0 && s.Last.From != l.parallelism:
		l.limit = 0
	}
	return s
}

func (l *formerLimit) get() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limit
}

// peers lists the shares of the other members.
func peers(members []fleet.Peer) string {
	var texts []string
	more := 0
	for _, p := range members {
		switch {
		case p.Self:
		case len(texts) == maxPeers:
			more++
		default:
			texts = append(texts, fmt.Sprintf("%s %d", safetext.Printable(p.Name), p.Share))
		}
	}
	if more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	if texts == nil {
		return none
	}
	return strings.Join(texts, ", ")
}
