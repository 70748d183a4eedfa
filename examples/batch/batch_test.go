package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
)

const (
	all   = 100_000
	slots = 8
)

func none(int, error) {}

// Each item has 10 kB of its own, a gigabyte in total. What is pulled and not
// yet done with never exceeds the slots, and the heap stays small.
func TestAHundredThousandItemsInConstantMemory(t *testing.T) {
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
	if got.done != all || got.failed != 0 || len(got.left) != 0 || got.next != all {
		t.Errorf("%+v", got)
	}
	if most > slots {
		t.Errorf("%d items on their way, %d slots", most, slots)
	}
	if heap.HeapAlloc > 50<<20 {
		t.Errorf("%d MB on the heap near the end", heap.HeapAlloc>>20)
	}
	if s := b.Status(); s.Peak.InFlight > slots || s.Totals.Rejected() != 0 {
		t.Errorf("peak %d, %d rejected", s.Peak.InFlight, s.Totals.Rejected())
	}
}

// Interrupted half-way, then gone on with what is left and from next: every
// item was done exactly once.
func TestInterruptedHalfWayNothingIsLostOrDoneTwice(t *testing.T) {
	var times [all]atomic.Int32
	var started atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	interrupted := ctx.Done()
	work := func(ctx context.Context, item int) error {
		started.Add(1)
		if item == all/2-1 {
			<-interrupted // it is at work when that happens
		}
		times[item].Add(1)
		if item%1000 == 7 {
			return errors.New("a bad item")
		}
		return ctx.Err() // what has begun is not disturbed
	}
	b := bulk.Must(bulk.New("batch", slots))
	first := process(ctx, b, func(yield func(int) bool) {
		numbers(0, all)(func(item int) bool {
			if item == all/2 {
				cancel() // at least this one is pulled and never started
			}
			return yield(item)
		})
	}, work, none)
	if first.done+first.failed+len(first.left) != first.next {
		t.Errorf("%+v does not add up", first)
	}
	if int64(first.done+first.failed) != started.Load() || len(first.left) < 1 || len(first.left) > slots || first.next != all/2+1 {
		t.Errorf("%d were started: %+v", started.Load(), first)
	}
	rest := process(t.Context(), b, func(yield func(int) bool) {
		for _, item := range first.left {
			if !yield(item) {
				return
			}
		}
		numbers(first.next, all)(yield)
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
	if err := run(t.Context(), 0, 5000, 1, checksum, &out, &bar); err != nil {
		t.Error(err)
	}
	if want := "4999 done, 1 failed, 0 left [], 0 never looked at; at most 1 at once\n"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
	if n := strings.Count(bar.String(), ": checksum 0000"); n != 1 {
		t.Errorf("%d failures named: %q", n, &bar)
	}
	if !strings.Contains(bar.String(), "checksums") || !strings.Contains(bar.String(), "/5000") {
		t.Errorf("progress: %q", &bar)
	}

	out.Reset()
	ctx, cancel := context.WithCancel(t.Context())
	err := run(ctx, 1000, 5000, 1, func(_ context.Context, item int) error {
		if item == 2999 {
			cancel()
		}
		return nil
	}, &out, io.Discard)
	if !errors.Is(err, errInterrupted) || !strings.HasPrefix(out.String(), "2000 done, 0 failed, ") {
		t.Errorf("%v; %s", err, &out)
	}

	out.Reset()
	err = run(ctx, 1000, 5000, 1, checksum, &out, io.Discard)
	if want := "0 done, 0 failed, 0 left [], 4000 never looked at; at most 0 at once\n"; out.String() != want || !strings.Contains(err.Error(), "-from 1000,") {
		t.Errorf("interrupted before it began: %v; %s", err, &out)
	}
	if err := run(t.Context(), 0, 1, 0, checksum, &out, io.Discard); !errors.Is(err, bulk.ErrConfig) {
		t.Error(err)
	}
}
