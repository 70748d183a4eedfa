package dashboard

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// maxPeers is how many other members a panel lists.
const maxPeers = 10

// Fleet returns a source that shows m with its bulkhead: its state, share and demand, the
// shares of the first ten other members, the total, what it drains, the time that is left
// of its lease, and the last changes that were seen, with their reasons. It takes a Status
// of m for each sample, and never calls the store. A number of slots that is entered in
// the form of [AllowChanges] is the limit of m: see [fleet.Member.SetLimit]. The button that
// resumes m after a pause sets the limit before the pause. A nil m panics.
func Fleet(m *fleet.Member) Source {
	if m == nil {
		panic("dashboard: Fleet: nil member")
	}
	var last decisions
	var limit atomic.Int64 // the last one that was not a pause
	limit.Store(bulk.Unlimited)
	status := func() fleet.Status {
		s := m.Status()
		if s.Limit > 0 {
			limit.Store(int64(s.Limit))
		}
		return s
	}
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
		return int(limit.Load())
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
