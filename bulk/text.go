package bulk

import (
	"fmt"
	"strings"
	"time"
)

// The forms for people: aligned, with units, without what is not there.

// String returns the reading on a few lines, without a newline at the end.
func (s Status) String() string {
	var p paper
	p.title("bulkhead %s", quoted(s.Label))
	if s.Closed {
		p.add(", closed")
	}
	p.now(s)
	p.past(s.Totals, s.Totals.LongestWait, nil)
	if s.Peak != (Peak{}) {
		p.row("peak", "%s in use, %d waiting", several(s.Peak.InUse, "slot"), s.Peak.Waiting)
	}
	return p.String()
}

// String returns the interval on a few lines, with what is left at its end, and
// without a newline at the end.
func (i Interval) String() string {
	var p paper
	p.title("bulkhead %s over %v", quoted(i.End.Label), short(i.Duration))
	if i.End.Closed {
		p.add(", closed")
	}
	p.now(i.End)
	rate := i.rate
	if i.Duration <= 0 { // a rate over no time says nothing
		rate = nil
	}
	p.past(i.Totals, 0, rate)
	if load := i.OfferedLoad(); load > 0 {
		p.row("offered load", "%s of %s", figure(load), several(i.End.Capacity.Parallelism, "slot"))
	}
	return p.String()
}

// String returns the summary, then each finding with its advice, without a
// newline at the end.
func (r Report) String() string {
	var p paper
	p.add(r.Summary())
	if r.Interval != nil {
		p.add(fmt.Sprintf(" over %v", short(r.Interval.Duration)))
	}
	for _, f := range r.Findings {
		p.line("  %-9s %s: %s", f.Severity, f.Code, f.Message)
		p.line("  %-9s → %s", "", f.Advice)
	}
	return p.String()
}

// String returns the finding on one line, with its advice.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s %s", f.Severity, f.Code, f.Message, f.Advice)
}

// String returns the event on one line.
func (e Event) String() string {
	text := fmt.Sprintf("bulkhead %s: event %d: %s", quoted(e.Label), e.Seq, e.Kind)
	if e.Slots > 1 {
		text += fmt.Sprintf(" %d slots", e.Slots)
	}
	if e.tellsWait() {
		text += fmt.Sprintf(" after %v", short(e.Waited))
	}
	if e.Kind == EventResized {
		text += fmt.Sprintf(" from %s to %s", e.Previous.words(), e.Capacity.words())
	}
	return text + ": " + numbers(e.InUse, e.Waiting, e.Capacity)
}

// words reads like 10 slots, 50 places, 250ms.
func (c Capacity) words() string {
	text := several(c.Parallelism, "slot") + ", " + several(c.WaitingRoom, "place")
	if c.WaitLimit > 0 {
		text += ", " + c.WaitLimit.String()
	}
	return text
}

func (s Status) numbers() string { return numbers(s.InUse, s.Waiting, s.Capacity) }

// numbers reads the same everywhere, also in an [AdmissionError].
func numbers(inUse, waiting int, c Capacity) string {
	return fmt.Sprintf("%d/%d slots in use, %d/%d waiting", inUse, c.Parallelism, waiting, c.WaitingRoom)
}

// paper is what the forms of several lines are written on.
type paper struct{ strings.Builder }

func (p *paper) add(text string) { p.WriteString(text) }

func (p *paper) title(format string, args ...any) { fmt.Fprintf(p, format, args...) }

func (p *paper) line(format string, args ...any) { fmt.Fprintf(p, "\n"+format, args...) }

func (p *paper) row(name, format string, args ...any) {
	fmt.Fprintf(p, "\n  %-13s"+format, append([]any{name}, args...)...)
}

func (p *paper) now(s Status) {
	p.row("slots", "%d of %d in use, %s in flight", s.InUse, s.Capacity.Parallelism, several(s.InFlight, "operation"))
	if s.Capacity.WaitingRoom > 0 || s.Waiting > 0 {
		p.row("waiting", "%d of %d", s.Waiting, s.Capacity.WaitingRoom)
		if s.Capacity.WaitLimit > 0 {
			p.add(fmt.Sprintf(", each %v at the most", s.Capacity.WaitLimit))
		}
	} else if s.Capacity.WaitLimit > 0 {
		p.row("waiting", "0 of 0: without a waiting room the wait limit of %v has no effect", s.Capacity.WaitLimit)
	}
}

// past writes the counts; with a rate if there is one.
func (p *paper) past(t Totals, longest time.Duration, rate func(uint64) float64) {
	perSecond := func(n uint64) string {
		if rate == nil || n == 0 {
			return ""
		}
		return fmt.Sprintf(", %s/s", figure(rate(n)))
	}
	p.row("arrivals", "%d%s", t.Arrivals(), perSecond(t.Arrivals()))
	p.row("admitted", "%d%s", t.Admitted, perSecond(t.Admitted))
	if t.AdmittedFromQueue > 0 {
		p.add(fmt.Sprintf(", %d of them from the queue", t.AdmittedFromQueue))
	}
	p.refused("turned away", t.Rejected(), perSecond, []reasonCount{
		{t.Saturated, "saturated"}, {t.Expired, "expired"}, {t.ExpiredAtArrival, "expired at arrival"},
		{t.Oversized + t.OversizedAtArrival, "oversized"}, {t.Closed + t.ClosedAtArrival, "closed"},
	})
	p.refused("canceled", t.Canceled+t.CanceledAtArrival+t.Abandoned, perSecond, []reasonCount{
		{t.CanceledAtArrival, "at arrival"}, {t.Canceled, "while waiting"}, {t.Abandoned, "when admitted"},
	})
	if t.AdmittedFromQueue > 0 {
		p.row("waits", "mean %v, p50 %v, p95 %v, p99 %v", short(t.MeanWait()),
			short(t.quantile(0.5)), short(t.quantile(0.95)), short(t.quantile(0.99)))
		if longest > 0 {
			p.add(fmt.Sprintf(", longest %v", short(longest)))
		}
	}
	if t.Holds.Samples > 0 {
		p.row("holds", "mean %v of %s", short(t.Holds.Mean()), several(t.Holds.Samples, "sample"))
	}
}

// quantile is that of the waits, but never above the longest one, which bounds
// those of an interval too. Totals made by hand may have none.
func (t Totals) quantile(q float64) time.Duration {
	d := t.Waits.Quantile(q)
	if t.LongestWait > 0 {
		d = min(d, t.LongestWait)
	}
	return d
}

type reasonCount struct {
	n    uint64
	word string
}

// refused writes how many there are, and of what they are made up.
func (p *paper) refused(name string, all uint64, perSecond func(uint64) string, parts []reasonCount) {
	if all == 0 {
		return
	}
	var words []string
	for _, c := range parts {
		if c.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", c.n, c.word))
		}
	}
	p.row(name, "%d%s: %s", all, perSecond(all), strings.Join(words, ", "))
}
