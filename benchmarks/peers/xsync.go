package peers

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

var xsync = Spec{
	Name:   "xsync",
	Title:  "x/sync/semaphore",
	Module: "golang.org/x/sync",
	Has:    Limits | Rejects | Orders | Cancels | TimesOut | InPlace | Unwinds,
	Note:   "wait limit by a new ctx for each call that waits; panics handled by the caller's defer",
	New: func(s Setup) Peer {
		w := weighted{semaphore.NewWeighted(int64(s.Slots))}
		switch {
		case s.Listen > 0:
			return nil
		case s.Wait == 0:
			return weightedTry(w)
		case s.Wait == Forever:
			return w
		}
		return weightedLimit{w, s.Wait}
	},
}

type weighted struct{ *semaphore.Weighted }

func (w weighted) Run(ctx context.Context, op Op) (int, error) {
	if err := w.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	defer w.Release(1)
	return op(ctx)
}

func (w weighted) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = w.Run(ctx, op)
	}
}

func (w weighted) Pairs(ctx context.Context, n int) {
	for range n {
		if w.Acquire(ctx, 1) == nil {
			w.Release(1)
		}
	}
}

type weightedTry struct{ *semaphore.Weighted }

func (w weightedTry) Run(ctx context.Context, op Op) (int, error) {
	if !w.TryAcquire(1) {
		return 0, errFull
	}
	defer w.Release(1)
	return op(ctx)
}

func (w weightedTry) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = w.Run(ctx, op)
	}
}

type weightedLimit struct {
	weighted
	limit time.Duration
}

func (w weightedLimit) acquire(ctx context.Context) error {
	if w.TryAcquire(1) { // a new ctx is needed only if the operation waits
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.limit)
	defer cancel()
	return w.Acquire(ctx, 1)
}

func (w weightedLimit) Run(ctx context.Context, op Op) (int, error) {
	if err := w.acquire(ctx); err != nil {
		return 0, err
	}
	defer w.Release(1)
	return op(ctx)
}

func (w weightedLimit) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = w.Run(ctx, op)
	}
}

func (w weightedLimit) Pairs(ctx context.Context, n int) {
	for range n {
		if w.acquire(ctx) == nil {
			w.Release(1)
		}
	}
}
