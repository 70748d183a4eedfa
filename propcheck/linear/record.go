package linear

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/bulklink/bulklink-go/bulk"
)

// recorder is what the clients share.
type recorder struct {
	b      *bulk.Bulkhead
	try    func(n int) (bulk.Slot, bool)
	origin time.Time
	number atomic.Int64
	passed chan holding // slots that change hands, some of them stale
	ends   chan ending  // of ctxs that others may end
	timers sync.WaitGroup

	mu     sync.Mutex
	ops    []porcupine.Operation
	events []bulk.Event
	broken error // invariants of the bulkhead that did not hold
}

// ending ends the ctx of an operation.
type ending struct {
	op  int
	end context.CancelFunc
}

// holding is a slot and the operation that it belongs to.
type holding struct {
	op   int
	slot bulk.Slot
}

func (r *recorder) now() int64 { return int64(time.Since(r.origin)) }

// record lets the clients loose on a bulkhead, and returns its history. spoil
// may replace what TryAcquireN does.
func record(seed uint64, watched bool, spoil func(*bulk.Bulkhead) func(n int) (bulk.Slot, bool)) history {
	random := rand.New(rand.NewPCG(seed, 0))
	c := someCapacity(random)
	r := &recorder{origin: time.Now(), passed: make(chan holding, clients), ends: make(chan ending, 3)}
	opts := []bulk.Option{bulk.WaitingRoom(c.WaitingRoom), bulk.WaitLimit(c.WaitLimit)}
	if watched {
		opts = append(opts, bulk.OnEvent(r.hear))
	}
	r.b = bulk.Must(bulk.New(label, c.Parallelism, opts...))
	if r.try = r.b.TryAcquireN; spoil != nil {
		r.try = spoil(r.b)
	}

	closes := random.IntN(2 * calls) // before which call client 0 closes: in half of all histories
	start := make(chan struct{})
	var all sync.WaitGroup
	for id := range clients {
		all.Go(func() {
			cl := &client{recorder: r, id: id, random: rand.New(rand.NewPCG(seed, uint64(id)+1))}
			<-start
			for i := range calls {
				if id == 0 && i == closes {
					cl.shut()
				}
				cl.act()
			}
			cl.leave()
		})
	}
	close(start)
	all.Wait()
	r.timers.Wait()

	last := &client{recorder: r, random: random}
	close(r.passed)
	for h := range r.passed {
		last.held = append(last.held, h)
	}
	last.releaseAll()
	last.look()
	last.shut()
	last.drained()
	last.look()
	last.leave()
	slices.SortFunc(r.events, func(a, b bulk.Event) int { return int(a.Seq) - int(b.Seq) })
	return history{c, r.ops, r.events, r.broken}
}

// hear is the handler. Events are kept as the model makes them.
func (r *recorder) hear(e bulk.Event) {
	e.ID, e.At, e.Waited = 0, epoch, 0
	r.mu.Lock()
	r.events = append(r.events, e)
	r.mu.Unlock()
	runtime.Gosched() // let others in before the call returns
}

func someCapacity(random *rand.Rand) bulk.Capacity {
	c := bulk.Capacity{Parallelism: 1 + random.IntN(4), WaitingRoom: random.IntN(6)}
	if random.IntN(2) == 0 {
		c.WaitLimit = time.Duration(1+random.IntN(1000)) * time.Microsecond
	}
	return c
}
