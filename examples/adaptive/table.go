package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// printTable prints a line each second until ctx ends, changes the capacity of all
// dependencies after each third of the time, and prints the totals.
func printTable(ctx context.Context, cfg config, clients []*client, out io.Writer) error {
	if err := printHead(cfg, clients, out); err != nil {
		return err
	}
	totals := make([]tally, len(clients))
	third, start := 0, time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			over = true
		}
		at := time.Since(start)
		if err := printLine(at, capacities[third], clients, totals, out); err != nil {
			return err
		}
		if now := min(2, int(3*at/cfg.duration)); now != third {
			third = now
			for _, c := range clients {
				if err := c.dependency.setCapacity(capacities[third]); err != nil {
					return err
				}
			}
		}
	}
	return printTotals(clients, totals, out)
}

func printHead(cfg config, clients []*client, out io.Writer) error {
	_, err := fmt.Fprintf(out, "%d calls per second to each of three dependencies, which work on each for %v.\n"+
		"A caller waits for %v. Each client has a limit, the calls that are served per second,\n"+
		"and the time that 99 %% of these take. The capacity is the number of calls that the\n"+
		"dependency works on at full speed.\n\n%14s", cfg.rate, work, timeout, "")
	for _, c := range clients {
		if err == nil {
			_, err = fmt.Fprintf(out, " | %-22s", c.name)
		}
	}
	if err == nil {
		_, err = fmt.Fprintf(out, "\n%5s %8s", "time", "capacity")
	}
	for range clients {
		if err == nil {
			_, err = fmt.Fprintf(out, " | %5s %6s %9s", "limit", "served", "p99")
		}
	}
	if err == nil {
		_, err = fmt.Fprintln(out, " | last decision")
	}
	return err
}

// printLine prints what happened since the last line, and adds it to the totals.
func printLine(at time.Duration, capacity int, clients []*client, totals []tally, out io.Writer) error {
	line := fmt.Sprintf("%4.0fs %8d", at.Seconds(), capacity)
	for i, c := range clients {
		t := c.read()
		totals[i].served += t.served
		totals[i].rejected += t.rejected
		totals[i].failed += t.failed
		totals[i].times = append(totals[i].times, t.times...)
		line += fmt.Sprintf(" | %5d %6d %6d ms", c.limit(), t.served, p99(t.times).Milliseconds())
	}
	if l := clients[0].limiter; l != nil {
		if last := l.Status().Last; last.Seq > 0 {
			line += fmt.Sprintf(" | %s", last.Reason)
		}
	}
	_, err := fmt.Fprintln(out, line)
	return err
}

func printTotals(clients []*client, totals []tally, out io.Writer) error {
	_, err := fmt.Fprintln(out)
	for i, c := range clients {
		t := totals[i]
		if err == nil {
			_, err = fmt.Fprintf(out, "%-8s  %6d served, p99 %4d ms; %6d rejected immediately, %5d timed out\n",
				c.name, t.served, p99(t.times).Milliseconds(), t.rejected, t.failed)
		}
	}
	return err
}

// p99 returns the time that 99 % do not exceed, 0 if there are none.
func p99(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)*99/100]
}
