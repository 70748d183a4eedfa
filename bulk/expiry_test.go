package bulk_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// Each kind of bound ends the wait at its instant: not one nanosecond earlier,
// not one later, and the earliest of several wins.
func TestBoundsEndTheWaitExactly(t *testing.T) {
	const limit = 250 * time.Millisecond
	cases := []struct {
		name   string
		room   time.Duration // the wait limit of the bulkhead
		ctx    time.Duration // the timeout of ctx, or 0 for none
		limits func() []deadline.Limit
		want   error
		at     time.Duration
	}{
		{"wait limit", limit, 0, nil, bulk.ErrExpired, limit},
		{"within", 0, 0, func() []deadline.Limit { return []deadline.Limit{deadline.Within(limit)} }, bulk.ErrExpired, limit},
		{"within tightens the wait limit", limit, 0, func() []deadline.Limit { return []deadline.Limit{deadline.Within(limit - 1)} }, bulk.ErrExpired, limit - 1},
		{"within cannot extend the wait limit", limit, 0, func() []deadline.Limit { return []deadline.Limit{deadline.Within(limit + 1)} }, bulk.ErrExpired, limit},
		{"before", 0, 0, func() []deadline.Limit { return []deadline.Limit{deadline.Before(time.Now().Add(limit))} }, bulk.ErrExpired, limit},
		{"reserve", 0, time.Second, func() []deadline.Limit { return []deadline.Limit{deadline.Reserve(time.Second - limit)} }, bulk.ErrExpired, limit},
		{"the earliest of all", time.Hour, time.Minute, func() []deadline.Limit {
			return []deadline.Limit{deadline.Within(time.Second), deadline.Before(time.Now().Add(limit)), deadline.Reserve(time.Second)}
		}, bulk.ErrExpired, limit},
		{"ctx alone", 0, limit, nil, bulk.ErrCanceled, limit},
		{"ctx a nanosecond before the bound", limit, limit - 1, nil, bulk.ErrCanceled, limit - 1},
		{"ctx at the instant of the bound", limit, limit, nil, bulk.ErrCanceled, limit},
		{"ctx a nanosecond after the bound", limit, limit + 1, nil, bulk.ErrExpired, limit},
		{"ctx at the instant of within", 0, limit, func() []deadline.Limit { return []deadline.Limit{deadline.Within(limit)} }, bulk.ErrCanceled, limit},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(c.room))
				held := fill(t, b)
				ctx := t.Context()
				if c.ctx > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.ctx)
					defer cancel()
				}
				var limits []deadline.Limit
				if c.limits != nil {
					limits = c.limits()
				}
				p := parkWith(t, ctx, b, 1, limits...)
				time.Sleep(c.at - 1)
				p.mustWait(t)
				time.Sleep(time.Nanosecond)
				p.mustFail(t, c.want)
				if p.took != c.at {
					t.Errorf("waited %v, want %v", p.took, c.at)
				}
				var e *bulk.AdmissionError
				if errors.As(p.err, &e) && e.Reason == bulk.Expired && e.Limit != c.at {
					t.Errorf("Limit %v, want %v", e.Limit, c.at)
				}
				held[0].Release()
				mustBeIdle(t, b)
			})
		})
	}
}

// slowCtx calls beforeErr before it says how it ended.
type slowCtx struct {
	context.Context
	beforeErr func()
}

func (c slowCtx) Err() error {
	err := c.Context.Err()
	if err != nil {
		c.beforeErr()
	}
	return err
}

// The timer can fire for a record that is no longer in use, or whose operation has
// woken for another reason. The next operation with that record must not receive
// the signal. Only outside a bubble does a record keep its channel, so the test is in
// real time. It waits for the timer itself: a slow machine cannot make it fail.
func TestTimerOfAnEndedWaitDoesNotEndTheNext(t *testing.T) {
	const limit = 10 * time.Millisecond
	for _, c := range []struct {
		name           string
		cancel         bool // or the operation is granted its slot
		fires, granted bool // after it has woken and before it leaves the queue
	}{
		{"granted", false, false, false},
		{"canceled", true, false, false},
		{"canceled, and the timer fires before it leaves the queue", true, true, false},
		{"canceled, and granted before it leaves the queue", true, false, true},
		{"canceled, and the timer fires and it is granted before it leaves the queue", true, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			queued := make(chan struct{}, 2)
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.OnEvent(func(e bulk.Event) {
				if e.Kind == bulk.EventQueued {
					queued <- struct{}{}
				}
			}))
			untilTheTimerHasFired := func() {
				for b.ExpiryIsSet() {
					runtime.Gosched()
				}
			}
			held := fill(t, b)[0]
			parent, cancel := context.WithCancel(t.Context())
			defer cancel()
			ctx := slowCtx{parent, func() {
				if c.fires {
					untilTheTimerHasFired()
				}
				if c.granted {
					held.Release()
				}
			}}
			answer := make(chan error, 1)
			acquire := func(ctx context.Context, limit time.Duration) {
				s, err := b.Acquire(ctx, deadline.Within(limit))
				s.Release()
				answer <- err
			}
			go acquire(ctx, limit)
			<-queued
			if c.cancel {
				cancel()
			} else {
				held.Release()
			}
			<-answer
			held.Release()
			untilTheTimerHasFired()
			mustBeSound(t, b) // no record keeps a signal

			held = fill(t, b)[0]
			go acquire(t.Context(), time.Hour) // with the same record
			<-queued
			held.Release()
			if err := <-answer; err != nil {
				t.Error(err)
			}
			mustBeIdle(t, b)
		})
	}
}

// Operations that have left the queue cost no memory, neither until their wait
// bounds would have passed nor later: what is kept is a fraction of one crowd,
// however many there were.
//
// The test counts objects, which depends on the Go version. But a leak is far from
// the limit: five crowds whose records stay are 100,000 objects, a record and its
// channel each. The records that are kept for later use are 2,000 objects.
func TestCrowdsThatLeftTheQueueCostNoMemory(t *testing.T) {
	const crowd = 10_000
	comeAndGo := func(b *bulk.Bulkhead) {
		held := fill(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		var g sync.WaitGroup
		for range crowd {
			g.Go(func() {
				s, _ := b.Acquire(ctx)
				s.Release()
			})
		}
		for b.Status().Waiting < crowd {
			runtime.Gosched()
		}
		cancel()
		g.Wait()
		held[0].Release()
	}
	objects := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	empty := func() *bulk.Bulkhead { return mustNew(t, 1, bulk.WaitingRoom(crowd), bulk.WaitLimit(time.Hour)) }
	comeAndGo(empty()) // the runtime keeps the memory of the goroutines
	before := objects()
	b := empty()
	for range 5 {
		comeAndGo(b)
	}
	after := objects()
	t.Logf("%d objects before five crowds of %d, %d after", before, crowd, after)
	if after > before+crowd {
		t.Errorf("%d objects more than before", after-before)
	}
	runtime.KeepAlive(b)
}
