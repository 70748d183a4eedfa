package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func introduce(w io.Writer, cfg config) {
	fmt.Fprintf(w, "A server whose pages take %v. %s with %d requests on their way at once, and a noisy one with %d;\n"+
		"for %v each, with one compartment for all and with one for each.\n\n",
		work, plural(cfg.quiet, "quiet tenant"), quietUsers, cfg.noise, cfg.duration)
}

const row = "  %-9s %6v %8v %8s %12v %7v %8s %8s\n"

// report prints a phase in one piece.
func report(w io.Writer, p phase) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, p.name)
	fmt.Fprintf(&b, row, "", "sent", "served", "", "turned away", "failed", "p50", "p99")
	for _, tenant := range p.tenants {
		t := p.tallies[tenant]
		fmt.Fprintf(&b, row, tenant, t.sent(), t.served, percent(t.served, t.sent()), t.turnedAway, t.failed, quantile(t.times, 50), quantile(t.times, 99))
	}
	fmt.Fprintf(&b, "  %s\n\n", p.summary)
	_, err := w.Write(b.Bytes())
	return err
}

// verdict says in words what the compartments changed for the quiet tenants.
func verdict(without, with phase) string {
	lost := func(p phase) (lost, sent int) {
		for tenant, t := range p.tallies {
			if tenant != noisy {
				lost += t.sent() - t.served
				sent += t.sent()
			}
		}
		return lost, sent
	}
	before, sentBefore := lost(without)
	after, sentAfter := lost(with)
	return fmt.Sprintf("The quiet tenants did nothing wrong. With one compartment for all, %d of their %d requests were not served;\n"+
		"with one for each tenant, %d of %d: the noisy one fills only its own.", before, sentBefore, after, sentAfter)
}

func describe(label string, t bulk.Totals, compartments string) string {
	return fmt.Sprintf("%q: %s; %d arrived, %d admitted (%d of them after a wait), %d turned away",
		label, compartments, t.Arrivals(), t.Admitted, t.AdmittedFromQueue, t.Rejected())
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// percent rounds down: 100 % means all.
func percent(part, all int) string {
	if all == 0 {
		return "–"
	}
	return fmt.Sprintf("%d %%", part*100/all)
}

func quantile(times []time.Duration, percent int) string {
	if len(times) == 0 {
		return "–"
	}
	times = slices.Sorted(slices.Values(times))
	d := times[(len(times)-1)*percent/100]
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}
