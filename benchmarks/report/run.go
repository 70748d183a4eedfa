package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// benchmarks is the package with the benchmarks.
const benchmarks = "github.com/bulklink/bulklink-go/benchmarks"

// plan is how much is measured.
type plan struct {
	runs      int
	benchtime time.Duration
	short     bool
	only      []string // these works; empty: all
}

func (p plan) has(w *work) bool {
	return (w.short || !p.short) && (len(p.only) == 0 || slices.Contains(p.only, w.bench))
}

// measure compiles the benchmarks once and runs them plan.runs times, one whole
// run after the other, so that what disturbs the machine for a while disturbs
// everyone. All output goes to raw, in the Go benchmark format.
func measure(ctx context.Context, p plan, raw, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "benchmarks")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "benchmarks.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, benchmarks)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling the benchmarks: %w\n%s", err, out)
	}
	fmt.Fprintf(raw, "toolchain: %s\nruns: %d\n", runtime.Version(), p.runs)
	began := time.Now()
	for run := range p.runs {
		for _, args := range p.passes(run) {
			test := exec.CommandContext(ctx, binary, args...)
			test.Dir = dir
			out, err := test.CombinedOutput()
			if err != nil {
				return fmt.Errorf("run %d: %w\n%s", run+1, err, out)
			}
			if _, err := raw.Write(out); err != nil {
				return err
			}
		}
		fmt.Fprintf(progress, "run %d of %d is over, %v since the start\n", run+1, p.runs, time.Since(began).Round(time.Second))
	}
	return nil
}

// passes are the arguments of the test binary for one run. Work of a few
// nanoseconds is measured at three different times of each run, because a
// moment's disturbance is all of its figure.
func (p plan) passes(run int) [][]string {
	var alone, crowds, once []string
	for i := range works {
		w := &works[i]
		switch {
		case !p.has(w):
		case w.once:
			once = append(once, w.bench)
		case w.alone:
			alone = append(alone, w.bench)
		default:
			crowds = append(crowds, w.bench)
		}
	}
	// Five passes a run: no two of a work begin with the same peer.
	rotate := run
	args := func(names []string, benchtime string) []string {
		a := []string{
			"-test.run=^$", "-test.bench=^Benchmark(" + strings.Join(names, "|") + ")$",
			"-test.benchtime=" + benchtime, fmt.Sprintf("-rotate=%d", rotate), "-test.timeout=10m",
		}
		rotate++
		if p.short {
			a = append(a, "-test.short")
		}
		return a
	}
	var all [][]string
	for _, pass := range []struct {
		names     []string
		benchtime string
	}{
		{alone, p.benchtime.String()}, {crowds, p.benchtime.String()},
		{alone, p.benchtime.String()}, {once, "1x"},
		{alone, p.benchtime.String()},
	} {
		if len(pass.names) > 0 {
			all = append(all, args(pass.names, pass.benchtime))
		}
	}
	return all
}
