package main

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/examples/internal/command"
)

const (
	all   = 100_000
	slots = 8
)

func none(int, error) {}

// Each item allocates 10 kB, one gigabyte in total. The number of items that were pulled
// and not yet yielded never exceeds the slots, and the heap stays small.
func TestMemoryDoesNotGrowWithTheNumberOfItems(t *testing.T) {
	b := bulk.Must(bulk.New("batch", slots))
	var pulled, counted, most int // pulling and counting share a goroutine
	items := func(yield func(int) bool) {
		for n := range all {
			pulled++
			most = max(most, pulled-counted)
			if !yield(n) {
				return
			}
		}
	}
	var heap runtime.MemStats
	got := process(t.Context(), b, items, func(context.Context, int) error {
		payload := make([]byte, 10_000)
		payload[0] = 1
		return nil
	}, func(int, error) {
		if counted++; counted == all*9/10 {
			runtime.GC()
			runtime.ReadMemStats(&heap)
		}
	})
	if got.done != all || got.failed != 0 || len(got.left) != 0 || got.pulled() != all {
		t.Errorf("%+v", got)
	}
	if most > slots {
		t.Errorf("%d items pulled and not yet yielded, want at most %d", most, slots)
	}
	if heap.HeapAlloc > 50<<20 {
		t.Errorf("%d MB on the heap near the end", heap.HeapAlloc>>20)
	}
	if s := b.Status(); s.Peak.InFlight > slots || s.Totals.Rejected() != 0 {
		t.Errorf("peak %d, %d rejected", s.Peak.InFlight, s.Totals.Rejected())
	}
}

// The run is interrupted halfway, and resumed with the items in left and those that were
// not pulled.
func TestEveryItemIsDoneExactlyOnceAcrossAnInterruption(t *testing.T) {
	var times [all]atomic.Int32
	var started atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	interrupted := ctx.Done()
	work := func(ctx context.Context, item int) error {
		started.Add(1)
		if item == all/2-1 {
			<-interrupted // the item is in progress at the interruption
		}
		times[item].Add(1)
		if item%1000 == 7 {
			return errors.New("a bad item")
		}
		return ctx.Err() // nil: ctx of a started item is never canceled
	}
	b := bulk.Must(bulk.New("batch", slots))
	first := process(ctx, b, func(yield func(int) bool) {
		numbers(0, all)(func(item int) bool {
			if item == all/2 {
				cancel() // at least this item is pulled and never started
			}
			return yield(item)
		})
	}, work, none)
	if int64(first.done+first.failed) != started.Load() || len(first.left) < 1 || len(first.left) > slots || first.pulled() != all/2+1 {
		t.Errorf("%d were started: %+v", started.Load(), first)
	}
	rest := process(t.Context(), b, func(yield func(int) bool) {
		for _, item := range first.left {
			if !yield(item) {
				return
			}
		}
		numbers(first.pulled(), all)(yield)
	}, work, none)
	if n := first.done + rest.done; n != all-all/1000 || first.failed+rest.failed != all/1000 {
		t.Errorf("%d done, %d failed", n, first.failed+rest.failed)
	}
	for item := range times {
		if n := times[item].Load(); n != 1 {
			t.Fatalf("item %d was done %d times", item, n)
		}
	}
	t.Logf("first %+v, then %+v", first, rest)
}

func TestOutput(t *testing.T) {
	var out, bar bytes.Buffer
	if code := run(t.Context(), strings.Fields("-items 5000 -parallelism 1"), checksum, &out, &bar); code != command.OK {
		t.Errorf("exit code %d: %s", code, &bar)
	}
	if want := "4999 done, 1 failed, 0 left [], 0 not pulled; at most 1 concurrently\n"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
	if n := strings.Count(bar.String(), ": checksum 0000"); n != 1 {
		t.Errorf("%d failures named: %q", n, &bar)
	}
	if !strings.Contains(bar.String(), "checksums") || !strings.Contains(bar.String(), "/5000") {
		t.Errorf("progress: %q", &bar)
	}
}

// The run is interrupted several times: before the first item, among the items in -also,
// and among the others. Each time the next run gets the flags that were printed.
func TestPrintedFlagsResumeUntilEveryItemIsDoneOnce(t *testing.T) {
	const items = 2000
	var times [items]atomic.Int32
	args := "-items 2000 -parallelism 8"
	for _, after := range []int32{0, 0, 300, 1, 2, 500, 0, 1 << 30} {
		ctx, cancel := context.WithCancel(t.Context())
		if after == 0 {
			cancel()
		}
		var begun atomic.Int32
		var out, errs bytes.Buffer
		code := run(ctx, strings.Fields(args), func(_ context.Context, item int) error {
			times[item].Add(1)
			if begun.Add(1) == after {
				cancel()
			}
			return nil
		}, &out, &errs)
		cancel()
		if after == 1<<30 {
			if code != command.OK || !strings.Contains(out.String(), " 0 left [], 0 not pulled;") {
				t.Errorf("the last run: exit code %d, %s%s", code, &out, &errs)
			}
			break
		}
		_, next, ok := strings.Cut(errs.String(), "batch: interrupted: to resume: go run . ")
		if code != command.Interrupted || !ok {
			t.Fatalf("%s: exit code %d, %s%s", args, code, &out, &errs)
		}
		args = next
	}
	for item := range times {
		if n := times[item].Load(); n != 1 {
			t.Fatalf("item %d was done %d times", item, n)
		}
	}
}

func TestNoFlagsArePrintedWhenAllItemsAreDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	code := run(ctx, strings.Fields("-items 10 -from 10"), checksum, &out, &errs)
	if code != command.Interrupted || !strings.HasSuffix(errs.String(), "batch: interrupted: all items were done before the interruption\n") {
		t.Errorf("exit code %d; %s", code, &errs)
	}
}

func TestAfterKeepsTheItemsThatWereNotDone(t *testing.T) {
	c := config{items: 20, from: 10, also: []int{3, 5, 7}}
	for _, tt := range []struct {
		t    tally
		from int
		also []int
	}{
		{tally{}, 10, []int{3, 5, 7}},
		{tally{done: 1, left: []int{5}}, 10, []int{5, 7}},
		{tally{done: 2, left: []int{7}}, 10, []int{7}},
		{tally{done: 3, failed: 1, left: []int{7, 11}}, 13, []int{7, 11}},
		{tally{done: 13}, 20, nil},
	} {
		if got := c.after(tt.t); got.from != tt.from || !slices.Equal(got.also, tt.also) {
			t.Errorf("%+v: %v, want from %d and %v", tt.t, got, tt.from, tt.also)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-h", command.OK, "Usage: batch"},
		{"-cake", command.Usage, "not defined: -cake"},
		{"-items -5", command.Usage, "-items -5: must be from 1 to 100000000"},
		{"-items 0", command.Usage, "-items 0: must be"},
		{"-from 10 -items 5", command.Usage, "-from 10: must be from 0 to 5, the number of items"},
		{"-from -1", command.Usage, "-from -1: must be from 0 to 100000"},
		{"-from 5 -items 5", command.OK, "0 done, 0 failed, 0 left [], 0 not pulled"},
		{"-parallelism 0", command.Usage, "-parallelism 0: must be from 1 to 1000"},
		{"-from 9 -also 3,9", command.Usage, "-also 9: must be from 0 to below 9"},
		{"-from 9 -also 3,4,3", command.Usage, "-also 3: must be given only once"},
		{"-from 9 -also 3,x", command.Usage, `"x" is not a whole number`},
		{"-from 4 -also 3,1 -items 5", command.OK, "3 done"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), checksum, &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: exit code %d, want %d, output:\n%s", c.args, code, c.code, &out)
		}
	}
}
