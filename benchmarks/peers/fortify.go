package peers

import (
	"context"

	"github.com/felixgeelhaar/fortify/bulkhead"
)

var fortify = Spec{
	Name:   "fortify",
	Title:  "felixgeelhaar/fortify",
	Module: "github.com/felixgeelhaar/fortify",
	Has:    Limits | Rejects | Bounds | Cancels | TimesOut | Unwinds | Announces | Bundled,
	Note:   "one additional goroutine for each queued operation; its wait limit includes the time that the operation runs; a panic of a queued operation ends the program",
	New: func(s Setup) Peer {
		c := bulkhead.Config{MaxConcurrent: s.Slots}
		if s.Wait > 0 {
			c.MaxQueue = s.Room
			if s.Wait != Forever {
				c.QueueTimeout = s.Wait
			}
		}
		if s.Listen > 0 {
			c.OnRejected = func() {}
		}
		return fortified{bulkhead.New[int](c)}
	},
}

type fortified struct{ bulkhead.Bulkhead[int] }

func (f fortified) Run(ctx context.Context, op Op) (int, error) { return f.Execute(ctx, op) }

func (f fortified) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = f.Execute(ctx, op)
	}
}
