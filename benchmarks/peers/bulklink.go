package peers

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
)

var bulklink = Spec{
	Name:   "bulklink",
	Title:  "Bulklink",
	Module: "github.com/bulklink/bulklink-go",
	Has:    everything,
	New: func(s Setup) Peer {
		var opts []bulk.Option
		if s.Wait > 0 {
			opts = append(opts, bulk.WaitingRoom(s.Room))
			if s.Wait != Forever {
				opts = append(opts, bulk.WaitLimit(s.Wait))
			}
		}
		for range s.Listen {
			opts = append(opts, bulk.OnEvent(func(bulk.Event) {}))
		}
		return Bulklink{bulk.Must(bulk.New("bench", s.Slots, opts...))}
	},
}

// Bulklink is the peer of this module.
type Bulklink struct{ *bulk.Bulkhead }

func (b Bulklink) Run(ctx context.Context, op Op) (int, error) {
	return bulk.Run(ctx, b.Bulkhead, op)
}

func (b Bulklink) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = bulk.Run(ctx, b.Bulkhead, op)
	}
}

func (b Bulklink) Pairs(ctx context.Context, n int) {
	for range n {
		s, _ := b.Acquire(ctx)
		s.Release()
	}
}
