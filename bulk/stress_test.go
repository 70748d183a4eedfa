package bulk_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// mostSlots is the largest parallelism in a stress test.
const mostSlots = 8

// stress counts what the callers of a bulkhead see.
type stress struct {
	*testing.T
	b                                *bulk.Bulkhead
	inUse                            atomic.Int64 // slots of the operations that run
	ran, rejected, canceled, invalid atomic.Int64 // calls

	mu     sync.Mutex
	remove func() // removes the handler
	seqs   sync.Map
}

// work returns an operation on n slots.
func (s *stress) work(n int) func(context.Context) error {
	return func(context.Context) error {
		if now := s.inUse.Add(int64(n)); now > mostSlots {
			s.Errorf("%d slots in use", now)
		}
		if rand.IntN(4) == 0 {
			runtime.Gosched()
		}
		s.inUse.Add(int64(-n))
		s.ran.Add(1)
		return nil
	}
}

// count counts the answer of a call.
func (s *stress) count(err error) {
	switch {
	case err == nil:
	case errors.Is(err, bulk.ErrConfig):
		s.invalid.Add(1)
	case errors.Is(err, bulk.ErrCanceled):
		s.canceled.Add(1)
	case bulk.NotStarted(err, s.b):
		s.rejected.Add(1)
	default:
		s.Errorf("unexpected error %v", err)
	}
}

// hold does the work of an operation that was admitted if err is nil.
func (s *stress) hold(ctx context.Context, n int, slot bulk.Slot, err error) {
	if s.count(err); err == nil {
		_ = s.work(n)(ctx)
	}
	slot.Release()
}

// stressCalls are calls of all functions that admit operations.
var stressCalls = []func(s *stress, ctx context.Context, n int, limits []deadline.Limit){
	func(s *stress, ctx context.Context, _ int, limits []deadline.Limit) {
		_, err := bulk.Run(ctx, s.b, func(ctx context.Context) (int, error) { return 0, s.work(1)(ctx) }, limits...)
		s.count(err)
	},
	func(s *stress, ctx context.Context, n int, limits []deadline.Limit) {
		_, err := bulk.RunN(ctx, s.b, n, func(ctx context.Context) (int, error) { return 0, s.work(n)(ctx) }, limits...)
		s.count(err)
	},
	func(s *stress, ctx context.Context, n int, limits []deadline.Limit) {
		s.count(bulk.DoN(ctx, s.b, n, s.work(n), limits...))
	},
	func(s *stress, ctx context.Context, _ int, limits []deadline.Limit) {
		s.count(bulk.GuardDo(s.b, s.work(1), limits...)(ctx))
	},
	func(s *stress, ctx context.Context, _ int, limits []deadline.Limit) {
		defer func() { _ = recover() }()
		s.count(bulk.Do(ctx, s.b, func(ctx context.Context) error { _ = s.work(1)(ctx); panic("stress") }, limits...))
	},
	func(s *stress, ctx context.Context, n int, limits []deadline.Limit) {
		slot, err := s.b.AcquireN(ctx, n, limits...)
		s.hold(ctx, n, slot, err)
		go slot.Release() // a second Release
	},
	func(s *stress, ctx context.Context, _ int, limits []deadline.Limit) {
		slot, err := s.b.Acquire(ctx, limits...)
		if err == nil {
			go slot.Release() // concurrently with the Release below
			runtime.Gosched()
			s.ran.Add(1)
		}
		s.count(err)
		slot.Release()
	},
	func(s *stress, ctx context.Context, n int, _ []deadline.Limit) {
		slot, ok := s.b.TryAcquireN(n)
		if ok {
			_ = s.work(n)(ctx)
		} else {
			s.rejected.Add(1)
		}
		slot.Release()
	},
	func(s *stress, ctx context.Context, _ int, _ []deadline.Limit) {
		_, err := s.b.AcquireN(ctx, 0)
		s.count(err)
	},
}

// stressChanges happen between the calls, rarely.
var stressChanges = []func(s *stress, r *rand.Rand){
	func(s *stress, r *rand.Rand) {
		if err := s.b.Resize(1 + r.IntN(mostSlots)); err != nil {
			s.Error(err)
		}
	},
	func(s *stress, r *rand.Rand) {
		c := bulk.Capacity{Parallelism: 1 + r.IntN(mostSlots), WaitingRoom: r.IntN(60), WaitLimit: time.Duration(r.IntN(5000)) * time.Microsecond}
		if err := s.b.SetCapacity(c); err != nil {
			s.Error(err)
		}
	},
	func(s *stress, _ *rand.Rand) {
		checkStatus(s, s.b.Status())
		mustBeSound(s, s.b)
	},
	(*stress).replaceHandler,
}

// replaceHandler replaces the handler, which checks that no event is delivered to
// it or to one before it a second time.
func (s *stress) replaceHandler(*rand.Rand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove()
	s.remove = s.b.OnEvent(func(e bulk.Event) {
		if _, twice := s.seqs.LoadOrStore(e.Seq, e.Kind); twice {
			s.Errorf("event %d was delivered twice", e.Seq)
		}
	})
}

// randomCtx returns a ctx that may end at any time.
func randomCtx(parent context.Context, r *rand.Rand) (context.Context, context.CancelFunc) {
	switch r.IntN(6) {
	case 0:
		return context.WithTimeout(parent, time.Duration(r.IntN(3000))*time.Microsecond)
	case 1:
		ctx, cancel := context.WithCancel(parent)
		go cancel()
		return ctx, cancel
	case 2:
		return done(nil), func() {}
	}
	return parent, func() {}
}

func randomLimits(r *rand.Rand) []deadline.Limit {
	switch r.IntN(8) {
	case 0:
		return []deadline.Limit{deadline.NoWait()}
	case 1:
		return []deadline.Limit{deadline.Within(time.Duration(r.IntN(2000)) * time.Microsecond)}
	case 2:
		return []deadline.Limit{deadline.Before(time.Now().Add(time.Duration(r.IntN(3000)-300) * time.Microsecond))}
	case 3:
		return []deadline.Limit{deadline.Reserve(time.Duration(r.IntN(2000)) * time.Microsecond), deadline.Within(time.Minute)}
	}
	return nil
}

// caller makes random calls.
func (s *stress) caller(r *rand.Rand, calls int) {
	for range calls {
		ctx, cancel := randomCtx(s.Context(), r)
		stressCalls[r.IntN(len(stressCalls))](s, ctx, 1+r.IntN(3), randomLimits(r))
		cancel()
		if i := r.IntN(1000); i < len(stressChanges) {
			stressChanges[i](s, r)
		}
	}
}

// All calls concurrently, on real goroutines and in real time, while the capacity
// changes: never more slots in use than the largest parallelism, exactly one answer
// for each caller, and the same sums in Status as at the callers.
func TestStress(t *testing.T) {
	const goroutines = 32
	operations := 1_000_000
	if testing.Short() {
		operations = 50_000
	}
	s := &stress{T: t, b: mustNew(t, 4, bulk.WaitingRoom(40), bulk.WaitLimit(time.Second)), remove: func() {}}
	var g sync.WaitGroup
	for i := range goroutines {
		g.Go(func() { s.caller(rand.New(rand.NewPCG(uint64(i), 1)), operations/goroutines) })
	}
	g.Wait()
	s.remove()
	if err := s.b.SetCapacity(bulk.Capacity{Parallelism: 4}); err != nil {
		t.Fatal(err)
	}
	mustBeIdle(t, s.b)

	n := s.b.Status().Totals
	const probes = 4 // admissions by mustBeIdle
	ran, canceled, rejected := uint64(s.ran.Load()), uint64(s.canceled.Load()), uint64(s.rejected.Load())
	if n.Finished != ran+probes {
		t.Errorf("counted %d finished, but %d ran", n.Finished, ran+probes)
	}
	if got := n.Canceled + n.CanceledAtArrival + n.Abandoned; got != canceled {
		t.Errorf("counted %d canceled, but %d callers got Canceled", got, canceled)
	}
	if got := n.Rejected(); got != rejected {
		t.Errorf("counted %d rejected, but %d callers were rejected", got, rejected)
	}
	if got := n.Arrivals(); got != ran+canceled+rejected+probes {
		t.Errorf("counted %d arrivals, but there were %d", got, ran+canceled+rejected+probes)
	}
	t.Logf("%+v, %d invalid", n, s.invalid.Load())
}

// Close while operations arrive: those that were admitted finish, all others are
// rejected.
func TestStressClose(t *testing.T) {
	for range 200 {
		b := mustNew(t, 2, bulk.WaitingRoom(8))
		var started, finished atomic.Int64
		work := func(context.Context) error {
			started.Add(1)
			runtime.Gosched()
			finished.Add(1)
			return nil
		}
		var g sync.WaitGroup
		for range 8 {
			g.Go(func() {
				for !errors.Is(bulk.Do(t.Context(), b, work), bulk.ErrClosed) {
				}
			})
		}
		for started.Load() < 20 {
			runtime.Gosched()
		}
		if err := b.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, f := started.Load(), finished.Load(); s != f {
			t.Fatalf("drained, but only %d of %d have finished", f, s)
		}
		g.Wait()
		s := b.Status()
		checkStatus(t, s)
		mustBeSound(t, b)
		if s.Totals.Finished != uint64(started.Load()) || !s.Drained() {
			t.Fatalf("%d started, status %+v", started.Load(), s)
		}
	}
}
