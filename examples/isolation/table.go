package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func introduce(w io.Writer, cfg config) {
	fmt.Fprintf(w, "A program with %d workers and an inbox of %d calls two dependencies:\n", workers, inboxSize)
	fmt.Fprintf(w, "%d requests per second for %v, %.0f %% of them to the slow one, twice:\n",
		cfg.rate, cfg.duration, 100*slowShare)
	fmt.Fprintf(w, "without bulkheads, then with them. Users wait %v. (seed %d)\n", cfg.patience, cfg.seed)
	if cfg.page != nil {
		fmt.Fprintf(w, "The bulkheads are shown at %s\n", cfg.page.url)
	}
	fmt.Fprintln(w)
}

// report prints the results of the phases in one Write.
func report(w io.Writer, phases []phase) error {
	var b bytes.Buffer
	writeTable(&b, phases)
	if len(phases) == 2 {
		writeSavings(&b, phases[0], phases[1])
	}
	for _, ph := range phases {
		for _, s := range ph.statuses {
			writeStatus(&b, s)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// rows are the rows of the table. of returns the value for one dependency in one phase.
var rows = []struct {
	name string
	of   func(tally) any
}{
	{"sent", func(t tally) any { return t.sent }},
	{"succeeded", func(t tally) any { return t.succeeded }},
	{"", func(t tally) any { return percent(t.succeeded, t.sent) }},
	{"p50", func(t tally) any { return quantile(t, 0.5) }},
	{"p99", func(t tally) any { return quantile(t, 0.99) }},
	{"shed", func(t tally) any { return t.shed }},
	{"rejected: saturated", func(t tally) any { return t.saturated }},
	{"rejected: expired", func(t tally) any { return t.expired }},
	{"rejected: canceled", func(t tally) any { return t.canceled }},
	{"timed out", func(t tally) any { return t.timedOut }},
	{"failed", func(t tally) any { return t.failed }},
}

// writeTable writes the table, with two columns for each phase.
func writeTable(w io.Writer, phases []phase) {
	fmt.Fprintf(w, "%-19s", "")
	for _, ph := range phases {
		fmt.Fprintf(w, "   %22s", ph.name())
	}
	fmt.Fprintf(w, "\n%-19s", "")
	for range phases {
		fmt.Fprintf(w, "   %10v  %10v", fast, slow)
	}
	fmt.Fprintln(w)
	for _, r := range rows {
		fmt.Fprintf(w, "%-19s", r.name)
		for _, ph := range phases {
			fmt.Fprintf(w, "   %10v  %10v", r.of(ph.tallies[fast]), r.of(ph.tallies[slow]))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "p50 and p99: latency of successful requests, counted from when they were due.\n"+
		"Shed: the inbox was full. Rejected: never started. Timed out: the user gave up.\n\n")
}

// writeSavings describes the difference that the bulkheads made.
func writeSavings(w io.Writer, without, with phase) {
	fmt.Fprintln(w, "What isolation saved")
	for i := range targets {
		a, b := without.tallies[i], with.tallies[i]
		fmt.Fprintf(w, "  %v: %s → %s succeeded, p99 %s → %s,\n        at most %d → %d calls inside the server concurrently\n",
			target(i), percent(a.succeeded, a.sent), percent(b.succeeded, b.sent),
			quantile(a, 0.99), quantile(b, 0.99), without.mostInside[i], with.mostInside[i])
	}
	fmt.Fprintf(w, "%s\n\n", verdict(without.tallies[fast], with.tallies[fast]))
}

// verdict compares the phases by the fast dependency, which was always healthy. It
// compares shares, because an interrupted phase has sent fewer requests.
func verdict(without, with tally) string {
	lostWithout, lostWith := without.sent-without.succeeded, with.sent-with.succeeded
	switch {
	case without.sent == 0 || with.sent == 0:
		return "One of the phases sent no request for the fast dependency, so the phases\n" +
			"cannot be compared."
	case lostWithout*100 < without.sent:
		return "There was little to save: the slow dependency did not occupy enough workers to\n" +
			"harm the fast one. Try a higher -rate."
	case lostWith*without.sent < lostWithout*with.sent:
		return fmt.Sprintf("The fast dependency was healthy all the time. Without bulkheads, %d of\n"+
			"%d requests for it got no answer (%d of them were shed), because calls to the\n"+
			"slow one occupied the workers. With bulkheads, %d of %d got no answer.",
			lostWithout, without.sent, without.shed, lostWith, with.sent)
	default:
		return "Nothing was saved: the load exceeds the capacity of the program as a whole, and\n" +
			"bulkheads add no capacity. Try a lower -rate."
	}
}

// writeStatus describes the status of one bulkhead in words.
func writeStatus(w io.Writer, s bulk.Status) {
	t, c := s.Totals, s.Capacity
	room := fmt.Sprintf("%d can wait", c.WaitingRoom)
	if c.WaitingRoom > 0 && c.WaitLimit > 0 {
		room += ", at most " + short(c.WaitLimit) + " each"
	}
	fmt.Fprintf(w, "Bulkhead %q: %d slots, %s\n", s.Label, c.Parallelism, room)
	fmt.Fprintf(w, "  %d arrived: %d admitted (%d of them from the waiting room),\n"+
		"    %d saturated, %d expired, %d canceled\n",
		t.Arrivals(), t.Admitted, t.AdmittedFromQueue, t.Saturated, t.Expired+t.ExpiredAtArrival, t.Canceled+t.CanceledAtArrival+t.Abandoned)
	if t.AdmittedFromQueue > 0 {
		// A quantile is the upper bound of a bucket, which can exceed the longest wait.
		fmt.Fprintf(w, "  waits of those from the waiting room: p50 %s, p99 %s, longest %s\n",
			short(min(t.Waits.Quantile(0.5), t.LongestWait)), short(min(t.Waits.Quantile(0.99), t.LongestWait)), short(t.LongestWait))
	}
	closed := ""
	if s.Closed {
		closed = ", closed"
	}
	fmt.Fprintf(w, "  at most %d in flight and %d waiting; now %d and %d%s\n",
		s.Peak.InFlight, s.Peak.Waiting, s.InFlight, s.Waiting, closed)
}

// percent rounds down, so 100 % means all.
func percent(part, all int) string {
	if all == 0 {
		return "–"
	}
	if part == all {
		return "100 %"
	}
	return fmt.Sprintf("%d.%d %%", part*100/all, part*1000/all%10)
}

func quantile(t tally, q float64) string {
	d, ok := t.percentile(q)
	if !ok {
		return "–"
	}
	return short(d)
}

// short prints a duration with two or three digits and a space before the unit.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	default:
		return strings.Replace(d.Round(time.Microsecond).String(), "µs", " µs", 1)
	}
}
