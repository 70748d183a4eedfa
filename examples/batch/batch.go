package main

import (
	"context"
	"iter"

	"github.com/bulklink/bulklink-go/bulk"
)

// tally says what became of the items, also if it was not all of them.
type tally struct {
	done, failed int
	left         []int // pulled and never started: at most one for each slot
}

// pulled returns how many of the items were pulled: the first so many of them.
// To go on, process those that are left, and then the items after the first so
// many.
func (t tally) pulled() int { return t.done + t.failed + len(t.left) }

// process does work for each item, as many concurrently as b has slots, in memory
// that doesn't grow with the number of items: bulk.Map pulls an item only when
// there is room for its result, and yields results in the order of the items.
//
// When ctx ends no further item is pulled. What has begun is finished: work gets
// a ctx that does not end, so that nothing is left half done and nobody has to
// guess. Those that were pulled and have not begun are left. There can be
// one that has begun behind one that is left, so the number of items that were
// pulled alone would not be enough to go on from.
//
// After each item progress is called, with the error if work has failed. The
// tally has only their number: a list could grow with the number of items.
func process(ctx context.Context, b *bulk.Bulkhead, items iter.Seq[int], work func(context.Context, int) error, progress func(item int, failure error)) tally {
	var t tally
	run := func(ctx context.Context, item int) (struct{}, error) {
		return struct{}{}, work(context.WithoutCancel(ctx), item)
	}
	for item, res := range bulk.Map(ctx, b, items, run) {
		var failure error
		switch err := res.Err(); {
		case err == nil:
			t.done++
		case bulk.NotStarted(err, b):
			t.left = append(t.left, item)
		default:
			t.failed++
			failure = err
		}
		progress(item, failure)
	}
	return t
}
