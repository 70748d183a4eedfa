// Gateway is an HTTP gateway in front of several LLM providers. There are three limits,
// from the outside to the inside:
//
//   - Each API key may have a number of requests open. The others get 429 immediately.
//   - Each pair of tenant and provider has a share of the slots, so that a provider that
//     is slow for one tenant harms neither the other tenants nor the other providers.
//   - Each provider has slots: a request holds as many as its model weighs, until its
//     streamed answer ends.
//
// If a provider did not start a request, the gateway tries the next provider. It never
// repeats a request that was started. Metrics for Prometheus and a dashboard have an
// address of their own.
//
// The program is a demonstration with fake providers and clients on loopback. One of the
// providers becomes slow, and then the gateway is shut down under load.
//
//	go run .
//	go run . -duration 5m # long enough to look at the dashboard
//
// The gateway is in gateway.go and answer.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

const about = `Gateway is an HTTP gateway in front of two fake LLM providers on loopback. It
limits each provider, and each tenant at each provider. Halfway, the provider
alpha becomes slow. At the end the gateway is shut down under load.`

func main() { os.Exit(run(command.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit code. It leaves no server and no goroutine running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var d demonstration
	f := command.New("gateway", about)
	f.DurationVar(&d.duration, "duration", 4*time.Second, "how long the clients send requests")
	f.IntVar(&d.noise, "noise", 30, "concurrent requests of the noisy tenant for each model")
	command.Between(f, "duration", &d.duration, 100*time.Millisecond, 10*time.Minute)
	command.Between(f, "noise", &d.noise, 1, 500, "requests")
	return f.Run(args, stdout, stderr, func() error {
		if err := d.run(ctx, stdout); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: the figures cover only the requests sent until then", command.ErrInterrupted)
		}
		return nil
	})
}

// Each provider has 16 slots. An API key has at most 50 open requests, and a tenant at
// most 6 in flight at each provider.
const slots, open, share = 16, 50, 6

type demonstration struct {
	duration time.Duration
	noise    int
}

func (d demonstration) run(ctx context.Context, out io.Writer) error {
	alpha, beta := newFake(20*time.Millisecond), newFake(20*time.Millisecond)
	defer alpha.Close()
	defer beta.Close()
	g, url, admin, err := start(alpha.URL, beta.URL)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Metrics: %s/metrics\nDashboard: %s/debug/bulkheads/\nBoth until the program ends: see -duration.\n\n", admin, admin)
	groups := []users{
		{"steady", "small", "alpha", 2}, {"steady", "large", "beta", 2},
		{"noisy", "small", "alpha", d.noise}, {"noisy", "large", "beta", d.noise},
	}
	for _, half := range []struct {
		title string
		think time.Duration
	}{{"Both providers answer in 60 ms.", 20 * time.Millisecond}, {"Alpha answers in 540 ms.", 500 * time.Millisecond}} {
		alpha.think.Store(int64(half.think))
		limit, cancel := context.WithTimeout(ctx, d.duration/2)
		printTallies(out, half.title, groups, load(limit, url, groups))
		cancel()
	}
	err = printShutdown(out, g, url, groups)
	printProviders(out, g, alpha, beta)
	return err
}

// start returns a gateway that serves on loopback, its URL and that of its admin pages.
func start(alpha, beta string) (g *gateway, url, admin string, err error) {
	g, err = newGateway(map[string]string{"steady-key": "steady", "noisy-key": "noisy"}, open, share)
	if err != nil {
		return nil, "", "", err
	}
	a, errA := g.addProvider("alpha", alpha, slots)
	b, errB := g.addProvider("beta", beta, slots)
	if err := errors.Join(errA, errB); err != nil {
		return nil, "", "", err
	}
	g.models["small"] = model{1, []*provider{a, b}}
	g.models["large"] = model{2, []*provider{b, a}}
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return nil, "", "", err
	}
	internal, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return nil, "", "", errors.Join(err, l.Close())
	}
	go g.server.Serve(l) // until shutdown
	go g.admin.Serve(internal)
	return g, "http://" + l.Addr().String(), "http://" + internal.Addr().String(), nil
}

const row = "  %-13s %6v %9v %9v %5v %5v %7v %8v %8v\n"

func printTallies(out io.Writer, title string, groups []users, tallies []tally) {
	fmt.Fprintf(out, "%s\n"+row, title, "", "sent", "answered", "fallback", "429", "503", "failed", "p50", "p99")
	for i, t := range tallies {
		fmt.Fprintf(out, row, groups[i].tenant+" "+groups[i].model, t.sent, t.answered, t.fallback,
			t.share, t.busy, t.failed, quantile(t.times, 50), quantile(t.times, 99))
	}
	fmt.Fprintln(out)
}

// printShutdown shuts the gateway down while requests are in flight.
func printShutdown(out io.Writer, g *gateway, url string, groups []users) error {
	acceptedBefore, sentBefore := g.accepted.Load(), lastID.Load()
	sending, stop := context.WithCancel(context.Background())
	defer stop()
	loaded := make(chan []tally)
	go func() { loaded <- load(sending, url, groups) }()
	time.Sleep(100 * time.Millisecond)
	stop()
	time.Sleep(10 * time.Millisecond)
	for n := 0; n < 1000 && g.accepted.Load()-acceptedBefore < lastID.Load()-sentBefore; n++ {
		time.Sleep(time.Millisecond) // until the gateway has accepted the last request
	}
	before := g.domains.Status()

	limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := g.shutdown(limit)
	failed := 0
	for _, t := range <-loaded {
		failed += t.failed
	}
	var closed uint64
	for _, r := range g.bulkheads.Reports() {
		closed += r.Status.Totals.Closed + r.Status.Totals.ClosedAtArrival
	}
	fmt.Fprintf(out, "Shutdown with %d requests in flight and %d waiting: %d cut off,\n%d rejected because of it, %d in flight afterwards.\n\n",
		before.InFlight, before.Waiting, failed, closed, g.domains.Status().InFlight)
	return err
}

func printProviders(out io.Writer, g *gateway, fakes ...*fake) {
	const row = "  %-13s %6v %9v %9v %9v %9v %14v\n"
	fmt.Fprintf(out, row, "provider", "slots", "peak", "admitted", "rejected", "charged", "charged twice")
	for i, s := range g.bulkheads.Statuses() {
		charged, twice := fakes[i].charges()
		fmt.Fprintf(out, row, s.Label, s.Capacity.Parallelism, s.Peak.InUse, s.Totals.Admitted, s.Totals.Rejected(), charged, twice)
	}
}

func quantile(times []time.Duration, percent int) string {
	if len(times) == 0 {
		return "–"
	}
	slices.Sort(times)
	return fmt.Sprintf("%d ms", times[(len(times)-1)*percent/100].Round(time.Millisecond).Milliseconds())
}
