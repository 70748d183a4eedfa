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

// All verbs at once, on real goroutines and in real time, with the capacity
// changing underneath: no more than the largest parallelism ever runs, every
// caller gets exactly one answer, every Status taken meanwhile is consistent,
// and the sums at the end are those of the callers.
func TestStress(t *testing.T) {
	const goroutines = 32
	operations := 1_000_000
	if testing.Short() {
		operations = 50_000
	}
	const most = 8
	b := mustNew(t, 4, bulk.WaitingRoom(40), bulk.WaitLimit(time.Second))
	var events sync.Map // seq → kind
	remove := func() {}
	var running, ran, turnedAway, canceled, invalid atomic.Int64
	work := func(n int) func(context.Context) error {
		return func(context.Context) error {
			if now := running.Add(int64(n)); now > most {
				t.Errorf("%d slots in use", now)
			}
			if rand.IntN(4) == 0 {
				runtime.Gosched()
			}
			running.Add(int64(-n))
			ran.Add(1)
			return nil
		}
	}
	answer := func(err error) {
		switch {
		case err == nil:
		case errors.Is(err, bulk.ErrConfig):
			invalid.Add(1)
		case errors.Is(err, bulk.ErrCanceled):
			canceled.Add(1)
		case bulk.NotStarted(err, b):
			turnedAway.Add(1)
		default:
			t.Errorf("unexpected %v", err)
		}
	}
	limitOf := func(r *rand.Rand) []deadline.Limit {
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
	var g sync.WaitGroup
	for i := range goroutines {
		g.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for range operations / goroutines {
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				switch r.IntN(6) {
				case 0:
					ctx, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(3000))*time.Microsecond)
				case 1:
					ctx, cancel = context.WithCancel(ctx)
					if r.IntN(2) == 0 {
						cancel()
					} else {
						go cancel()
					}
				}
				n := 1 + r.IntN(3)
				limits := limitOf(r)
				switch r.IntN(9) {
				case 0:
					_, err := bulk.Run(ctx, b, func(ctx context.Context) (int, error) { return 0, work(1)(ctx) }, limits...)
					answer(err)
				case 1:
					_, err := bulk.RunN(ctx, b, n, func(ctx context.Context) (int, error) { return 0, work(n)(ctx) }, limits...)
					answer(err)
				case 2, 3:
					answer(bulk.GuardDo(b, work(1), limits...)(ctx))
				case 4:
					func() {
						defer func() { _ = recover() }()
						answer(bulk.Do(ctx, b, func(ctx context.Context) error { _ = work(1)(ctx); panic("stress") }, limits...))
					}()
				case 5:
					s, err := b.AcquireN(ctx, n, limits...)
					if answer(err); err == nil {
						_ = work(n)(ctx)
					}
					go s.Release()
					s.Release()
				case 6:
					s, ok := b.TryAcquireN(n)
					if ok {
						_ = work(n)(ctx)
					} else {
						turnedAway.Add(1)
					}
					s.Release()
				case 7:
					s, err := b.Acquire(ctx, limits...)
					if answer(err); err == nil {
						_ = work(1)(ctx)
					}
					s.Release()
				case 8:
					_, err := b.AcquireN(ctx, 0)
					answer(err)
				}
				cancel()
				switch r.IntN(1000) {
				case 0:
					if err := b.Resize(1 + r.IntN(most)); err != nil {
						t.Error(err)
					}
				case 1:
					if err := b.SetCapacity(bulk.Capacity{Parallelism: 1 + r.IntN(most), WaitingRoom: r.IntN(60), WaitLimit: time.Duration(r.IntN(5000)) * time.Microsecond}); err != nil {
						t.Error(err)
					}
				case 2:
					checkStatus(t, b.Status())
					mustBeSound(t, b)
				case 3:
					if i == 0 {
						remove()
						remove = b.OnEvent(func(e bulk.Event) {
							if _, twice := events.LoadOrStore(e.Seq, e.Kind); twice {
								t.Errorf("seq %d twice", e.Seq)
							}
						})
					}
				}
			}
		})
	}
	g.Wait()
	remove()
	if err := b.SetCapacity(bulk.Capacity{Parallelism: 4}); err != nil {
		t.Fatal(err)
	}
	mustBeIdle(t, b)
	n := b.Status().Totals
	extra := uint64(4) // of mustBeIdle
	if n.Finished != uint64(ran.Load())+extra {
		t.Errorf("finished %d, ran %d", n.Finished, ran.Load())
	}
	if got := n.Canceled + n.CanceledAtArrival + n.Abandoned; got != uint64(canceled.Load()) {
		t.Errorf("counted %d canceled, %d were told so", got, canceled.Load())
	}
	if got := n.Rejected(); got != uint64(turnedAway.Load()) {
		t.Errorf("counted %d turned away, %d were told so", got, turnedAway.Load())
	}
	if got := n.Arrivals(); got != uint64(ran.Load()+canceled.Load()+turnedAway.Load())+extra {
		t.Errorf("%d arrivals of %d", got, ran.Load()+canceled.Load()+turnedAway.Load())
	}
	t.Logf("%+v, %d invalid", n, invalid.Load())
}

// Close among all that: whoever was admitted finishes, everyone else is told.
func TestStressClose(t *testing.T) {
	for range 200 {
		b := mustNew(t, 2, bulk.WaitingRoom(8))
		var started, finished atomic.Int64
		var g sync.WaitGroup
		for range 8 {
			g.Go(func() {
				for {
					err := bulk.Do(t.Context(), b, func(context.Context) error {
						started.Add(1)
						runtime.Gosched()
						finished.Add(1)
						return nil
					})
					if errors.Is(err, bulk.ErrClosed) {
						return
					}
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
			t.Fatalf("drained with %d of %d finished", f, s)
		}
		g.Wait()
		s := b.Status()
		checkStatus(t, s)
		if s.Totals.Finished != uint64(started.Load()) || !s.Drained() {
			t.Fatalf("%+v", s)
		}
	}
}
