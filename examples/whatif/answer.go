package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
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
// and which is the smallest that keeps the bounds.
func (q question) answer(trace sizing.Trace, w io.Writer) error {
	free, err := trace.Replay(bulk.Capacity{Parallelism: bulk.Unlimited})
	if err != nil {
		return err
	}
	most := max(1, free.Peak.InUse) // with this parallelism no operation waits
	var b bytes.Buffer
	describe(&b, trace, free, most)
	fmt.Fprintf(&b, "With a waiting room of %d and a wait limit of %v:\n\n", q.room, q.limit)
	fmt.Fprintf(&b, row, "parallelism", "rejected", "", "expired", "wait p50", "p99", "slots used")
	found := 0
	step := (most + maxRows - 1) / maxRows
	for n := 1; n <= most; n++ {
		shown := n == 1 || n%step == 0 || n == most
		if found > 0 && !shown {
			continue
		}
		status, err := trace.Replay(bulk.Capacity{Parallelism: n, WaitingRoom: q.room, WaitLimit: q.limit})
		if err != nil {
			return err
		}
		keeps := q.kept(status.Totals)
		if keeps && found == 0 {
			found, shown = n, true
		}
		if shown {
			q.print(&b, trace, status, n == found)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", q.verdict(found))
	_, err = w.Write(b.Bytes())
	return err
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
