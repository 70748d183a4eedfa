package bulk

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// The text forms: aligned, with units, without what is 0 or absent.

// String returns the status on a few lines, without a newline at the end.
func (s Status) String() string {
	var w textWriter
	w.printf("bulkhead %s", safetext.Quote(s.Label))
	w.writeState(s)
	w.writeCurrent(s)
	w.writeTotals(s.Totals, s.Totals.LongestWait, nil)
	if s.Peak != (Peak{}) {
		w.row("peak", "%s in use, %d waiting", plural(s.Peak.InUse, "slot"), s.Peak.Waiting)
	}
	return w.String()
}

// String returns the interval on a few lines, with the state at its end, and
// without a newline at the end.
func (i Interval) String() string {
	var w textWriter
	w.printf("bulkhead %s over %v", safetext.Quote(i.End.Label), round3(i.Duration))
	w.writeState(i.End)
	w.writeCurrent(i.End)
	rate := i.rate
	if i.Duration <= 0 { // there is no rate
		rate = nil
	}
	w.writeTotals(i.Totals, 0, rate)
	if load := i.OfferedLoad(); load > 0 {
		w.row("offered load", "%s of %s", formatFloat(load), countSlots(i.End.Capacity.Parallelism))
	}
	return w.String()
}

// String returns the summary, followed by each finding with its advice, without a
// newline at the end.
func (r Report) String() string {
	var w textWriter
	w.printf("%s", r.Summary())
	if r.Interval != nil {
		w.printf(" over %v", round3(r.Interval.Duration))
	}
	for _, f := range r.Findings {
		w.printf("\n  %-9s %s: %s", f.Severity, f.Code, f.Message)
		w.printf("\n  %-9s → %s", "", f.Advice)
	}
	return w.String()
}

// String returns the finding on one line, with its advice.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s %s", f.Severity, f.Code, f.Message, f.Advice)
}

// String returns the event on one line.
func (e Event) String() string {
	text := fmt.Sprintf("bulkhead %s: event %d: %s", safetext.Quote(e.Label), e.Seq, e.Kind)
	if e.Slots > 1 {
		text += fmt.Sprintf(" %d slots", e.Slots)
	}
	if e.hasWait() {
		text += fmt.Sprintf(" after %v", round3(e.Waited))
	}
	if e.Kind == EventResized {
		text += fmt.Sprintf(" from %s to %s", e.Previous, e.Capacity)
	}
	return text + ": " + numbers(e.InUse, e.Waiting, e.Capacity)
}

// String returns a text like "10 slots, 50 places, 250ms".
func (c Capacity) String() string {
	text := countSlots(c.Parallelism) + ", " + plural(c.WaitingRoom, "place")
	if c.WaitLimit > 0 {
		text += ", " + c.WaitLimit.String()
	}
	if c.DelayTarget > 0 {
		text += fmt.Sprintf(", %v after %v of queueing", c.DelayTarget, c.DelayInterval)
	}
	return text
}

func (s Status) numbers() string { return numbers(s.InUse, s.Waiting, s.Capacity) }

// numbers returns how much of the capacity is in use. An [AdmissionError] has the
// same text.
func numbers(inUse, waiting int, c Capacity) string {
	return fmt.Sprintf("%d/%s slots in use, %d/%d waiting", inUse, parallelismText(c.Parallelism), waiting, c.WaitingRoom)
}

// parallelismText returns a parallelism as a number, or "unlimited".
func parallelismText(n int) string {
	if n == Unlimited {
		return unlimited
	}
	return strconv.Itoa(n)
}

// countSlots returns a parallelism with its noun, like "10 slots".
func countSlots(n int) string {
	if n == Unlimited {
		return "unlimited slots"
	}
	return plural(n, "slot")
}

// textWriter writes a text of several lines.
type textWriter struct{ strings.Builder }

func (w *textWriter) printf(format string, args ...any) { fmt.Fprintf(w, format, args...) }

// row begins a line with a name.
func (w *textWriter) row(name, format string, args ...any) {
	w.printf("\n  %-13s"+format, append([]any{name}, args...)...)
}

// writeState writes what the first line says about the state, if it is not open.
func (w *textWriter) writeState(s Status) {
	switch {
	case s.Closed:
		w.printf(", closed")
	case s.Paused():
		w.printf(", paused")
	}
}

func (w *textWriter) writeCurrent(s Status) {
	w.row("slots", "%d of %s in use, %s in flight", s.InUse, parallelismText(s.Capacity.Parallelism), plural(s.InFlight, "operation"))
	if s.OldestHold > 0 {
		w.printf(", the oldest for %v", round3(s.OldestHold))
	}
	if s.Capacity.WaitingRoom > 0 || s.Waiting > 0 {
		w.row("waiting", "%d of %d", s.Waiting, s.Capacity.WaitingRoom)
		if s.Capacity.WaitLimit > 0 {
			w.printf(", each at most %v", s.Capacity.WaitLimit)
		}
		if s.OldestWait > 0 {
			w.printf(", the oldest for %v, never empty for %v", round3(s.OldestWait), round3(s.Queueing))
		}
	} else if s.Capacity.WaitLimit > 0 {
		w.row("waiting", "0 of 0: without a waiting room the wait limit of %v has no effect", s.Capacity.WaitLimit)
	}
}

// writeTotals writes the counts, followed by their rates unless rate is nil. A
// longest wait of 0 is not written.
func (w *textWriter) writeTotals(t Totals, longest time.Duration, rate func(uint64) float64) {
	withRate := func(n uint64) string {
		if rate == nil || n == 0 {
			return strconv.FormatUint(n, 10)
		}
		return fmt.Sprintf("%d, %s/s", n, formatFloat(rate(n)))
	}
	w.row("arrivals", "%s", withRate(t.Arrivals()))
	w.row("admitted", "%s", withRate(t.Admitted))
	if t.AdmittedFromQueue > 0 {
		w.printf(", %d of them from the queue", t.AdmittedFromQueue)
	}
	if n := t.Rejected(); n > 0 {
		w.row("rejected", "%s: %s", withRate(n), listCounts(
			count{t.Saturated, "saturated"}, count{t.Expired, "expired"}, count{t.ExpiredAtArrival, "expired at arrival"},
			count{t.Oversized + t.OversizedAtArrival, "oversized"}, count{t.Closed + t.ClosedAtArrival, "closed"}))
	}
	if n := t.Canceled + t.CanceledAtArrival + t.Abandoned; n > 0 {
		w.row("canceled", "%s: %s", withRate(n), listCounts(
			count{t.CanceledAtArrival, "at arrival"}, count{t.Canceled, "while waiting"}, count{t.Abandoned, "when admitted"}))
	}
	if t.AdmittedFromQueue > 0 {
		w.row("waits", "mean %v, p50 %v, p95 %v, p99 %v", round3(t.MeanWait()),
			round3(t.quantile(0.5)), round3(t.quantile(0.95)), round3(t.quantile(0.99)))
		if longest > 0 {
			w.printf(", longest %v", round3(longest))
		}
	}
	if t.Queueing > 0 {
		w.row("queueing", "%v with operations waiting", round3(t.Queueing))
		if t.Shortened > 0 {
			w.printf(", %s shortened by delay control", plural(t.Shortened, "wait"))
		}
	}
	if t.Holds.Samples > 0 {
		w.row("holds", "mean %v of %s", round3(t.Holds.Mean()), plural(t.Holds.Samples, "sample"))
	}
}

// totalsText returns the rows of the counts, for the text forms of package registry.
// The rates are those of duration, none if it is 0.
func totalsText(t Totals, duration time.Duration) string {
	var w textWriter
	if duration > 0 {
		w.writeTotals(t, 0, Interval{Duration: duration}.rate)
	} else {
		w.writeTotals(t, t.LongestWait, nil)
	}
	return w.String()
}

// quantile returns a quantile of the waits, but never more than the longest wait,
// which is an upper bound in an interval too. It is 0 in totals that were made by
// hand without one: then it is unknown.
func (t Totals) quantile(q float64) time.Duration {
	d := t.Waits.Quantile(q)
	if t.LongestWait > 0 {
		d = min(d, t.LongestWait)
	}
	return d
}

type count struct {
	n    uint64
	name string
}

// listCounts returns a text like "700 saturated, 40 expired", without those that
// are 0.
func listCounts(counts ...count) string {
	var texts []string
	for _, c := range counts {
		if c.n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	return strings.Join(texts, ", ")
}

// plural returns a text like "1 slot" or "2 slots".
func plural[N int | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// round3 rounds to three digits.
func round3(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

// formatFloat returns x with three digits, or all digits before the decimal point
// if there are more.
func formatFloat(x float64) string {
	if x >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// percent returns a share as a text like "33.3 %", at most 100 %. It is cut off,
// not rounded, so that a share below a threshold is not shown as the threshold:
// for wholes below 10¹², which is far more than the rounding of floats needs.
func percent[N int | uint64](part, whole N) string {
	if whole == 0 {
		return "0 %"
	}
	tenths := math.Floor(float64(min(part, whole)) * 1000 / float64(whole))
	return strconv.FormatFloat(tenths/10, 'f', -1, 64) + " %"
}

// enumText has the texts of an enumeration whose values start at 1.
type enumText []string

// name returns the text of v, or a text like "reason(9)" if v is unknown.
func (t enumText) name(of string, v uint8) string {
	if v == 0 || int(v) > len(t) {
		return fmt.Sprintf("%s(%d)", of, v)
	}
	return t[v-1]
}

func (t enumText) marshal(field string, v uint8) ([]byte, error) {
	if v == 0 || int(v) > len(t) {
		return nil, &ConfigError{Field: field, Value: v, Problem: fmt.Sprintf("must be from 1 to %d", len(t))}
	}
	return []byte(t[v-1]), nil
}

// unmarshal sets v to the value of text. It leaves v unchanged if there is none.
func (t enumText) unmarshal(field string, text []byte, v *uint8) error {
	for i, s := range t {
		if s == string(text) {
			*v = uint8(i + 1)
			return nil
		}
	}
	return &ConfigError{Field: field, Value: brief(text), Problem: "must be one of " + strings.Join(t, ", ")}
}
