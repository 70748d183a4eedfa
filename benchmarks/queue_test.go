package benchmarks

import (
	"context"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
)

// settle returns when all goroutines started so far have blocked. It asks the scheduler,
// because most peers cannot report how many operations wait.
func settle() {
	runnable := []metrics.Sample{{Name: "/sched/goroutines/runnable:goroutines"}, {Name: "/sched/goroutines/running:goroutines"}}
	for quiet := 0; quiet < 3; {
		time.Sleep(2 * time.Millisecond)
		metrics.Read(runnable)
		if runnable[0].Value.Uint64() == 0 && runnable[1].Value.Uint64() <= 1 {
			quiet++
		} else {
			quiet = 0
		}
	}
}

// queueLengths returns the queue lengths over which the cost of an operation must not
// grow.
func queueLengths() []int {
	if testing.Short() {
		return []int{100, 10_000}
	}
	return []int{100, 1_000, 10_000, 100_000, 1_000_000}
}

// BenchmarkQueueLength keeps the queue at a constant length: its head is admitted, runs,
// and is queued again at the end. The cost still grows slightly with the length, because
// each goroutine's data has left the processor's caches; the bare channel shows the same
// growth.
func BenchmarkQueueLength(b *testing.B) {
	const batch = 1000 // operations for each turn of the loop
	for _, length := range queueLengths() {
		b.Run("length="+itoa(length), func(b *testing.B) {
			with(b, peers.Limits|peers.InPlace, func(s peers.Spec) peers.Peer {
				switch s.Name {
				case "bulklink", "channel":
				case "xsync":
					if length > 100_000 {
						return nil // each operation takes seconds
					}
				default:
					return nil // they use channels too
				}
				return s.Patient(peers.Setup{Slots: 1, Room: length})
			}, func(b *testing.B, p peers.Peer) {
				var left atomic.Int64
				var stop atomic.Bool
				idle, more := make(chan struct{}), make(chan struct{})
				op := func(context.Context) (int, error) {
					if left.Add(-1) < 0 && !stop.Load() {
						idle <- struct{}{}
						<-more
					}
					return 0, nil
				}
				var g sync.WaitGroup
				for range length + 1 { // one of them holds the slot
					g.Go(func() {
						for !stop.Load() {
							_, _ = p.Run(b.Context(), op)
						}
					})
				}
				<-idle
				settle()
				turns := 0
				for b.Loop() {
					left.Store(batch - 1)
					more <- struct{}{}
					<-idle
					turns++
				}
				b.ReportMetric(float64(b.Elapsed())/float64(turns)/batch, "ns/op")
				stop.Store(true)
				close(more)
				g.Wait()
			})
		})
	}
}

// BenchmarkLeave cancels a random operation in a long queue, and another one joins at the
// end. Most of the figure is the cost of the goroutine and its ctx, which peer=none
// measures alone.
func BenchmarkLeave(b *testing.B) {
	const length = 10_000
	leave := func(b *testing.B, wait func(context.Context)) {
		type waiter struct {
			cancel context.CancelFunc
			left   chan struct{}
		}
		join := func() waiter {
			ctx, cancel := context.WithCancel(context.Background())
			w := waiter{cancel, make(chan struct{})}
			go func() {
				defer close(w.left)
				wait(ctx)
			}()
			return w
		}
		queue := make([]waiter, length)
		for i := range queue {
			queue[i] = join()
		}
		settle()
		random := rand.New(rand.NewPCG(1, 2))
		b.ReportAllocs()
		for b.Loop() {
			w := &queue[random.IntN(length)]
			w.cancel()
			<-w.left
			*w = join()
		}
		for _, w := range queue {
			w.cancel()
			<-w.left
		}
	}
	b.Run("peer=none", func(b *testing.B) {
		leave(b, func(ctx context.Context) { <-ctx.Done() })
	})
	with(b, peers.Limits|peers.Cancels, func(s peers.Spec) peers.Peer {
		return s.New(peers.Setup{Slots: 1, Room: length, Wait: peers.Forever})
	}, func(b *testing.B, p peers.Peer) {
		release := hold(p)
		defer release()
		leave(b, func(ctx context.Context) { _, _ = p.Run(ctx, one) })
	})
}

// BenchmarkMemory measures the memory of one waiting operation, including its goroutine.
// peer=none is only a goroutine parked on a channel. Run it with -benchtime 1x.
func BenchmarkMemory(b *testing.B) {
	waiters := 50_000
	if testing.Short() {
		waiters = 5_000
	}
	measure := func(b *testing.B, waiters int, wait func(), release func()) {
		before := inUse()
		var g sync.WaitGroup
		for range waiters {
			g.Go(wait)
		}
		settle()
		after := inUse()
		b.ReportMetric(0, "ns/op") // not meaningful here
		b.ReportMetric((after.heap-before.heap)/float64(waiters), "heap-B/waiter")
		b.ReportMetric((after.stacks-before.stacks)/float64(waiters), "stack-B/waiter")
		release()
		g.Wait()
	}
	bare := func(b *testing.B) {
		gate := make(chan struct{})
		measure(b, waiters, func() { <-gate }, func() { close(gate) })
	}
	// The runtime keeps the records of goroutines that have ended. Creating them here
	// keeps them out of the figure of the first peer.
	bare(b)
	b.Run("peer=none", bare)
	with(b, peers.Limits, patient(peers.Setup{Slots: 1, Room: waiters}), func(b *testing.B, p peers.Peer) {
		measure(b, waiters, func() { _, _ = p.Run(b.Context(), one) }, hold(p))
	})
}

type memory struct{ heap, stacks float64 }

func inUse() memory {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{float64(m.HeapAlloc), float64(m.StackInuse)}
}
