package main

import (
	"context"
	"errors"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/platinummonkey/go-concurrency-limits/core"
	"github.com/platinummonkey/go-concurrency-limits/limit"
	"github.com/platinummonkey/go-concurrency-limits/limiter"
	"github.com/platinummonkey/go-concurrency-limits/strategy"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/simdep"
)

// All limiters may move between these limits.
const lowest, highest = 1, 200

// A contender is one of the limiters that are compared.
type contender struct {
	name string
	make func(start int) simdep.Limiter
}

func contenders() []contender {
	return []contender{
		{"Bulklink", newBulklink},
		{"failsafe-go", newFailsafe},
		{"Vegas", func(start int) simdep.Limiter {
			return newNetflix(limit.NewVegasLimitWithRegistry("", start, nil, highest, -1, nil, nil, nil, nil, nil, -1, nil, nil))
		}},
		{"Gradient2", func(start int) simdep.Limiter {
			l, err := limit.NewGradient2Limit("", start, highest, lowest, nil, 0.2, 600, nil, nil)
			return newNetflix(must(l, err))
		}},
		{"AIMD", func(start int) simdep.Limiter {
			return newNetflix(limit.NewAIMDLimit("", start, 0.9, 1, nil))
		}},
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// bulklink is a bulkhead with a limiter.
type bulklink struct {
	b *bulk.Bulkhead
	l *adaptive.Limiter
}

func newBulklink(start int) simdep.Limiter {
	b := must(bulk.New("dependency", start))
	return bulklink{b, must(adaptive.New(b, lowest, highest))}
}

func (l bulklink) Limit() int { return l.b.Capacity().Parallelism }

func (l bulklink) TryAcquire() (func(simdep.Outcome), bool) {
	slot, ok := l.b.TryAcquire()
	if !ok {
		return nil, false
	}
	end := l.l.Begin()
	return func(o simdep.Outcome) {
		end(errorOf(o))
		slot.Release()
	}, true
}

type refused struct{}

func (refused) Error() string    { return "refused" }
func (refused) Overloaded() bool { return true }

var errFailed = errors.New("failed")

func errorOf(o simdep.Outcome) error {
	switch o {
	case simdep.Served:
		return nil
	case simdep.Refused:
		return refused{}
	case simdep.TimedOut:
		return context.DeadlineExceeded
	default:
		return errFailed
	}
}

// failsafe is the adaptive limiter of failsafe-go with its default settings. As its
// executor does, it records every result, and drops what ended with the end of its ctx.
type failsafe struct {
	adaptivelimiter.AdaptiveLimiter[any]
}

func newFailsafe(start int) simdep.Limiter {
	return failsafe{adaptivelimiter.NewBuilder[any]().WithLimits(lowest, highest, uint(start)).Build()}
}

func (l failsafe) TryAcquire() (func(simdep.Outcome), bool) {
	permit, ok := l.TryAcquirePermit()
	if !ok {
		return nil, false
	}
	return func(o simdep.Outcome) {
		if o == simdep.TimedOut {
			permit.Drop()
			return
		}
		permit.Record()
	}, true
}

// netflix is the DefaultLimiter of go-concurrency-limits, with its default windows.
type netflix struct{ *limiter.DefaultLimiter }

func newNetflix(l core.Limit) simdep.Limiter {
	const second, threshold, samples = 1e9, 1e5, 100
	return netflix{must(limiter.NewDefaultLimiter(l, second, second, threshold, samples, strategy.NewSimpleStrategy(l.EstimatedLimit()), nil, nil))}
}

func (l netflix) Limit() int { return l.EstimatedLimit() }

func (l netflix) TryAcquire() (func(simdep.Outcome), bool) {
	listener, ok := l.Acquire(context.Background())
	if !ok {
		return nil, false
	}
	return func(o simdep.Outcome) {
		switch o {
		case simdep.Served:
			listener.OnSuccess()
		case simdep.Failed:
			listener.OnIgnore()
		default:
			listener.OnDropped()
		}
	}, true
}

// fixed is a limit that never changes.
type fixed struct{ limit, inFlight int }

func (f *fixed) Limit() int { return f.limit }

func (f *fixed) TryAcquire() (func(simdep.Outcome), bool) {
	if f.inFlight >= f.limit {
		return nil, false
	}
	f.inFlight++
	return func(simdep.Outcome) { f.inFlight-- }, true
}
