package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// progress shows a line that overwrites itself while a phase runs, to people
// only: not in a file, not in a pipe.
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

// isTerminal reports whether people read w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// start shows what line returns, again and again, until the returned function
// is called. That one removes the line and waits until nothing is written any
// more.
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

// progressWidth is one less than the usual terminal has columns, because some
// start a new line after the last.
const progressWidth = 79

func (p progress) overwrite(line string) {
	fmt.Fprintf(p.out, "\r%-*.*s", progressWidth, progressWidth, line)
}

func progressLine(phase string, elapsed, duration time.Duration, tallies [targets]tally) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %.0f/%.0f s:", phase, elapsed.Seconds(), duration.Seconds())
	for i, t := range tallies {
		fmt.Fprintf(&b, " %v %d/%d", target(i), t.succeeded, t.settled())
	}
	return b.String() + " ok"
}
