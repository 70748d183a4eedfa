package bulk_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// floor has the least cost of counting operations under a lock: two pairs of Lock
// and Unlock around a counter, the second one deferred. Machines differ, so the
// other figures are read as multiples of it, from the same run.
type floor struct {
	mu       sync.Mutex
	inFlight int
}

func (f *floor) finish() {
	f.mu.Lock()
	f.inFlight--
	f.mu.Unlock()
}

func (f *floor) run(ctx context.Context, fn func(context.Context) (int, error)) (int, error) {
	f.mu.Lock()
	f.inFlight++
	f.mu.Unlock()
	defer f.finish()
	return fn(ctx)
}

func one(context.Context) (int, error) { return 1, nil }

// The cost of a call on one goroutine. Each loop is written out, because a call
// through a table of functions would be part of the figure.
func BenchmarkUncontended(b *testing.B) {
	ctx := b.Context()
	b.Run("Floor", func(b *testing.B) {
		b.ReportAllocs()
		var f floor
		for b.Loop() {
			_, _ = f.run(ctx, one)
		}
	})
	b.Run("Run", func(b *testing.B) {
		b.ReportAllocs()
		x := mustNew(b, 4)
		for b.Loop() {
			_, _ = bulk.Run(ctx, x, one)
		}
	})
	b.Run("Guard", func(b *testing.B) {
		b.ReportAllocs()
		guarded := bulk.Guard(mustNew(b, 4), one)
		for b.Loop() {
			_, _ = guarded(ctx)
		}
	})
	b.Run("Acquire+Release", func(b *testing.B) {
		b.ReportAllocs()
		x := mustNew(b, 4)
		for b.Loop() {
			s, _ := x.Acquire(ctx)
			s.Release()
		}
	})
	b.Run("TryAcquire+Release", func(b *testing.B) {
		b.ReportAllocs()
		x := mustNew(b, 4)
		for b.Loop() {
			s, _ := x.TryAcquire()
			s.Release()
		}
	})
	b.Run("Rejection", func(b *testing.B) {
		b.ReportAllocs()
		x := mustNew(b, 1)
		fill(b, x)
		for b.Loop() {
			_, _ = bulk.Run(ctx, x, one)
		}
	})
	b.Run("RunWithin", func(b *testing.B) {
		b.ReportAllocs()
		x := mustNew(b, 4)
		for b.Loop() {
			_, _ = bulk.Run(ctx, x, one, deadline.Within(time.Second))
		}
	})
	b.Run("RunBefore", func(b *testing.B) {
		b.ReportAllocs()
		x := mustNew(b, 4)
		before := time.Now().Add(time.Hour)
		for b.Loop() {
			_, _ = bulk.Run(ctx, x, one, deadline.Before(before))
		}
	})
	b.Run("RunListened", func(b *testing.B) {
		b.ReportAllocs()
		x := mustNew(b, 4, bulk.OnEvent(func(bulk.Event) {}))
		for b.Loop() {
			_, _ = bulk.Run(ctx, x, one)
		}
	})
	b.Run("Status", func(b *testing.B) {
		b.ReportAllocs()
		x := mustNew(b, 4)
		for b.Loop() {
			_ = x.Status()
		}
	})
}

// All processors, and always a free slot.
func BenchmarkParallel(b *testing.B) {
	b.ReportAllocs()
	x := mustNew(b, 1000)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = bulk.Run(b.Context(), x, one)
		}
	})
}

// Many goroutines for one slot: every call waits and is granted the slot, which
// queued/op shows. All goroutines are queued before the clock starts, and those that
// have made their calls are queued again when it stops. The operation yields, as
// an operation that waits for a dependency does, so that the queue stays full.
func BenchmarkHandOver(b *testing.B) {
	yield := func(context.Context) (int, error) {
		runtime.Gosched()
		return 1, nil
	}
	for _, goroutines := range []int{16, 256} {
		for _, limit := range []time.Duration{0, time.Minute} {
			b.Run(fmt.Sprintf("goroutines=%d/limit=%v", goroutines, limit), func(b *testing.B) {
				b.ReportAllocs()
				x := mustNew(b, 1, bulk.WaitingRoom(goroutines), bulk.WaitLimit(limit))
				slots := fill(b, x)
				each := b.N/goroutines + 1
				var unfinished atomic.Int64
				unfinished.Store(int64(goroutines))
				var g sync.WaitGroup
				for range goroutines {
					g.Go(func() {
						for range each {
							_, _ = bulk.Run(b.Context(), x, yield)
						}
						if unfinished.Add(-1) == 0 {
							b.StopTimer()
						}
						_, _ = bulk.Run(b.Context(), x, yield)
					})
				}
				for x.Status().Waiting < goroutines {
					time.Sleep(time.Millisecond)
				}
				b.ResetTimer()
				slots[0].Release()
				g.Wait()
				all := goroutines * (each + 1) // b.N is rounded up to whole rounds
				b.ReportMetric(float64(b.Elapsed())/float64(goroutines*each), "ns/op")
				b.ReportMetric(float64(x.Status().Totals.Queued)/float64(all), "queued/op")
			})
		}
	}
}

// One operation leaves the middle of a long queue and one joins at the end: the cost
// does not depend on the length.
func BenchmarkLeaveALongQueue(b *testing.B) {
	for _, length := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("length=%d", length), func(b *testing.B) {
			x := mustNew(b, 1, bulk.WaitingRoom(length+1), bulk.WaitLimit(time.Hour))
			slots := fill(b, x)
			var g sync.WaitGroup
			ctx, cancel := context.WithCancel(b.Context())
			leave := make([]context.CancelFunc, 0, length)
			for range length {
				own, cancel := context.WithCancel(ctx)
				leave = append(leave, cancel)
				g.Go(func() {
					s, _ := x.Acquire(own)
					s.Release()
				})
			}
			for x.Status().Waiting < length {
				time.Sleep(time.Millisecond)
			}
			b.ReportAllocs()
			next := length / 2
			for b.Loop() {
				// One from the middle leaves, one joins at the end.
				leave[next%length]()
				own, cancel := context.WithCancel(ctx)
				leave[next%length] = cancel
				g.Go(func() {
					s, _ := x.Acquire(own)
					s.Release()
				})
				next++
			}
			b.StopTimer()
			cancel()
			g.Wait()
			slots[0].Release()
		})
	}
}
