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
	fmt.Fprintf(w, "A program with %d workers and an inbox of %d calls two dependencies: %d requests per second\n",
		workers, inboxSize, cfg.rate)
	fmt.Fprintf(w, "for %v, %.0f %% of them to the slow one, twice: without bulkheads, then with them.\n",
		cfg.duration, 100*slowShare)
	fmt.Fprintf(w, "Users wait %v. (seed %d)\n\n", cfg.patience, cfg.seed)
}

// report prints all that is known of the phases, in one piece.
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

const row = "%-6v %6v %10v %8v %6v  %9v %8v %10v  %10v %7v %8v %8v\n"

func writeTable(w io.Writer, phases []phase) {
	fmt.Fprintf(w, "%40s  %s\n", "", "rejected by the bulkhead")
	fmt.Fprintf(w, row, "", "sent", "succeeded", "", "shed", "saturated", "expired", "canceled", "timed out", "failed", "p50", "p99")
	for _, ph := range phases {
		fmt.Fprintln(w, ph.name())
		for i, t := range ph.tallies {
			fmt.Fprintf(w, row, "  "+target(i).String(), t.sent, t.succeeded, percent(t.succeeded, t.sent), t.shed,
				t.saturated, t.expired, t.canceled, t.timedOut, t.failed, quantile(t, 0.5), quantile(t, 0.99))
		}
	}
	fmt.Fprint(w, "Shed: the inbox was full. Rejected: never started. Timed out: the user gave up.\n"+
		"p50 and p99 are of those that succeeded, from when they were due.\n\n")
}

// writeSavings says in words what the bulkheads changed.
func writeSavings(w io.Writer, without, with phase) {
	fmt.Fprintln(w, "What isolation saved")
	for i := range targets {
		a, b := without.tallies[i], with.tallies[i]
		fmt.Fprintf(w, "  %v: %s → %s succeeded, p99 %s → %s, at most %d → %d calls inside the server at once\n",
			target(i), percent(a.succeeded, a.sent), percent(b.succeeded, b.sent),
			quantile(a, 0.99), quantile(b, 0.99), without.mostInside[i], with.mostInside[i])
	}
	fmt.Fprintf(w, "%s\n\n", verdict(without.tallies[fast], with.tallies[fast]))
}

// verdict judges by the fast dependency, which never had a trouble of its own.
// Shares are compared, because an interrupted phase has sent less.
func verdict(without, with tally) string {
	lost, still := without.sent-without.succeeded, with.sent-with.succeeded
	switch {
	case without.sent == 0 || with.sent == 0:
		return "No request for the fast dependency was sent in one of the phases: nothing can be said."
	case lost*100 < without.sent:
		return "Little to save: the slow dependency did not hold enough workers to harm the fast one. Try a higher -rate."
	case still*without.sent < lost*with.sent:
		return fmt.Sprintf("The fast dependency was well all the time. Yet without bulkheads %d of %d requests for it\n"+
			"got no answer (%d of them found the inbox full): calls to the slow one held the workers.\n"+
			"With bulkheads %d of %d got none.",
			lost, without.sent, without.shed, still, with.sent)
	default:
		return "Nothing was saved: the program has too little of everything, and bulkheads can't add any. Try a lower -rate."
	}
}

// writeStatus puts one reading of a bulkhead into words.
func writeStatus(w io.Writer, s bulk.Status) {
	t, c := s.Totals, s.Capacity
	room := fmt.Sprintf("%d may wait", c.WaitingRoom)
	if c.WaitingRoom > 0 && c.WaitLimit > 0 {
		room += ", for " + short(c.WaitLimit) + " at most"
	}
	fmt.Fprintf(w, "Bulkhead %q: %d slots, %s\n", s.Label, c.Parallelism, room)
	fmt.Fprintf(w, "  %d arrived: %d admitted (%d of them from the waiting room), %d saturated, %d expired, %d canceled\n",
		t.Arrivals(), t.Admitted, t.AdmittedFromQueue, t.Saturated, t.Expired+t.ExpiredAtArrival, t.Canceled+t.CanceledAtArrival+t.Abandoned)
	if t.AdmittedFromQueue > 0 {
		// A quantile is the bound of a bucket, which may be above all that is in it.
		fmt.Fprintf(w, "  waits of those admitted from the waiting room: p50 %s, p99 %s, longest %s\n",
			short(min(t.Waits.Quantile(0.5), t.LongestWait)), short(min(t.Waits.Quantile(0.99), t.LongestWait)), short(t.LongestWait))
	}
	closed := ""
	if s.Closed {
		closed = ", closed"
	}
	fmt.Fprintf(w, "  at most %d in flight and %d waiting; now %d and %d%s\n",
		s.Peak.InFlight, s.Peak.Waiting, s.InFlight, s.Waiting, closed)
}

// percent rounds down: 100 % means all.
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
