package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"pgregory.net/rapid"
)

func TestMapUnorderedIsNotHeldUpByASlowItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2)
		slowFirst := func(_ context.Context, i int) (int, error) {
			if i == 0 {
				time.Sleep(time.Second)
			} else {
				time.Sleep(time.Millisecond)
			}
			return i, nil
		}
		start := time.Now()
		var order []int
		for item, r := range bulk.MapUnordered(t.Context(), b, upTo(500), slowFirst) {
			if v, err := r.Get(); v != item || err != nil {
				t.Errorf("item %d: %d, %v", item, v, err)
			}
			if item < 499 && item > 0 && time.Since(start) != time.Duration(item)*time.Millisecond {
				t.Fatalf("item %d after %v", item, time.Since(start))
			}
			order = append(order, item)
		}
		if last := order[len(order)-1]; last != 0 || len(order) != 500 {
			t.Errorf("%d results, the last is item %d", len(order), last)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
		mustBeIdle(t, b)
	})
}

// The bound of Map holds for MapUnordered too, and each item that is pulled yields
// exactly one result.
func TestMapUnorderedIsBoundedAndYieldsEachItemOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parallelism := rapid.IntRange(1, 4).Draw(t, "parallelism")
		times := func(label string) []int { return rapid.SliceOfN(rapid.IntRange(0, 3), 12, 12).Draw(t, label) }
		pulls, runs, consumes := times("pulls"), times("runs"), times("consumes")
		stopAfter := rapid.IntRange(0, 14).Draw(t, "stop after")
		endAt := rapid.IntRange(0, 20).Draw(t, "ctx ends at")
		rapid.SyncTest(t, func(t *rapid.T) {
			b := bulk.Must(bulk.New("test", parallelism))
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(endAt)*time.Nanosecond+time.Hour*time.Duration(min(1, max(0, endAt-15))))
			defer cancel()
			var pulled []int
			var yielded, inside atomic.Int64
			in := func(yield func(int) bool) {
				for i, pull := range pulls {
					time.Sleep(time.Duration(pull))
					if n := int64(len(pulled)) - yielded.Load(); n >= int64(parallelism) {
						t.Fatalf("item %d is pulled while %d run or were not yielded, parallelism %d", i, n, parallelism)
					}
					pulled = append(pulled, i)
					if !yield(i) {
						return
					}
				}
			}
			var got []int
			for item, r := range bulk.MapUnordered(ctx, b, in, func(ctx context.Context, i int) (int, error) {
				if n := inside.Add(1); n > int64(parallelism) {
					t.Errorf("%d run", n)
				}
				defer inside.Add(-1)
				time.Sleep(time.Duration(runs[i]))
				return i, nil
			}) {
				yielded.Add(1)
				if v, err := r.Get(); err == nil && v != item || err != nil && !errors.Is(err, bulk.ErrCanceled) {
					t.Errorf("item %d: %d, %v", item, v, err)
				}
				if got = append(got, item); len(got) == stopAfter {
					break
				}
				time.Sleep(time.Duration(consumes[item]))
			}
			slices.Sort(got)
			if len(slices.Compact(slices.Clone(got))) != len(got) {
				t.Errorf("an item twice: %v", got)
			}
			if len(got) != stopAfter && !slices.Equal(got, pulled) {
				t.Errorf("results of %v, pulled %v", got, pulled)
			}
			if s := b.Status(); s.InFlight != 0 || s.Waiting != 0 {
				t.Errorf("left behind: %+v", s)
			}
		})
	})
}

func TestMapUnorderedPropagatesAPanicAfterTheOthersHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 4)
		var canceled atomic.Int64
		defer func() {
			if r := recover(); fmt.Sprint(r) != "item 2" || canceled.Load() != 3 {
				t.Errorf("recovered %v, %d canceled", r, canceled.Load())
			}
			mustBeIdle(t, b)
		}()
		for item := range bulk.MapUnordered(t.Context(), b, upTo(10), func(ctx context.Context, i int) (int, error) {
			if i == 2 {
				time.Sleep(time.Second)
				panic("item 2")
			}
			err := untilCanceled(ctx)
			canceled.Add(1)
			return 0, err
		}) {
			t.Errorf("yielded %d", item)
		}
		t.Error("it returned")
	})
}

func TestMapUnorderedPanicsWithoutAnFn(t *testing.T) {
	defer func() {
		if r := recover(); r != "bulk: MapUnordered: nil fn" {
			t.Errorf("recovered %v", r)
		}
	}()
	bulk.MapUnordered[int, int](t.Context(), mustNew(t, 1), upTo(1), nil)
}

func TestMapUnorderedPullsNothingAfterItsCtxHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pulled := 0
	results := 0
	for range bulk.MapUnordered(ctx, mustNew(t, 2), watched(t, ctx, 9, &pulled), double) {
		cancel()
		results++
	}
	if results != pulled {
		t.Errorf("%d results of %d items", results, pulled)
	}
}
