// Adaptive compares adaptive limiters on the same simulated dependencies and loads, and
// prints one table. All of it runs in virtual time, so that an hour takes seconds and
// each run gives the same figures, but for limiters that draw random numbers themselves.
//
//	go run ./adaptive          # three seeds, about two minutes on one processor
//	go run ./adaptive -seeds 1
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"
)

func main() {
	seeds := flag.Uint64("seeds", 3, "how often each simulation runs, with other random numbers each time")
	testing.Init()
	flag.Parse()
	if *seeds < 1 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "adaptive: -seeds must be at least 1, and there are no arguments")
		os.Exit(2)
	}
	// Only tests have bubbles of virtual time. What package testing prints is not part of
	// the table.
	out, silent := os.Stdout, must(os.OpenFile(os.DevNull, os.O_WRONLY, 0))
	os.Stdout = silent
	all := func(string, string) (bool, error) { return true, nil }
	compared := testing.InternalTest{Name: "adaptive", F: func(t *testing.T) { compare(t, out, *seeds) }}
	testing.Main(all, []testing.InternalTest{compared}, nil, nil) // exits
}

// bubble calls f in virtual time.
func bubble(t *testing.T, f func()) { synctest.Test(t, func(*testing.T) { f() }) }

// compare prints the table.
func compare(t *testing.T, out io.Writer, seeds uint64) {
	all := contenders()
	fmt.Fprint(out, "| |")
	for _, c := range all {
		fmt.Fprintf(out, " %s |", c.name)
	}
	fmt.Fprint(out, "\n|---|")
	for range all {
		fmt.Fprint(out, "---:|")
	}
	fmt.Fprintln(out)
	for _, s := range scenarios() {
		cells := make([][]string, len(s.rows))
		for _, c := range all {
			for i, cell := range s.measure(t, c, seeds) {
				cells[i] = append(cells[i], cell)
			}
		}
		for i, row := range s.rows {
			fmt.Fprintf(out, "| %s |", row)
			for _, cell := range cells[i] {
				fmt.Fprintf(out, " %s |", cell)
			}
			fmt.Fprintln(out)
		}
	}
}
