//go:build !race

package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// The allocations of a call in steady state are exact, except with the race
// detector, which allocates too. Tests in this file must not run in parallel with
// others.
func TestNothingIsAllocated(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	done, canceled := context.WithCancel(t.Context())
	canceled()
	late, stop := context.WithDeadline(t.Context(), time.Time{})
	defer stop()
	b := mustNew(t, 4, bulk.WaitingRoom(4), bulk.WaitLimit(time.Minute))
	full := mustNew(t, 1)
	fill(t, full)
	closed := mustNew(t, 1)
	closed.Close()
	withHandler := mustNew(t, 1, bulk.OnEvent(func(bulk.Event) {}))
	one := func(context.Context) (int, error) { return 1, nil }
	guarded := bulk.Guard(b, one)
	guarded1 := bulk.Guard1(b, func(context.Context, string) (int, error) { return 1, nil }, deadline.Within(time.Second))
	guardedDo := bulk.GuardDo(b, nothing)
	failing := func(context.Context) error { return errOwn }
	before := time.Now().Add(time.Hour)

	for name, call := range map[string]func() error{
		"Run":     func() error { _, err := bulk.Run(ctx, b, one); return err },
		"RunN":    func() error { _, err := bulk.RunN(ctx, b, 2, one); return err },
		"Do":      func() error { return bulk.Do(ctx, b, nothing) },
		"Guard":   func() error { _, err := guarded(ctx); return err },
		"Guard1":  func() error { _, err := guarded1(ctx, "x"); return err },
		"GuardDo": func() error { return guardedDo(ctx) },
		"Acquire and Release": func() error {
			s, err := b.Acquire(ctx)
			s.Release()
			return err
		},
		"AcquireN and Release": func() error {
			s, err := b.AcquireN(ctx, 3, deadline.NoWait())
			s.Release()
			return err
		},
		"TryAcquire and Release": func() error {
			s, _ := b.TryAcquire()
			s.Release()
			return nil
		},
		"Within":  func() error { return bulk.Do(ctx, b, nothing, deadline.Within(time.Second)) },
		"NoWait":  func() error { return bulk.Do(ctx, b, nothing, deadline.NoWait()) },
		"Before":  func() error { return bulk.Do(ctx, b, nothing, deadline.Before(before)) },
		"Reserve": func() error { return bulk.Do(ctx, b, nothing, deadline.Reserve(time.Second)) },
		"all limits": func() error {
			return bulk.Do(ctx, b, nothing, deadline.Within(time.Second), deadline.Before(before), deadline.Reserve(time.Second))
		},
		"saturated": func() error { return expect(bulk.Do(ctx, full, nothing), bulk.ErrSaturated) },
		"saturated, all verbs": func() error {
			_, err := full.Acquire(ctx, deadline.NoWait())
			full.TryAcquire()
			return expect(err, bulk.ErrSaturated)
		},
		"oversized": func() error {
			_, err := full.AcquireN(ctx, 2)
			return expect(err, bulk.ErrOversized)
		},
		"expired": func() error {
			return expect(bulk.Do(ctx, b, nothing, deadline.Before(time.Time{})), bulk.ErrExpired)
		},
		"closed":   func() error { return expect(bulk.Do(ctx, closed, nothing), bulk.ErrClosed) },
		"canceled": func() error { return expect(bulk.Do(done, b, nothing), bulk.ErrCanceled) },
		"canceled by its deadline": func() error {
			return expect(bulk.Do(late, b, nothing), context.DeadlineExceeded)
		},
		"fails": func() error { return expect(bulk.Do(ctx, b, failing), errOwn) },
		"with a handler": func() error {
			return bulk.Do(ctx, withHandler, nothing)
		},
		"Status when nobody has waited": func() error { _ = b.Status(); return nil },
	} {
		var err error
		if n := testing.AllocsPerRun(1000, func() { err = call() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A Status of a bulkhead with waits allocates a copy of the histogram, nothing else.
func TestStatusAllocatesOneHistogram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := oneSlot()
		wait(b, time.Second)
		const runs = 1000
		var start, end runtime.MemStats
		runtime.ReadMemStats(&start)
		n := testing.AllocsPerRun(runs, func() { _ = b.Status() })
		runtime.ReadMemStats(&end)
		if size := (end.TotalAlloc - start.TotalAlloc) / runs; n != 1 || size > 4<<10+100 {
			t.Errorf("%v allocations, %d bytes in each Status", n, size)
		}
	})
}

func expect(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return errors.Join(fmt.Errorf("want %w", want), err)
}

// Waits in steady state: a few goroutines want one slot, and each yields to the
// others while it holds the slot. The scheduler decides whether a single Acquire
// waits, so the test counts the allocations of all of them.
func TestWaitingAllocatesNothing(t *testing.T) {
	const goroutines, each = 4, 10_000
	long := time.Hour
	before := time.Now().Add(long)
	for name, c := range map[string]struct {
		opts   []bulk.Option
		limits []deadline.Limit
	}{
		"no limit":         {nil, nil},
		"wait limit":       {[]bulk.Option{bulk.WaitLimit(long)}, nil},
		"limit of a call":  {nil, []deadline.Limit{deadline.Within(long)}},
		"limits of a call": {[]bulk.Option{bulk.WaitLimit(long)}, []deadline.Limit{deadline.Within(long), deadline.Before(before), deadline.Reserve(1)}},
		"limits that vary": {nil, []deadline.Limit{deadline.Within(long), deadline.Before(before.Add(-time.Minute))}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), long)
			defer cancel()
			b := mustNew(t, 1, append(c.opts, bulk.WaitingRoom(goroutines))...)
			work := func(n int) {
				var g sync.WaitGroup
				for range goroutines {
					g.Go(func() {
						for range n {
							s, err := b.Acquire(ctx, c.limits...)
							if err != nil {
								t.Error(err)
							}
							runtime.Gosched()
							s.Release()
						}
					})
				}
				g.Wait()
			}
			work(100)
			queued := b.Status().Totals.Queued
			var start, end runtime.MemStats
			runtime.ReadMemStats(&start)
			work(each)
			runtime.ReadMemStats(&end)
			queued = b.Status().Totals.Queued - queued
			if queued < each {
				t.Fatalf("only %d of %d waited", queued, goroutines*each)
			}
			if n := end.Mallocs - start.Mallocs; n > queued/50 {
				t.Errorf("%d allocations in %d waits", n, queued)
			}
		})
	}
}

// A goroutine begins with a stack of 2 kB and doubles it when a call needs more. Run,
// RunN and Acquire call await directly, so that a goroutine that waits still has its first
// stack: one more frame between them would double the memory of every waiter.
func TestWaiterKeepsItsFirstStack(t *testing.T) {
	one := func(context.Context) (int, error) { return 1, nil }
	ways := []func(context.Context, *bulk.Bulkhead){
		func(ctx context.Context, b *bulk.Bulkhead) { _, _ = bulk.Run(ctx, b, one) },
		func(ctx context.Context, b *bulk.Bulkhead) { _, _ = bulk.RunN(ctx, b, 1, one) },
		func(ctx context.Context, b *bulk.Bulkhead) {
			s, _ := b.Acquire(ctx)
			s.Release()
		},
	}
	const n = 6_000
	var first, waiters int
	measure := func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(n), bulk.WaitLimit(time.Minute))
		slots := fill(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var g sync.WaitGroup
		runtime.GC() // frees the stacks of goroutines that have ended, which would be used again
		none := stacks()
		for range n { // the runtime can choose a larger first stack, for these and for the next
			g.Go(func() { <-ctx.Done() })
		}
		synctest.Wait()
		first = stacks() - none
		for i := range n {
			g.Go(func() { ways[i%len(ways)](ctx, b) })
		}
		synctest.Wait()
		waiters = stacks() - none - first
		slots[0].Release()
		cancel()
		g.Wait()
	}
	// On a busy machine some waiters are preempted, which can need more stack. So one of
	// several measurements must be good. It is a third more if one of the three ways needs
	// the double. Then the runtime may begin with the double for all, and there is nothing
	// left to measure.
	more := func(n, than int) bool { return float64(n) > 1.15*float64(than) }
	for attempt, smallest := 0, 0; attempt < 5; attempt++ {
		synctest.Test(t, measure)
		if attempt == 0 {
			smallest = first
		}
		if more(first, smallest) {
			break
		}
		if !more(waiters, first) {
			return
		}
	}
	t.Errorf("%d waiters have stacks of %d bytes, goroutines that do nothing of %d", n, waiters, first)
}

// stacks returns the memory of all stacks, in bytes.
func stacks() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.StackInuse)
}
