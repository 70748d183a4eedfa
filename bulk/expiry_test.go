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
		room   time.Duration // the bulkhead's wait limit
		ctx    time.Duration // life of ctx, 0: none
		limits func() []deadline.Limit
		want   error
		at     time.Duration
	}{
		{"wait limit", limit, 0, nil, bulk.ErrExpired, limit},
		{"within", 0, 0, func() []deadline.Limit { return []deadline.Limit{deadline.Within(limit)} }, bulk.ErrExpired, limit},
		{"within tightens the wait limit", limit, 0, func() []deadline.Limit { return []deadline.Limit{deadline.Within(limit - 1)} }, bulk.ErrExpired, limit - 1},
		{"within can't extend the wait limit", limit, 0, func() []deadline.Limit { return []deadline.Limit{deadline.Within(limit + 1)} }, bulk.ErrExpired, limit},
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

// looksLate is a ctx that takes its time to say how it has ended.
type looksLate struct{ context.Context }

func (c looksLate) Err() error {
	err := c.Context.Err()
	if err != nil {
		<-time.After(40 * time.Millisecond)
	}
	return err
}

// The alarm rings for a record that is spare by then, or whose operation has
// woken for another reason: its next use must not hear of it. Only outside a bubble are records kept with their channels and keys, so
// this test is one of the few in real time. It can't fail by being slow.
func TestAlarmOfASpareRecord(t *testing.T) {
	for _, how := range []string{"handed over", "canceled", "about to leave as canceled"} {
		t.Run(how, func(t *testing.T) {
			queued := make(chan struct{}, 9)
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.OnEvent(func(e bulk.Event) {
				if e.Kind == bulk.EventQueued {
					queued <- struct{}{}
				}
			}))
			held := fill(t, b)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			over := make(chan bulk.Slot)
			go func() {
				var own context.Context = ctx
				if how == "about to leave as canceled" {
					own = looksLate{ctx}
				}
				s, _ := b.Acquire(own, deadline.Within(20*time.Millisecond))
				over <- s
			}()
			<-queued
			if how == "handed over" {
				held[0].Release()
			} else {
				cancel()
			}
			(<-over).Release()
			held[0].Release()
			<-time.After(40 * time.Millisecond) // it rings

			held = fill(t, b)
			answer := make(chan error, 1)
			go func() {
				s, err := b.Acquire(t.Context(), deadline.Within(time.Hour))
				s.Release()
				answer <- err
			}()
			<-queued
			select {
			case err := <-answer:
				t.Fatalf("woken with %v while the slot is held", err)
			case <-time.After(10 * time.Millisecond):
			}
			held[0].Release()
			if err := <-answer; err != nil {
				t.Error(err)
			}
		})
	}
}

// A crowd that has left costs no memory, neither until its bounds would have been
// reached nor for ever: what is kept is a fraction of one crowd, however many
// there were.
func TestCrowdsLeaveNothingBehind(t *testing.T) {
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
	comeAndGo(empty()) // the runtime keeps what it needed for so many goroutines
	before := objects()
	b := empty()
	for range 5 {
		comeAndGo(b)
	}
	// A spare record is two objects, itself and its channel: some 2,000 are kept.
	if after := objects(); after > before+crowd/2 {
		t.Errorf("%d objects before five crowds of %d, %d after", before, crowd, after)
	}
	runtime.KeepAlive(b)
}
