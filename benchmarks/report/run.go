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
	return w.effort(p.short).cases > 0 && (len(p.only) == 0 || slices.Contains(p.only, w.bench))
}

// pass is one call of the test binary.
type pass struct {
	works     []*work
	benchtime string
}

// passes are those of one run. Work of a few nanoseconds is measured at three
// different times of it, because a moment's disturbance is all of its figure.
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

// args are the arguments of the test binary for a pass. From pass to pass and
// from run to run another peer is the first.
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

// takes is how long all runs are on two processors that do nothing else.
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

// measure compiles the benchmarks once and runs them plan.runs times, one whole
// run after the other, so that what disturbs the machine for a while disturbs
// everyone. All output goes to raw, in the Go benchmark format. It is an error
// if any benchmark fails, or has no result in any run.
func measure(ctx context.Context, p plan, raw, progress io.Writer) error {
	if len(p.passes()) == 0 {
		return errors.New("nothing to measure: the short form has none of these")
	}
	fmt.Fprintf(progress, "%d runs: about %v on two processors that do nothing else, after compiling\n", p.runs, p.takes().Round(time.Second))
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
				return fmt.Errorf("interrupted in run %d: nothing is written", run+1)
			}
			if err != nil {
				return fmt.Errorf("run %d: %w; nothing is written. The benchmarks said:\n%s", run+1, err, out)
			}
			if _, err := raw.Write(out); err != nil {
				return err
			}
		}
		took := time.Since(began)
		left := took / time.Duration(run+1) * time.Duration(p.runs-run-1)
		fmt.Fprintf(progress, "run %d of %d is over after %v, about %v to go\n", run+1, p.runs, took.Round(time.Second), left.Round(time.Second))
	}
	return nil
}

// check finds a work that has not all of its figures in the output of a pass
// that went well.
func (p pass) check(out []byte, short bool) error {
	for _, w := range p.works {
		lines := regexp.MustCompile(`(?m)^Benchmark`+w.bench+`/\S+\s+\d+\s.*$`).FindAll(out, -1)
		if want := w.effort(short).cases; len(lines) != want {
			return fmt.Errorf("benchmark %s has %d results, and should have %d: see its effort in report/works.go", w.bench, len(lines), want)
		}
	}
	return nil
}
