package main

import (
	"fmt"
	"io"
)

// headline is the part of the tables that README shows.
var headline = []struct {
	text      string
	bench, in string
	unit      string
	instead   map[string]string // the peer to show in a column whose peer cannot do the work
}{
	{"uncontended", "Uncontended", "", "ns/op", nil},
	{"acquire + release", "AcquireRelease", "", "ns/op", nil},
	{"all processors, never full", "Parallel", "", "ns/op", nil},
	{"rejected when full", "Rejection", "", "ns/op", nil},
	{"hand-over, 256 wait", "HandOver", "slots=1, goroutines=256, limit=none", "ns/op", nil},
	{"hand-over, 256 wait, wait limit", "HandOver", "slots=1, goroutines=256, limit=never-fires", "ns/op", map[string]string{"channel": "channel-timer"}},
	{"end to next start, p99", "StartDelay", "op=yields", "p99-ns", nil},
}

var columns = []string{"bulklink", "floor", "channel", "xsync", "failsafe-permits", "failsafe", "resiliency"}

// writeSnippet writes the part that README shows. Its links are relative to README.
func writeSnippet(w io.Writer, r *results, command string) {
	writeHeadline(w, r, command)
	fmt.Fprint(w, "\n![Nanoseconds for each operation](benchmarks/results/headline.svg)\n\n"+
		"[All tables, with spread, significance and gaps](benchmarks/results/results.md) · [raw results](benchmarks/results/raw.txt) · "+
		"[where it stops scaling](docs/scaling.md)\n")
}

// writeHeadline writes the table of the snippet.
func writeHeadline(w io.Writer, r *results, command string) {
	head := []string{"ns, median"}
	for _, c := range columns {
		head = append(head, titleOf(c))
	}
	var rows [][]string
	for _, h := range headline {
		g := r.find(h.bench, h.in)
		if g == nil {
			continue
		}
		row := []string{h.text}
		for _, c := range columns {
			values, mark := g.subjects[c][h.unit], ""
			if other := h.instead[c]; other != "" && len(values) == 0 {
				values, mark = g.subjects[other][h.unit], " ¹"
			}
			if len(values) == 0 {
				row = append(row, "–")
				continue
			}
			row = append(row, digits(median(values))+mark)
		}
		rows = append(rows, row)
	}
	for _, a := range headlineAbilities {
		row := []string{a.text}
		for _, c := range columns {
			row = append(row, yesNo(has(c, a.of)))
		}
		rows = append(rows, row)
	}
	writeTable(w, head, rows)
	fmt.Fprintf(w, "\n¹ with ctx and a timer. –: not possible. %s To measure on your machine:\n\n```sh\n%s\n```\n", provenance(r), command)
}
