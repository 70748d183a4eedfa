package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"
)

func introduce(w io.Writer, cfg config) {
	fmt.Fprintf(w, "A server takes %v for a page. %s with %s each,\n"+
		"and a noisy one with %d, send requests for %v: first with one\n"+
		"bulkhead for all, then with one for each tenant.\n\n",
		work, plural(cfg.quiet, "quiet tenant"), plural(quietUsers, "concurrent request"), cfg.noise, cfg.duration)
}

const row = "  %-9s %7v %7v %7s %12v %7v %8s %8s\n"

// report prints the results of a phase in one Write.
func report(w io.Writer, p phase) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, p.name)
	fmt.Fprintf(&b, row, "", "sent", "served", "", "rejected", "failed", "p50", "p99")
	for _, tenant := range p.tenants {
		t := p.tallies[tenant]
		fmt.Fprintf(&b, row, tenant, t.sent(), t.served, percent(t.served, t.sent()), t.rejected, t.failed, quantile(t.times, 50), quantile(t.times, 99))
	}
	fmt.Fprintf(&b, "  %s\n\n", describe(p.counts))
	_, err := w.Write(b.Bytes())
	return err
}

// verdict describes the effect on the quiet tenants.
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
	return fmt.Sprintf("The quiet tenants sent few requests. With one bulkhead for all, %d of their\n"+
		"%d requests were not served; with one for each tenant, %d of %d, because the\n"+
		"noisy one fills only its own.", before, sentBefore, after, sentAfter)
}

// price describes the cost: slots that are free but reserved for another tenant could
// have served requests.
func price(without, with phase) string {
	return fmt.Sprintf(`The price: a tenant cannot use the free slots of another one. The server served
%d requests of the noisy tenant instead of %d, and %d requests in total
instead of %d, with %d slots instead of %d. If all %d tenants come, they
have %d slots together. The server must be able to serve that many requests
concurrently, or needs another bulkhead for the sum (docs/capacity.md).`,
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
		plural(c.bulkheads, "bulkhead"), plural(c.slots, "slot"), t.Arrivals(), t.Admitted, t.AdmittedFromQueue, t.Rejected())
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// percent rounds down, so 100 % means all.
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
