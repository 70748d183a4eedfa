package peers

import (
	"context"
	"time"

	failsafego "github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
)

// failsafe is failsafe-go with an executor, as in its documentation.
var failsafe = Spec{
	Name:   "failsafe",
	Title:  "failsafe-go executor",
	Module: "github.com/failsafe-go/failsafe-go",
	Has:    Limits | Rejects | TimesOut | Cancels | Announces | InPlace | Bundled,
	Note:   "composes with its other policies",
	New: func(s Setup) Peer {
		if s.Wait == Forever {
			return nil // without a wait limit the executor never waits
		}
		b := bulkhead.NewBuilder[int](uint(s.Slots)).WithMaxWaitTime(s.Wait)
		if s.Listen > 0 { // it supports one listener of each kind
			b.OnAcquired(func(failsafego.ExecutionEvent[int]) {})
			b.OnReleased(func(failsafego.ExecutionEvent[int]) {})
			b.OnFull(func(failsafego.ExecutionEvent[int]) {})
		}
		return failsafeExecutor{failsafego.With[int](b.Build())}
	},
}

type failsafeExecutor struct{ executor failsafego.Executor[int] }

func (f failsafeExecutor) Run(ctx context.Context, op Op) (int, error) {
	return f.executor.WithContext(ctx).GetWithExecution(func(e failsafego.Execution[int]) (int, error) {
		return op(e.Context())
	})
}

func (f failsafeExecutor) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = f.Run(ctx, op)
	}
}

// failsafePermits is the bulkhead of failsafe-go without an executor.
var failsafePermits = Spec{
	Name:   "failsafe-permits",
	Title:  "failsafe-go, bare permits",
	Module: "github.com/failsafe-go/failsafe-go",
	Has:    Limits | Rejects | TimesOut | Cancels | InPlace | Unwinds,
	Note:   "panics handled by the caller's defer",
	New: func(s Setup) Peer {
		p := permits{bulkhead.New[int](uint(s.Slots))}
		switch {
		case s.Listen > 0:
			return nil
		case s.Wait == Forever:
			return p
		}
		return permitsLimit{p.Bulkhead, s.Wait}
	},
}

type permits struct{ bulkhead.Bulkhead[int] }

func (p permits) Run(ctx context.Context, op Op) (int, error) {
	if err := p.AcquirePermit(ctx); err != nil {
		return 0, err
	}
	defer p.ReleasePermit()
	return op(ctx)
}

func (p permits) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = p.Run(ctx, op)
	}
}

func (p permits) Pairs(ctx context.Context, n int) {
	for range n {
		if p.AcquirePermit(ctx) == nil {
			p.ReleasePermit()
		}
	}
}

type permitsLimit struct {
	bulkhead.Bulkhead[int]
	limit time.Duration
}

func (p permitsLimit) Run(ctx context.Context, op Op) (int, error) {
	if err := p.AcquirePermitWithMaxWait(ctx, p.limit); err != nil {
		return 0, err
	}
	defer p.ReleasePermit()
	return op(ctx)
}

func (p permitsLimit) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = p.Run(ctx, op)
	}
}
