package peers

import (
	"context"

	"github.com/eapache/go-resiliency/semaphore"
)

var resiliency = Spec{
	Name:   "resiliency",
	Title:  "eapache/go-resiliency",
	Module: "github.com/eapache/go-resiliency",
	Has:    Limits | TimesOut | Unwinds | InPlace,
	Note:   "sets a timer for every call; panics handled by the caller's defer",
	New: func(s Setup) Peer {
		if s.Listen > 0 || s.Wait == 0 || s.Wait == Forever {
			return nil // it always sets a timer
		}
		return tickets{semaphore.New(s.Slots, s.Wait)}
	},
}

type tickets struct{ *semaphore.Semaphore }

func (t tickets) Run(ctx context.Context, op Op) (int, error) {
	if err := t.Acquire(); err != nil {
		return 0, err
	}
	defer t.Release()
	return op(ctx)
}

func (t tickets) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = t.Run(ctx, op)
	}
}

func (t tickets) Pairs(_ context.Context, n int) {
	for range n {
		if t.Acquire() == nil {
			t.Release()
		}
	}
}
