package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// progress shows a line that is overwritten while a phase runs. It is shown on a
// terminal only, not in a file or a pipe.
type progress struct {
	out   io.Writer // nil: show nothing
	every time.Duration
}

func newProgress(out io.Writer, shown bool) progress {
	if !shown {
		return progress{}
	}
	return progress{out: out, every: time.Second / 2}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// start shows the result of line periodically, until stop is called. stop removes
// the line and returns when nothing is written any more.
func (p progress) start(line func() string) (stop func()) {
	if p.out == nil {
		return func() {}
	}
	done := make(chan struct{})
	var shower sync.WaitGroup
	shower.Go(func() {
		ticker := time.NewTicker(p.every)
		defer ticker.Stop()
		for {
			p.overwrite(line())
			select {
			case <-ticker.C:
			case <-done:
				p.overwrite("")
				fmt.Fprint(p.out, "\r")
				return
			}
		}
	})
	return func() {
		close(done)
		shower.Wait()
	}
}

// progressWidth is one less than the usual width of a terminal, because some
// terminals start a new line after the last column.
const progressWidth = 79

func (p progress) overwrite(line string) {
	fmt.Fprintf(p.out, "\r%-*.*s", progressWidth, progressWidth, line)
}

func progressLine(phase string, elapsed, duration time.Duration, tallies [targets]tally) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %.0f/%.0f s:", phase, elapsed.Seconds(), duration.Seconds())
	for i, t := range tallies {
		fmt.Fprintf(&b, " %v %d/%d", target(i), t.succeeded, t.ended())
	}
	return b.String() + " ok"
}
