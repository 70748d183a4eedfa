package main

import (
	"fmt"
	"io"
)

// target is a goal for the ratio of Bulklink to a peer in one benchmark.
type target struct {
	bench, in string // benchmark and case
	peer      string
	most      float64 // Bulklink's median divided by the peer's
}

// targets are the goals of the project. All are printed, including missed ones, which the
// documentation explains.
var targets = func() []target {
	ts := []target{
		{"Uncontended", "", "xsync", 0.8},
		{"Uncontended", "", "floor", 1.4},
		{"AcquireRelease", "", "floor", 1.8},
		{"Parallel", "", "xsync", 0.9},
		{"Rejection", "", "floor", 1.4},
	}
	for _, load := range []string{
		"slots=1, goroutines=16", "slots=1, goroutines=256", "slots=1, goroutines=4096",
		"slots=64, goroutines=256", "slots=64, goroutines=4096",
	} {
		ts = append(ts,
			target{"HandOver", load + ", limit=none", "xsync", 1},
			// Not the bare channel: three quarters of a hand-over are the scheduler and the
			// select that a ctx needs, and the bare channel has no select.
			target{"HandOver", load + ", limit=none", "channel-ctx", 1.3},
			target{"HandOver", load + ", limit=never-fires", "channel-timer", 0.8})
	}
	return ts
}()

// withoutAllocs are the benchmarks in which Bulklink must not allocate.
var withoutAllocs = []string{"Uncontended", "AcquireRelease", "Parallel", "Rejection", "HandOver", "SharedContext", "Expiry"}

// mayGrow is the largest allowed growth of the cost of a hand-over from the shortest to
// the longest queue, as a multiple of the growth of the bare channel.
const mayGrow = 1.2

func writeTargets(w io.Writer, r *results) {
	var rows [][]string
	for _, t := range targets {
		g := r.find(t.bench, t.in)
		if g == nil {
			continue
		}
		ours, theirs := g.subjects["bulklink"][perOp.name], g.subjects[t.peer][perOp.name]
		if len(ours) == 0 || len(theirs) == 0 {
			continue
		}
		is := compare(ours, theirs)
		what := findWork(t.bench).title
		if t.in != "" {
			what += ": " + t.in
		}
		rows = append(rows, []string{what, titleOf(t.peer), fmt.Sprintf("≤ %s×", digits(t.most)), is.String(), verdict(is.value <= t.most)})
	}
	if grew, longest, ok := growth(r); ok {
		rows = append(rows, []string{"Queue length: 100 to " + longest, "growth of the bare channel", fmt.Sprintf("≤ %s×", digits(mayGrow)),
			digits(grew) + "×", verdict(grew <= mayGrow)})
	}
	for _, bench := range withoutAllocs {
		groups := r.of(bench)
		if len(groups) == 0 {
			continue
		}
		most := 0.0
		for _, g := range groups {
			most = max(most, median(g.subjects["bulklink"][allocs.name]))
		}
		rows = append(rows, []string{findWork(bench).title, "allocations/op", "0", digits(most), verdict(most == 0)})
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprint(w, "\n## Goals\n")
	writeTable(w, []string{"work", "against", "goal", "Bulklink is", ""}, rows)
}

// growth returns the growth of the cost of a hand-over from the shortest to the longest
// queue, divided by the growth of the bare channel.
func growth(r *results) (grew float64, longest string, ok bool) {
	groups := r.of("QueueLength")
	if len(groups) < 2 {
		return 0, "", false
	}
	at := func(g *group, peer string) float64 { return median(g.subjects[peer][perOp.name]) }
	first, last := groups[0], groups[len(groups)-1]
	for _, g := range []*group{first, last} {
		for _, peer := range []string{"bulklink", "channel"} {
			if len(g.subjects[peer][perOp.name]) == 0 {
				return 0, "", false
			}
		}
	}
	grew = at(last, "bulklink") / at(first, "bulklink") / (at(last, "channel") / at(first, "channel"))
	return grew, last.params["length"], true
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "**missed**"
}
