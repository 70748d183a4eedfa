package registry_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// tally counts the results that callers got.
type tally struct {
	ran, canceled, rejected, tooMany atomic.Int64
}

func (n *tally) all() int64 {
	return n.ran.Load() + n.canceled.Load() + n.rejected.Load() + n.tooMany.Load()
}

func (n *tally) count(t testing.TB, err error) {
	switch {
	case err == nil:
		n.ran.Add(1)
	case errors.Is(err, registry.ErrTooManyKeys):
		n.tooMany.Add(1)
	case errors.Is(err, bulk.ErrCanceled):
		n.canceled.Add(1)
	case errors.Is(err, bulk.ErrNotStarted):
		n.rejected.Add(1)
	default:
		t.Errorf("unexpected %v", err)
	}
}

// mustMatch compares the totals of all bulkheads with the tally.
func (n *tally) mustMatch(t testing.TB, sum bulk.Totals) {
	t.Helper()
	checkSums(t, sum, 0, 0)
	if got := int64(sum.Finished); got != n.ran.Load() {
		t.Errorf("%d finished, %d ran", got, n.ran.Load())
	}
	if got := int64(sum.Canceled + sum.CanceledAtArrival + sum.Abandoned); got != n.canceled.Load() {
		t.Errorf("%d canceled, callers got %d", got, n.canceled.Load())
	}
	if got := int64(sum.Rejected()); got != n.rejected.Load() {
		t.Errorf("%d rejected, callers got %d", got, n.rejected.Load())
	}
	if got, want := int64(sum.Arrivals()), n.ran.Load()+n.canceled.Load()+n.rejected.Load(); got != want {
		t.Errorf("%d arrivals, %d calls", got, want)
	}
}

func operations() int {
	if testing.Short() {
		return 30_000
	}
	return 300_000
}

func someCtx(t testing.TB, r *rand.Rand) (context.Context, context.CancelFunc) {
	switch r.IntN(8) {
	case 0:
		return context.WithTimeout(t.Context(), time.Duration(r.IntN(500))*time.Microsecond)
	case 1:
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx, cancel
	}
	return t.Context(), func() {}
}

func someLimits(r *rand.Rand) []deadline.Limit {
	switch r.IntN(6) {
	case 0:
		return []deadline.Limit{deadline.NoWait()}
	case 1:
		return []deadline.Limit{deadline.Before(time.Now().Add(time.Duration(r.IntN(500)-100) * time.Microsecond))}
	case 2:
		return []deadline.Limit{deadline.Reserve(100 * time.Microsecond), deadline.Within(time.Millisecond)}
	}
	return nil
}

// Goroutines use three times as many keys as the Keyed keeps, while the capacity changes.
// If a key were evicted in use, it would exceed its highest parallelism. The totals of all keys, including evicted ones,
// match the results that callers got.
func TestKeyedStressExceedsNoParallelismAndCountsAllCalls(t *testing.T) {
	const goroutines, parallelism, maxKeys, keys = 32, 2, 8, 24
	k := mustKeyed[int](t, parallelism, maxKeys, registry.IdleAfter(50*time.Microsecond),
		registry.Each(bulk.WaitingRoom(3), bulk.WaitLimit(time.Millisecond)),
		registry.CapacityOf(func(key int, common bulk.Capacity) bulk.Capacity {
			common.Parallelism = max(0, common.Parallelism-key%2)
			return common
		}))
	change := func(r *rand.Rand) {
		if err := k.Resize(r.IntN(parallelism + 1)); err != nil && !errors.Is(err, bulk.ErrClosed) {
			t.Error(err)
		}
	}
	var running [keys]atomic.Int64
	var n tally
	enter := func(key int) {
		if now := running[key].Add(1); now > parallelism {
			t.Errorf("%d in flight for one key", now)
		}
		if rand.IntN(4) == 0 {
			runtime.Gosched()
		}
	}
	work := func(key int) func(context.Context) (int, error) {
		return func(context.Context) (int, error) {
			enter(key)
			running[key].Add(-1)
			return 0, nil
		}
	}
	guarded := registry.GuardKey(k, func(key int) int { return key }, func(ctx context.Context, key int) (int, error) { return work(key)(ctx) })
	status := func() {
		s := k.Status()
		checkSums(t, s.Totals, s.InFlight, s.Waiting)
		if s.Keys > maxKeys || uint64(s.Keys) != s.Created-s.Evicted || s.InFlight > s.InUse {
			t.Errorf("%+v", s)
		}
	}
	var g sync.WaitGroup
	for i := range goroutines {
		g.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 5))
			for j := range operations() / goroutines {
				key := int(float64(keys) * r.Float64() * r.Float64()) // some keys more often than others
				ctx, cancel := someCtx(t, r)
				var err error
				switch r.IntN(10) {
				case 0, 1, 2, 3:
					_, err = registry.RunKey(ctx, k, key, work(key), someLimits(r)...)
				case 4, 5:
					_, err = guarded(ctx, key)
				default:
					var slot bulk.Slot
					if slot, err = k.Acquire(ctx, key, someLimits(r)...); err == nil {
						enter(key)
						running[key].Add(-1)
						slot.Release()
						slot.Release()
					}
				}
				cancel()
				n.count(t, err)
				if k.NotStarted(err) != (err != nil) {
					t.Errorf("NotStarted says %t of %v", err == nil, err)
				}
				switch {
				case j%53 == 0:
					k.Evict(r.IntN(keys))
				case j%101 == 0:
					k.EvictIdle()
				case j%1000 == 0:
					status()
				case j%97 == 1:
					check(t, k)
				case j%60 == 0:
					change(r)
				}
			}
		})
	}
	g.Go(func() { // while the others run
		for n.all() < int64(operations()/2) {
			time.Sleep(time.Millisecond)
		}
		if err := k.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
	g.Wait()
	check(t, k)
	s := k.Status()
	n.mustMatch(t, s.Totals)
	if got := int64(s.TooManyKeys); got != n.tooMany.Load() {
		t.Errorf("%d too many, callers got %d", got, n.tooMany.Load())
	}
	if s.Totals.ClosedAtArrival == 0 || s.Evicted == 0 || s.Totals.AdmittedFromQueue == 0 || s.InFlight != 0 {
		t.Errorf("some kinds of events did not happen: %+v", s)
	}
	time.Sleep(time.Millisecond)
	if left := k.EvictIdle(); left != s.Keys {
		t.Errorf("%d of %d keys are idle", left, s.Keys)
	}
}

// Members are created, changed and removed while they are used; one is a Keyed. The totals
// of all members, including removed ones, match the results that callers got.
func TestRegistryStressCountsAllCalls(t *testing.T) {
	const goroutines, names = 32, 12
	r := registry.New(bulk.WaitingRoom(2), bulk.WaitLimit(time.Millisecond))
	k := mustCreateKeyed[int](t, r, "tenants", 2, 4)
	var keyed tally
	var all sync.Map // all bulkheads, including removed ones
	var n tally
	var over atomic.Bool
	var g sync.WaitGroup
	for i := range goroutines {
		g.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 7))
			for range operations() / goroutines {
				label := fmt.Sprint(rnd.IntN(names))
				switch rnd.IntN(40) {
				case 0:
					ctx, cancel := someCtx(t, rnd)
					err := r.Remove(ctx, label)
					cancel()
					if err != nil && !errors.Is(err, registry.ErrUnknown) && ctx.Err() == nil {
						t.Error(err)
					}
				case 1:
					err := r.ApplyJSON([]byte(`{"` + label + `":{"parallelism":` + fmt.Sprint(1+rnd.IntN(4)) + `}}`))
					if err != nil && !errors.Is(err, registry.ErrUnknown) && !errors.Is(err, bulk.ErrClosed) {
						t.Error(err)
					}
					err = r.ApplyJSON([]byte(`{"tenants":{"parallelism":` + fmt.Sprint(rnd.IntN(4)) + `}}`))
					if err != nil && !errors.Is(err, bulk.ErrClosed) {
						t.Error(err)
					}
				case 2:
					if b, err := r.Create(label, 1); err == nil {
						all.Store(b, nil)
					} else if !errors.Is(err, registry.ErrDuplicate) && !errors.Is(err, registry.ErrClosed) {
						t.Error(err)
					}
				case 3:
					seen := make(map[string]bool)
					for label := range r.All() {
						if seen[label] {
							t.Errorf("%q twice", label)
						}
						seen[label] = true
					}
					for _, s := range r.Statuses() {
						checkSums(t, s.Totals, s.InFlight, s.Waiting)
					}
					for _, s := range r.KeyedStatuses() {
						checkSums(t, s.Totals, s.InFlight, s.Waiting)
					}
					check(t, r)
				case 4:
					ctx, cancel := someCtx(t, rnd)
					_, err := registry.RunKey(ctx, k, rnd.IntN(8), nothing, someLimits(rnd)...)
					cancel()
					keyed.count(t, err)
				default:
					b, err := r.GetOrCreate(label, 2)
					if errors.Is(err, registry.ErrClosed) && over.Load() {
						continue
					} else if err != nil {
						t.Error(err)
						continue
					}
					all.Store(b, nil)
					ctx, cancel := someCtx(t, rnd)
					_, err = bulk.Run(ctx, b, nothing, someLimits(rnd)...)
					cancel()
					n.count(t, err)
				}
			}
		})
	}
	g.Go(func() {
		for n.all() < int64(operations()/2) {
			time.Sleep(time.Millisecond)
		}
		over.Store(true)
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
	g.Wait()
	check(t, r)
	var sum bulk.Totals
	members := 0
	for b := range all.Range {
		s := b.(*bulk.Bulkhead).Status()
		if !s.Drained() {
			t.Errorf("%q is not drained", s.Label)
		}
		sum = sum.Plus(s.Totals)
		members++
	}
	n.mustMatch(t, sum)
	keyed.mustMatch(t, k.Status().Totals)
	if members <= names {
		t.Errorf("only %d members in all", members)
	}
}
