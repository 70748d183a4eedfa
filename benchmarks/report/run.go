package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// benchmarks is the path of the package with the benchmarks.
const benchmarks = "github.com/bulklink/bulklink-go/benchmarks"

// plan says what is measured, how often and for how long.
type plan struct {
	runs      int
	benchtime time.Duration
	short     bool
	only      []string // only these benchmarks; empty: all
}

func (p plan) has(w *work) bool {
	return w.effort(p.short).cases > 0 && (len(p.only) == 0 || slices.Contains(p.only, w.bench))
}

// pass is one call of the test binary.
type pass struct {
	works     []*work
	benchtime string
}

// passes returns the passes of one run. Work of a few nanoseconds is measured in three
// passes, because a short disturbance of the machine can affect all of one measurement.
func (p plan) passes() []pass {
	var alone, crowds, once []*work
	for i := range works {
		w := &works[i]
		switch {
		case !p.has(w):
		case w.once:
			once = append(once, w)
		case w.alone:
			alone = append(alone, w)
		default:
			crowds = append(crowds, w)
		}
	}
	benchtime := p.benchtime.String()
	return slices.DeleteFunc([]pass{
		{alone, benchtime}, {crowds, benchtime}, {alone, benchtime}, {once, "1x"}, {alone, benchtime},
	}, func(p pass) bool { return len(p.works) == 0 })
}

// args returns the arguments of the test binary for a pass. rotate selects the peer that
// is measured first.
func (p plan) args(pass pass, rotate int) []string {
	var names []string
	for _, w := range pass.works {
		names = append(names, w.bench)
	}
	args := []string{
		"-test.run=^$", "-test.bench=^Benchmark(" + strings.Join(names, "|") + ")$",
		"-test.benchtime=" + pass.benchtime, fmt.Sprintf("-rotate=%d", rotate), "-test.timeout=10m",
	}
	if p.short {
		args = append(args, "-test.short")
	}
	return args
}

// takes estimates the duration of all runs on two otherwise idle processors.
func (p plan) takes() time.Duration {
	var run time.Duration
	for _, pass := range p.passes() {
		for _, w := range pass.works {
			benchtime := p.benchtime
			if w.once {
				benchtime = 0
			}
			run += w.effort(p.short).takes(benchtime)
		}
	}
	return time.Duration(p.runs) * run
}

// measure compiles the benchmarks once and runs them p.runs times, one whole run after
// another, so that a disturbance of the machine affects all benchmarks. It writes the
// output to raw, in the Go benchmark format. It returns an error if a benchmark fails or
// has no result in one of the runs.
func measure(ctx context.Context, p plan, raw, progress io.Writer) error {
	if len(p.passes()) == 0 {
		return errors.New("nothing to measure: -short has none of the benchmarks in -only")
	}
	fmt.Fprintf(progress, "%d runs: about %v on two otherwise idle processors, after compiling\n", p.runs, p.takes().Round(time.Second))
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
		for i, pass := range p.passes() {
			test := exec.CommandContext(ctx, binary, p.args(pass, run+i)...)
			test.Dir = dir
			out, err := test.CombinedOutput()
			if err == nil {
				err = pass.check(out, p.short)
			}
			if ctx.Err() != nil {
				return fmt.Errorf("interrupted in run %d: no files were written", run+1)
			}
			if err != nil {
				return fmt.Errorf("run %d: %w; no files were written. Output of the benchmarks:\n%s", run+1, err, out)
			}
			if _, err := raw.Write(out); err != nil {
				return err
			}
		}
		took := time.Since(began)
		left := took / time.Duration(run+1) * time.Duration(p.runs-run-1)
		fmt.Fprintf(progress, "run %d of %d is done after %v, about %v left\n", run+1, p.runs, took.Round(time.Second), left.Round(time.Second))
	}
	return nil
}

// check returns an error if a benchmark does not have the expected number of results in
// the output of a pass.
func (p pass) check(out []byte, short bool) error {
	for _, w := range p.works {
		lines := regexp.MustCompile(`(?m)^Benchmark`+w.bench+`/\S+\s+\d+\s.*$`).FindAll(out, -1)
		if want := w.effort(short).cases; len(lines) != want {
			return fmt.Errorf("benchmark %s has %d results, want %d: see its effort in report/works.go", w.bench, len(lines), want)
		}
	}
	return nil
}
