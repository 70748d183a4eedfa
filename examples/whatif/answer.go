package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/sizing"
)

// question is what the capacities have in common, and the bounds that one must keep.
type question struct {
	room     int
	limit    time.Duration
	rejected float64 // percent
	wait     time.Duration
}

// maxRows is how many capacities the table shows, apart from the one that is chosen.
const maxRows = 12

// answer prints what bulkheads of several capacities would have done with the operations,
// and which is the smallest that keeps the bounds. It ends early, and prints nothing, when
// ctx ends.
func (q question) answer(ctx context.Context, trace sizing.Trace, w io.Writer) error {
	free, err := trace.Replay(bulk.Capacity{Parallelism: bulk.Unlimited})
	if err != nil {
		return err
	}
	most := max(1, free.Peak.InUse) // with this parallelism no operation waits
	shown, found, err := q.replays(ctx, trace, most)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	describe(&b, trace, free, most)
	fmt.Fprintf(&b, "With a waiting room of %d and a wait limit of %v:\n\n", q.room, q.limit)
	fmt.Fprintf(&b, row, "parallelism", "rejected", "", "expired", "wait p50", "p99", "slots used")
	for _, status := range shown {
		q.print(&b, trace, status, status.Capacity.Parallelism == found)
	}
	fmt.Fprintf(&b, "\n%s\n", q.verdict(found))
	_, err = w.Write(b.Bytes())
	return err
}

// replays returns the rows of the table, in order, and the smallest parallelism that keeps
// the bounds, or 0. It is one of the rows, and the one below it does not keep them. If
// operations have several slots, it is the smallest one that was found: a smaller one can
// reject those that are large, and keep the bounds by that.
func (q question) replays(ctx context.Context, trace sizing.Trace, most int) (shown []bulk.Status, found int, err error) {
	replay := func(n int) (bulk.Status, error) {
		if ctx.Err() != nil {
			return bulk.Status{}, fmt.Errorf("%w: no answer yet", command.ErrInterrupted)
		}
		return trace.Replay(bulk.Capacity{Parallelism: n, WaitingRoom: q.room, WaitLimit: q.limit})
	}
	for _, n := range rows(most) {
		status, err := replay(n)
		if err != nil {
			return nil, 0, err
		}
		if found == 0 && q.kept(status.Totals) {
			below := 0
			if len(shown) > 0 {
				below = shown[len(shown)-1].Capacity.Parallelism
			}
			first, err := q.first(replay, below, status)
			if err != nil {
				return nil, 0, err
			}
			if found = first.Capacity.Parallelism; found < n {
				shown = append(shown, first)
			}
		}
		shown = append(shown, status)
	}
	return shown, found, nil
}

// rows returns the capacities of the table: 1, at most maxRows at equal distances, and most.
func rows(most int) []int {
	all := []int{1}
	step := (most + maxRows - 1) / maxRows
	for n := step; n < most; n += step {
		if n > 1 {
			all = append(all, n)
		}
	}
	if most > 1 {
		all = append(all, most)
	}
	return all
}

// first returns the replay with the smallest parallelism that keeps the bounds, if one of
// below does not keep them and that of above does. It halves the distance each time.
func (q question) first(replay func(int) (bulk.Status, error), below int, above bulk.Status) (bulk.Status, error) {
	for above.Capacity.Parallelism-below > 1 {
		n := below + (above.Capacity.Parallelism-below)/2
		status, err := replay(n)
		if err != nil {
			return status, err
		}
		if q.kept(status.Totals) {
			above = status
		} else {
			below = n
		}
	}
	return above, nil
}

func (q question) verdict(found int) string {
	bounds := fmt.Sprintf("at most %v %% rejected,\n99 %% of the admitted operations wait at most %v.", q.rejected, q.wait)
	if found == 0 {
		return "No parallelism keeps the bounds: " + bounds
	}
	return fmt.Sprintf("%d is the smallest parallelism that keeps the bounds: %s", found, bounds)
}

// kept reports whether the bounds are kept.
func (q question) kept(t bulk.Totals) bool {
	return share(t.Rejected(), t.Arrivals()) <= q.rejected && quantile(t, 0.99) <= q.wait
}

func describe(w io.Writer, trace sizing.Trace, free bulk.Status, most int) {
	fmt.Fprintf(w, "%d operations in %v, at most %d slots in use without a limit.\n",
		len(trace.Operations), free.At.Sub(trace.Start).Round(time.Millisecond), most)
	if slices.ContainsFunc(trace.Operations, func(op sizing.Operation) bool { return op.Slots > 1 }) {
		fmt.Fprintln(w, "Some have several slots: a smaller parallelism than the one found can keep the bounds by\nrejecting these.")
	}
	if n := trace.NeverRan(); n > 0 {
		fmt.Fprintf(w, "%d of them never ran when they were recorded: how long they would have taken is drawn\nfrom the others.\n", n)
	}
}

const row = "  %11s %9s %7s %8s %9s %7s %11s\n"

func (q question) print(w io.Writer, trace sizing.Trace, s bulk.Status, chosen bool) {
	t := s.Totals
	mark := ""
	if chosen {
		mark = "→ "
	}
	fmt.Fprintf(w, row, fmt.Sprint(mark, s.Capacity.Parallelism),
		fmt.Sprint(t.Rejected()), fmt.Sprintf("%.1f %%", share(t.Rejected(), t.Arrivals())), fmt.Sprint(t.Expired),
		short(quantile(t, 0.5)), short(quantile(t, 0.99)),
		fmt.Sprintf("%.0f %%", min(100, 100*used(trace, s)/float64(s.Capacity.Parallelism))))
}

// quantile returns the wait that the share q of the admitted operations does not exceed.
// Those that were admitted immediately have waited for 0.
func quantile(t bulk.Totals, q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(t.Admitted)))
	immediately := t.Admitted - t.AdmittedFromQueue
	if rank <= immediately {
		return 0
	}
	return t.Waits.Quantile(float64(rank-immediately) / float64(t.AdmittedFromQueue))
}

// used estimates how many slots the admitted operations used on average, if each took as
// much as the average of those that were recorded.
func used(trace sizing.Trace, s bulk.Status) float64 {
	work, n := time.Duration(0), 0
	for _, op := range trace.Operations {
		if op.Outcome == sizing.Finished {
			work += time.Duration(op.Slots) * op.Hold
			n++
		}
	}
	duration := s.At.Sub(trace.Start)
	if n == 0 || duration <= 0 {
		return 0
	}
	return float64(s.Totals.Admitted) / float64(n) * work.Seconds() / duration.Seconds()
}

// share returns a part of all in percent.
func share(part, all uint64) float64 {
	if all == 0 {
		return 0
	}
	return 100 * float64(part) / float64(all)
}

func short(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}
