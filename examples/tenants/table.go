package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"
)

func introduce(w io.Writer, cfg config) {
	fmt.Fprintf(w, "A server whose pages take %v. %s with %d requests on their way\n"+
		"concurrently, and a noisy one with %d; for %v each,\n"+
		"with one compartment for all and with one for each.\n\n",
		work, plural(cfg.quiet, "quiet tenant"), quietUsers, cfg.noise, cfg.duration)
}

const row = "  %-9s %7v %7v %7s %12v %7v %8s %8s\n"

// report prints a phase in one piece.
func report(w io.Writer, p phase) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, p.name)
	fmt.Fprintf(&b, row, "", "sent", "served", "", "rejected", "failed", "p50", "p99")
	for _, tenant := range p.tenants {
		t := p.tallies[tenant]
		fmt.Fprintf(&b, row, tenant, t.sent(), t.served, percent(t.served, t.sent()), t.turnedAway, t.failed, quantile(t.times, 50), quantile(t.times, 99))
	}
	fmt.Fprintf(&b, "  %s\n\n", describe(p.counts))
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
	return fmt.Sprintf("The quiet tenants did nothing wrong. With one compartment for all, %d of their\n"+
		"%d requests were not served; with one for each tenant, %d of %d: the noisy one\nfills only its own.", before, sentBefore, after, sentAfter)
}

// price says in words what is given up for it. What a slot does is waiting, so
// slots that were not in use could have served somebody.
func price(without, with phase) string {
	return fmt.Sprintf(`The price: slots that one tenant doesn't use are closed to the others. The noisy
one was served %d times instead of %d, and the server as a whole %d times
instead of %d, though it had %d slots instead of %d. And the %d tenants
that may come have %d slots together: the server must be able to bear that, or
needs one more bulkhead for the sum (docs/capacity.md).`,
		with.tallies[noisy].served, without.tallies[noisy].served, with.served(), without.served(),
		with.counts.slots, without.counts.slots, maxTenants, maxTenants*parallelism)
}

func (p phase) served() (n int) {
	for _, t := range p.tallies {
		n += t.served
	}
	return n
}

func describe(c counts) string {
	t := c.totals
	return fmt.Sprintf("%s, %s\n  %d arrived: %d admitted (%d after a wait), %d rejected",
		plural(c.compartments, "compartment"), plural(c.slots, "slot"), t.Arrivals(), t.Admitted, t.AdmittedFromQueue, t.Rejected())
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
