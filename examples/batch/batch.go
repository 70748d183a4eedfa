package main

import (
	"context"
	"iter"

	"github.com/bulklink/bulklink-go/bulk"
)

// tally counts the items by outcome.
type tally struct {
	done, failed int
	left         []int // items that were pulled and never started: at most one for each slot
}

// pulled returns how many items were pulled from the sequence. To resume, process the
// items in left, and then the items that were not pulled.
func (t tally) pulled() int { return t.done + t.failed + len(t.left) }

// process calls work for each item, and runs as many calls concurrently as b has slots.
// Its memory does not grow with the number of items: bulk.Map pulls an item only when
// there is room for its result, and yields results in the order of the items.
//
// When ctx ends, process pulls no further item. Items that have started finish, because
// work gets a ctx that is never canceled, so no item is left half done. Items that were
// pulled and not started are returned in left. An item in left can be followed by one
// that was started, so the number of pulled items alone is not enough to resume.
//
// After each item process calls progress, with the error of work if it failed. The
// tally has only the number of failures, because a list could grow with the number of
// items.
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
