package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/result"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// upTo yields 0 … n−1.
func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// watched is an input that counts its pulls, and checks in each one that ctx has not
// ended.
func watched(t testing.TB, ctx context.Context, n int, pulled *int, onPull ...func(int)) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if ctx.Err() != nil {
				t.Errorf("item %d is pulled after ctx has ended", i)
			}
			*pulled++
			for _, f := range onPull {
				f(i)
			}
			if !yield(i) {
				return
			}
		}
	}
}

func double(_ context.Context, i int) (int, error) { return 2 * i, nil }

// untilCanceled waits for the end of ctx, and some time more.
func untilCanceled(ctx context.Context) error {
	<-ctx.Done()
	time.Sleep(time.Second)
	return ctx.Err()
}

// Results come in the order of the input, whatever the duration of fn.
func TestMapKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 4)
		var items []int
		start := time.Now()
		for item, r := range bulk.Map(t.Context(), b, upTo(12), func(_ context.Context, i int) (string, error) {
			time.Sleep(time.Duration(4-i%4) * time.Second) // the later ones of each four are done first
			return fmt.Sprint("r", i), nil
		}) {
			items = append(items, item)
			if v, err := r.Get(); err != nil || v != fmt.Sprint("r", item) {
				t.Errorf("item %d: %q, %v", item, v, err)
			}
		}
		if !slices.Equal(items, slices.Collect(upTo(12))) {
			t.Errorf("items %v", items)
		}
		if took := time.Since(start); took >= 30*time.Second || took < 8*time.Second {
			t.Errorf("took %v: not four concurrently", took)
		}
		mustBeIdle(t, b)
	})
}

// A result has what fn returned: a value, an error, or both.
func TestMapResultsAreUntouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2)
		returns := []result.Result[string]{result.Ok("fine"), result.Err[string](errOwn), result.Of("half", errOwn), {}}
		for item, r := range bulk.Map(t.Context(), b, upTo(4), func(_ context.Context, i int) (string, error) { return returns[i].Get() }) {
			if r != returns[item] {
				t.Errorf("item %d: %v, want %v", item, r, returns[item])
			}
		}
		if n := b.Status().Totals; n.Finished != 4 || n.Arrivals() != 4 {
			t.Errorf("counted %+v", n)
		}
	})
}

// Running items and finished ones that were not yielded never exceed the parallelism,
// whatever the durations of fn, input and consumer.
func TestMapIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parallelism := rapid.IntRange(1, 5).Draw(t, "parallelism")
		times := func(label string) []int { return rapid.SliceOfN(rapid.IntRange(0, 3), 12, 12).Draw(t, label) }
		pulls, runs, consumes := times("pulls"), times("runs"), times("consumes")
		rapid.SyncTest(t, func(t *rapid.T) {
			b := bulk.Must(bulk.New("test", parallelism))
			var pulled, yielded, running, most atomic.Int64
			in := func(yield func(int) bool) {
				for i, pull := range pulls {
					time.Sleep(time.Duration(pull))
					if n := pulled.Add(1) - yielded.Load(); n > int64(parallelism) {
						t.Errorf("item %d: %d run or were not yielded, parallelism %d", i, n, parallelism)
					}
					if !yield(i) {
						return
					}
				}
			}
			next := 0
			for item, r := range bulk.Map(context.Background(), b, in, func(_ context.Context, i int) (int, error) {
				n := running.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				time.Sleep(time.Duration(runs[i]))
				running.Add(-1)
				return 2 * i, nil
			}) {
				yielded.Add(1)
				if item != next || r != result.Ok(2*item) {
					t.Errorf("got item %d with %v, want item %d", item, r, next)
				}
				next++
				time.Sleep(time.Duration(consumes[item]))
			}
			if next != len(pulls) || most.Load() > int64(parallelism) {
				t.Errorf("%d results, %d ran concurrently, parallelism %d", next, most.Load(), parallelism)
			}
			if s := b.Status(); s.InFlight != 0 || s.Totals.Finished != uint64(len(pulls)) {
				t.Errorf("%+v", s)
			}
		})
	})
}

// All slots are used, and a result is yielded as soon as those before it were
// yielded.
func TestMapUsesTheWholeParallelism(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 3)
		start := time.Now()
		var at []time.Duration
		for range bulk.Map(t.Context(), b, upTo(6), func(context.Context, int) (int, error) {
			time.Sleep(time.Minute)
			return 0, nil
		}) {
			at = append(at, time.Since(start))
		}
		if len(at) != 6 || at[0] != time.Minute || at[2] != time.Minute || at[3] != 2*time.Minute || at[5] != 2*time.Minute {
			t.Errorf("yielded at %v", at)
		}
		if p := b.Status().Peak; p.InFlight != 3 {
			t.Errorf("peak %+v", p)
		}
	})
}

// The parallelism is read anew for each item: items that start after a change obey
// it, and none is rejected because of it.
func TestMapFollowsResize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 6), 20, 20).Draw(t, "sizes")
		runs := rapid.SliceOfN(rapid.IntRange(0, 3), 20, 20).Draw(t, "runs")
		inPull := rapid.Bool().Draw(t, "resize while pulling")
		rapid.SyncTest(t, func(t *rapid.T) {
			b := bulk.Must(bulk.New("test", 3))
			var started, yielded atomic.Int64
			resize := func(i int) {
				synctest.Wait() // what was pulled before has started
				if err := b.Resize(sizes[i]); err != nil {
					t.Error(err)
				}
			}
			in := func(yield func(int) bool) {
				for i := range sizes {
					if inPull {
						resize(i)
					}
					if !yield(i) {
						return
					}
				}
			}
			count := 0
			for item, r := range bulk.Map(context.Background(), b, in, func(_ context.Context, i int) (int, error) {
				if n, p := started.Add(1)-yielded.Load(), b.Capacity().Parallelism; n > int64(p) {
					t.Errorf("item %d: %d run or were not yielded, parallelism %d", i, n, p)
				}
				time.Sleep(time.Duration(runs[i]))
				return 0, nil
			}) {
				yielded.Add(1)
				if item != count || r.Err() != nil {
					t.Errorf("got item %d, %v, want item %d", item, r.Err(), count)
				}
				count++
				if !inPull {
					resize(item)
				}
			}
			if count != len(sizes) {
				t.Errorf("%d results", count)
			}
		})
	})
}

// A larger parallelism is used immediately, a smaller one as results are yielded.
func TestMapGrowsAndShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1)
		start := time.Now()
		at := make(map[int]time.Duration)
		for item := range bulk.Map(t.Context(), b, upTo(9), func(context.Context, int) (int, error) {
			time.Sleep(time.Minute)
			return 0, nil
		}) {
			at[item] = time.Since(start) / time.Minute
			synctest.Wait() // items that end at the same time have ended
			switch item {
			case 0:
				_ = b.Resize(4)
			case 4:
				_ = b.Resize(2)
			}
		}
		// 0 alone; 1 to 4 together; 5 to 7 took the places of 1 to 3, before the
		// shrink; 8 had to wait for two of them.
		want := map[int]time.Duration{0: 1, 1: 2, 2: 2, 3: 2, 4: 2, 5: 3, 6: 3, 7: 3, 8: 4}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("yielded in minute (-want +got):\n%s", diff)
		}
	})
}

// When ctx has ended, no further item is pulled, and each item that was pulled yields
// one result.
func TestMapEndsWithCtx(t *testing.T) {
	type life struct {
		ctx    context.Context
		cancel context.CancelCauseFunc
		b      *bulk.Bulkhead
		pulled int
		ran    atomic.Int64
	}
	var rows table
	for _, c := range []struct {
		name, why string
		run       func(*testing.T, *life) (in iter.Seq[int], fn func(context.Context, int) (int, error), body func(int))
		pulled    int
		ran       int64
		canceled  []int // the items whose result is Canceled
	}{
		{"before the first pull", "not one item is taken from the input", func(t *testing.T, l *life) (iter.Seq[int], func(context.Context, int) (int, error), func(int)) {
			l.cancel(errOwn)
			return watched(t, l.ctx, 9, &l.pulled), double, nil
		}, 0, 0, nil},
		{"by the consumer", "running items finish", func(t *testing.T, l *life) (iter.Seq[int], func(context.Context, int) (int, error), func(int)) {
			fn := func(ctx context.Context, i int) (int, error) {
				time.Sleep(time.Second)
				return double(ctx, i)
			}
			return watched(t, l.ctx, 9, &l.pulled), fn, func(i int) {
				if i == 0 {
					synctest.Wait()
					l.cancel(errOwn)
				}
			}
		}, 3, 3, nil},
		{"while an item is pulled", "the item is yielded and never runs", func(t *testing.T, l *life) (iter.Seq[int], func(context.Context, int) (int, error), func(int)) {
			fn := func(ctx context.Context, i int) (int, error) {
				time.Sleep(time.Second)
				return double(ctx, i)
			}
			return watched(t, l.ctx, 9, &l.pulled, func(i int) {
				if i == 4 {
					synctest.Wait()
					l.cancel(errOwn)
				}
			}), fn, nil
		}, 5, 4, []int{4}},
		{"by fn", "while the consumer waits for a result", func(t *testing.T, l *life) (iter.Seq[int], func(context.Context, int) (int, error), func(int)) {
			fn := func(ctx context.Context, i int) (int, error) {
				time.Sleep(time.Duration(4-i) * time.Second)
				if i == 1 {
					l.cancel(errOwn)
				}
				return double(ctx, i)
			}
			return watched(t, l.ctx, 9, &l.pulled), fn, nil
		}, 3, 3, nil},
		{"while items wait for slots", "they leave the queue", func(t *testing.T, l *life) (iter.Seq[int], func(context.Context, int) (int, error), func(int)) {
			held := fill(t, l.b)
			time.AfterFunc(time.Second, func() { l.cancel(errOwn) })
			time.AfterFunc(time.Minute, func() {
				for _, s := range held {
					s.Release()
				}
			})
			return watched(t, l.ctx, 9, &l.pulled), double, nil
		}, 3, 0, []int{0, 1, 2}},
		{"never", "for comparison", func(t *testing.T, l *life) (iter.Seq[int], func(context.Context, int) (int, error), func(int)) {
			return watched(t, l.ctx, 9, &l.pulled), double, nil
		}, 9, 9, nil},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			l := &life{b: mustNew(t, 3, bulk.WaitingRoom(9))}
			l.ctx, l.cancel = context.WithCancelCause(t.Context())
			defer l.cancel(nil)
			in, fn, body := c.run(t, l)
			results := 0
			for item, r := range bulk.Map(l.ctx, l.b, in, func(ctx context.Context, i int) (int, error) {
				l.ran.Add(1)
				return fn(ctx, i)
			}) {
				if item != results {
					t.Errorf("got item %d, want item %d", item, results)
				}
				results++
				if slices.Contains(c.canceled, item) {
					if !errors.Is(r.Err(), bulk.ErrCanceled) || !errors.Is(r.Err(), errOwn) || !bulk.NotStarted(r.Err(), l.b) {
						t.Errorf("item %d: %v, want canceled with its cause", item, r)
					}
				} else if r != result.Ok(2*item) {
					t.Errorf("item %d: %v", item, r)
				}
				if body != nil {
					body(item)
				}
			}
			if l.pulled != c.pulled || results != c.pulled || l.ran.Load() != c.ran {
				t.Errorf("%d pulled, %d results, %d ran; want %d pulled, %d ran", l.pulled, results, l.ran.Load(), c.pulled, c.ran)
			}
			time.Sleep(time.Hour)
			mustBeIdle(t, l.b)
		})
	}
}

// Package context does not know the type of this ctx.
func TestMapStartsNothingAfterAForeignCtxHasEnded(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			b := mustNew(t, 2)
			ctx, end := strange(errOwn)
			var pulled int
			var ran atomic.Int64
			var errs []error
			for _, r := range bulk.Map(ctx, b, watched(t, ctx, 5, &pulled, func(i int) {
				if i == 1 {
					end()
				}
			}), func(context.Context, int) (int, error) {
				ran.Add(1)
				return 0, nil
			}) {
				errs = append(errs, r.Err())
			}
			if pulled != 2 || len(errs) != 2 || !errors.Is(errs[1], bulk.ErrCanceled) || !errors.Is(errs[1], errOwn) {
				t.Errorf("%d pulled, results %v", pulled, errs)
			}
			if ran.Load() > 1 {
				t.Error("an item was started with a ctx that had ended")
			}
		})
	}
}

// A consumer that stops cancels the running items and waits for them: none is left
// after the loop.
func TestMapStopsWithItsConsumer(t *testing.T) {
	stops := map[string]func(seq iter.Seq2[int, result.Result[int]]){
		"break": func(seq iter.Seq2[int, result.Result[int]]) {
			for range seq {
				break
			}
		},
		"return": func(seq iter.Seq2[int, result.Result[int]]) {
			func() {
				for range seq {
					return
				}
			}()
		},
		"iter.Pull2": func(seq iter.Seq2[int, result.Result[int]]) {
			next, stop := iter.Pull2(seq)
			next()
			stop()
		},
		"panic": func(seq iter.Seq2[int, result.Result[int]]) {
			defer func() { _ = recover() }()
			for range seq {
				panic("in the loop body")
			}
		},
		"Goexit": func(seq iter.Seq2[int, result.Result[int]]) {
			var consumer sync.WaitGroup
			consumer.Go(func() {
				for range seq {
					runtime.Goexit()
				}
			})
			consumer.Wait()
		},
	}
	for name, stop := range stops {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := mustNew(t, 3)
				var canceled atomic.Int64
				endless := func(yield func(int) bool) {
					for i := 0; yield(i); i++ {
					}
				}
				start := time.Now()
				stop(bulk.Map(t.Context(), b, endless, func(ctx context.Context, i int) (int, error) {
					if i == 0 {
						time.Sleep(time.Minute)
						return 0, ctx.Err()
					}
					err := untilCanceled(ctx)
					if err == context.Canceled && context.Cause(ctx) == context.Canceled {
						canceled.Add(1)
					}
					return 0, err
				}))
				if took := time.Since(start); canceled.Load() != 2 || took != time.Minute+time.Second {
					t.Errorf("%d were canceled and waited for in %v", canceled.Load(), took)
				}
				if s := b.Status(); s.InFlight != 0 || s.Totals.Finished != 3 {
					t.Errorf("%+v", s)
				}
				mustBeIdle(t, b)
			})
		})
	}
}

func TestMapPropagatesPanicsOfBodyAndInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2)
		var finished atomic.Int64
		fn := func(ctx context.Context, i int) (int, error) {
			defer finished.Add(1)
			if i > 0 {
				return 0, untilCanceled(ctx)
			}
			time.Sleep(time.Millisecond) // 1 runs as well
			return 0, nil
		}
		if got := mustPanic(t, func() {
			for range bulk.Map(t.Context(), b, upTo(9), fn) {
				panic("in the body")
			}
		}); got != "in the body" || finished.Load() != 2 {
			t.Errorf("panicked with %v, %d finished", got, finished.Load())
		}
		finished.Store(0)
		if got := mustPanic(t, func() {
			for range bulk.Map(t.Context(), b, func(yield func(int) bool) {
				yield(1)
				synctest.Wait() // it runs
				panic("in the input")
			}, fn) {
				t.Error("a result")
			}
		}); got != "in the input" || finished.Load() != 1 {
			t.Errorf("panicked with %v, %d finished", got, finished.Load())
		}
		finished.Store(0)
		var consumer sync.WaitGroup
		consumer.Go(func() {
			for range bulk.Map(t.Context(), b, func(yield func(int) bool) {
				yield(1)
				synctest.Wait()
				runtime.Goexit()
			}, fn) {
				t.Error("a result")
			}
			t.Error("went on after Goexit")
		})
		consumer.Wait()
		if finished.Load() != 1 {
			t.Errorf("%d finished", finished.Load())
		}
		mustBeIdle(t, b)
	})
}

// A panic or Goexit in fn reaches the consumer after all other items were canceled
// and waited for, including items before it, and even if the consumer has stopped.
func TestMapPropagatesPanicsOfFn(t *testing.T) {
	cause := errors.New("on purpose")
	exits := map[string]func(){"panic": func() { panic(cause) }, "Goexit": runtime.Goexit}
	for name, exit := range exits {
		var rows table
		for _, c := range []struct {
			name, why string
			fn        func(ctx context.Context, i int) error
			body      func(item int) (goOn bool)
			finished  int64 // of the others
			took      time.Duration
		}{
			{name + " in the first", "the consumer waits for it", func(ctx context.Context, i int) error {
				if i == 0 {
					time.Sleep(time.Minute)
					exit()
				}
				return untilCanceled(ctx)
			}, nil, 2, time.Minute + time.Second},
			{name + " in a later one", "an item before it would run forever", func(ctx context.Context, i int) error {
				if i == 2 {
					time.Sleep(time.Minute)
					exit()
				}
				return untilCanceled(ctx)
			}, nil, 2, time.Minute + time.Second},
			{name + " in the last", "after all the others were yielded", func(_ context.Context, i int) error {
				if i == 5 {
					time.Sleep(time.Second) // the others start and end
					exit()
				}
				return nil
			}, nil, 5, time.Second},
			{name + " after the consumer has stopped", "the panic or exit is not lost", func(ctx context.Context, i int) error {
				switch i {
				case 0:
					time.Sleep(time.Millisecond) // all run
					return nil
				case 1:
					_ = untilCanceled(ctx)
					exit()
				}
				return untilCanceled(ctx)
			}, func(int) bool { return false }, 2, time.Second + time.Millisecond},
			{name + " before the consumer has stopped", "the panic or exit is not lost", func(ctx context.Context, i int) error {
				switch i {
				case 0:
					time.Sleep(time.Second)
					return nil
				case 1:
					time.Sleep(time.Millisecond) // all run
					exit()
				}
				return untilCanceled(ctx)
			}, func(int) bool { return false }, 2, 2 * time.Second},
		} {
			rows.row(t, c.name, c.why, func(t *testing.T) {
				b := mustNew(t, 3)
				var finished atomic.Int64
				start := time.Now()
				var recovered any
				returned := false
				var consumer sync.WaitGroup
				consumer.Go(func() {
					defer func() { recovered = recover() }()
					ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // so that no item runs forever
					defer cancel()
					for item := range bulk.Map(ctx, b, upTo(6), func(ctx context.Context, i int) (int, error) {
						err := c.fn(ctx, i)
						finished.Add(1)
						return 0, err
					}) {
						if c.body != nil && !c.body(item) {
							break
						}
					}
					returned = true
				})
				consumer.Wait()
				if returned || (recovered == cause) != (name == "panic") || (recovered == nil) != (name == "Goexit") {
					t.Errorf("recovered %v, returned %t", recovered, returned)
				}
				if took := time.Since(start); finished.Load() != c.finished || took > c.took {
					t.Errorf("%d others were waited for in %v, want %d in %v", finished.Load(), took, c.finished, c.took)
				}
				mustBeIdle(t, b)
			})
		}
	}
}

// A panic in fn while the consumer is busy with the input or with a result cancels
// the running items. No item is pulled or started after it, and the panic reaches the
// consumer when it comes back.
func TestMapStartsNothingAfterAPanic(t *testing.T) {
	for name, busy := range map[string]struct {
		pull, consume time.Duration
		started       int64
	}{
		"busy with the input": {time.Hour, 0, 3},
		"busy with a result":  {2 * time.Second, time.Hour, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := mustNew(t, 5)
				start := time.Now()
				var pulled int
				var started atomic.Int64
				var ended time.Duration
				in := watched(t, t.Context(), 9, &pulled, func(i int) {
					if i == 3 {
						time.Sleep(busy.pull)
					}
				})
				fn := func(ctx context.Context, i int) (int, error) {
					started.Add(1)
					switch i {
					case 0: // its result is there while 3 is pulled
						time.Sleep(time.Second)
						return 0, nil
					case 1:
						time.Sleep(time.Minute)
						panic("on purpose")
					}
					<-ctx.Done()
					if i == 2 {
						ended = time.Since(start)
					}
					return 0, ctx.Err()
				}
				got := mustPanic(t, func() {
					for range bulk.Map(t.Context(), b, in, fn) {
						time.Sleep(busy.consume)
					}
				})
				if took := time.Since(start); got != "on purpose" || took != busy.pull+busy.consume {
					t.Errorf("panicked with %v after %v", got, took)
				}
				if pulled != 4 || started.Load() > busy.started || ended != time.Minute {
					t.Errorf("%d pulled and %d started, the other one ended after %v", pulled, started.Load(), ended)
				}
				mustBeIdle(t, b)
			})
		})
	}
}

// On a bulkhead that others use too, items can be rejected. The rejection is their
// result, and the other items run.
func TestMapItemsCanBeRejected(t *testing.T) {
	var rows table
	for _, c := range []struct {
		name, why string
		room      int
		limits    []deadline.Limit
		want      error // of each item while others hold all slots
	}{
		{"no waiting room", "items cannot wait", 0, nil, bulk.ErrSaturated},
		{"no wait allowed", "the limits are those of each item", 9, []deadline.Limit{deadline.NoWait()}, bulk.ErrSaturated},
		{"a short wait", "the limits are those of each item", 9, []deadline.Limit{deadline.Within(time.Hour), deadline.Within(time.Second)}, bulk.ErrExpired},
		{"a long wait", "items wait for the slots", 9, []deadline.Limit{deadline.Within(time.Hour)}, nil},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			b := mustNew(t, 2, bulk.WaitingRoom(c.room))
			held := fill(t, b)
			time.AfterFunc(time.Minute, func() {
				for _, s := range held {
					s.Release()
				}
			})
			limits := slices.Clone(c.limits)
			seq := bulk.Map(t.Context(), b, upTo(4), double, limits...)
			clear(limits) // they were copied
			results := 0
			for item, r := range seq {
				results++
				v, err := r.Get()
				if c.want == nil {
					if v != 2*item || err != nil {
						t.Errorf("item %d: %v", item, r)
					}
				} else if v != 0 || !errors.Is(err, c.want) || !bulk.NotStarted(err, b) {
					t.Errorf("item %d: %v, want %v", item, r, c.want)
				}
			}
			if results != 4 {
				t.Errorf("%d results", results)
			}
			time.Sleep(time.Hour)
			mustBeIdle(t, b)
		})
	}
}

// An empty input has no results, and no item is pulled before the loop.
func TestMapOfAnEmptyInputDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2)
		before := b.Status()
		for range bulk.Map(t.Context(), b, upTo(0), double) {
			t.Error("a result")
		}
		pulled := 0
		bulk.Map(t.Context(), b, watched(t, t.Context(), 3, &pulled), double)
		if pulled != 0 {
			t.Error("pulled before the loop")
		}
		mustBeAsBefore(t, b, before)
	})
}

// The sequence can be ranged over again if its input can.
func TestMapCanBeRangedOverAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2)
		seq := bulk.Map(t.Context(), b, upTo(3), double)
		for range 2 {
			var got []int
			for _, r := range seq {
				got = append(got, r.Or(-1))
			}
			if !slices.Equal(got, []int{0, 2, 4}) {
				t.Errorf("got %v", got)
			}
		}
		for range seq {
			break
		}
		if n := b.Status().Totals; n.Finished < 7 || n.Finished > 8 || n.Rejected() != 0 {
			t.Errorf("counted %+v", n)
		}
	})
}

// Close does not interrupt running items. Items that are pulled later are rejected
// one by one.
func TestMapItemsPulledAfterCloseAreRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2)
		results := 0
		for item, r := range bulk.Map(t.Context(), b, upTo(6), func(ctx context.Context, i int) (int, error) {
			time.Sleep(time.Duration(i+1) * time.Second) // one after the other
			return double(ctx, i)
		}) {
			results++
			if item == 1 {
				synctest.Wait() // 2 runs
				_ = b.Close()
			}
			if item <= 2 {
				if r != result.Ok(2*item) {
					t.Errorf("item %d: %v", item, r)
				}
			} else if !errors.Is(r.Err(), bulk.ErrClosed) || !bulk.NotStarted(r.Err(), b) {
				t.Errorf("item %d: %v", item, r)
			}
		}
		if s := b.Status(); results != 6 || !s.Drained() || s.Totals.ClosedAtArrival != 3 {
			t.Errorf("%d results, %+v", results, s)
		}
	})
}

// The ctx of fn has the values and the deadline of the caller's, and ends with the
// loop.
func TestMapDerivesItsCtx(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "value"), time.Hour)
		defer cancel()
		dies, _ := ctx.Deadline()
		var last context.Context
		for _, r := range bulk.Map(ctx, mustNew(t, 1), upTo(3), func(ctx context.Context, _ int) (context.Context, error) {
			if d, ok := ctx.Deadline(); !ok || d != dies || ctx.Value(key{}) != "value" || ctx.Err() != nil {
				t.Errorf("ctx %v", ctx)
			}
			return ctx, nil
		}) {
			if last, _ = r.Get(); last.Err() != nil {
				t.Error("the ctx has ended before the loop")
			}
		}
		if last.Err() == nil {
			t.Error("the ctx outlives the loop")
		}
	})
}

// Items run while the consumer is busy with a result.
func TestMapKeepsTheSlotsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2)
		start := time.Now()
		for range bulk.Map(t.Context(), b, upTo(6), func(context.Context, int) (int, error) {
			time.Sleep(time.Minute)
			return 0, nil
		}) {
			time.Sleep(time.Minute)
		}
		if took := time.Since(start); took != 7*time.Minute {
			t.Errorf("took %v: the first minute is for two items, each one after it for a result", took)
		}
	})
}

// An item and its result can be garbage collected after the result was yielded, when
// the consumer no longer uses them.
func TestMapKeepsNothingThatWasYielded(t *testing.T) {
	type page [64]byte
	inputs := func(items *[]weak.Pointer[page]) iter.Seq[*page] {
		return func(yield func(*page) bool) {
			for range 200 {
				item := new(page)
				*items = append(*items, weak.Make(item))
				if !yield(item) {
					return
				}
			}
		}
	}
	reachable := func(pages []weak.Pointer[page]) (n int) {
		for _, p := range pages {
			if p.Value() != nil {
				n++
			}
		}
		return n
	}
	for _, parallelism := range []int{1, 8, 16, 32} {
		b := mustNew(t, parallelism)
		var items, results []weak.Pointer[page]
		yielded := 0
		for _, r := range bulk.Map(t.Context(), b, inputs(&items), func(context.Context, *page) (*page, error) { return new(page), nil }) {
			value, err := r.Get()
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, weak.Make(value))
			if yielded++; yielded%20 != 0 {
				continue
			}
			// The present ones may still be reachable. A worker that has just
			// delivered may need a moment to end.
			kept := 0
			for range 100 {
				runtime.GC()
				if kept = reachable(items[:yielded-1]) + reachable(results[:yielded-1]); kept == 0 {
					break
				}
				runtime.Gosched()
			}
			if kept > 0 {
				t.Errorf("parallelism %d: %d of %d yielded items and results are reachable", parallelism, kept, 2*(yielded-1))
				break
			}
		}
	}
}
