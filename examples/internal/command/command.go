// Package command is what the example programs have in common as commands: flags
// with bounds, help, exit codes, an end on a signal. There is nothing to copy: it
// keeps all that away from what the programs show.
package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// The exit codes.
const (
	OK          = 0
	Failure     = 1
	Usage       = 2
	Interrupted = 130 // 128 + SIGINT, as shells have it
)

// ErrInterrupted is for work that ended early because a signal asked for it.
var ErrInterrupted = errors.New("interrupted")

// UntilSignal returns a context that ends with the first signal to end the
// program, which has then time to do so in an orderly way. From then on signals
// have their usual effect again, so a second one ends it at once.
func UntilSignal() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}

// Flags are the flags of a program, defined as in any [flag.FlagSet].
type Flags struct {
	*flag.FlagSet
	about  string
	bounds []func() error
}

// New returns Flags without any yet. In the help the text about the program
// stands before them.
func New(program, about string) *Flags {
	fs := flag.NewFlagSet(program, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // Run says what is wrong, once
	return &Flags{FlagSet: fs, about: about}
}

// Between demands of the flag that sets v that it is from low to high. The unit is
// for the error, where it isn't clear from the flag.
func Between[T cmp.Ordered](f *Flags, name string, v *T, low, high T, unit ...string) {
	f.bounds = append(f.bounds, func() error {
		if low <= *v && *v <= high {
			return nil
		}
		want := append([]string{fmt.Sprintf("from %v to %v", low, high)}, unit...)
		return fmt.Errorf("-%s %v: must be %s", name, *v, strings.Join(want, " "))
	})
}

// Parse returns [flag.ErrHelp] if help was asked for. No program takes arguments
// besides its flags; these and all values out of bounds are named in one error.
func (f *Flags) Parse(args []string) error {
	if err := f.FlagSet.Parse(args); err != nil {
		return err
	}
	var errs []error
	if f.NArg() > 0 {
		errs = append(errs, fmt.Errorf("unexpected arguments: %s", strings.Join(f.Args(), " ")))
	}
	for _, check := range f.bounds {
		errs = append(errs, check())
	}
	return errors.Join(errs...)
}

// Run parses args and does the work, if they neither ask for help nor are wrong.
// It says on stderr what has failed, and returns the exit code.
func (f *Flags) Run(args []string, stdout, stderr io.Writer, work func() error) int {
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(stdout, "Usage: %s [flags]\n\n%s\n\nFlags:\n", f.Name(), f.about)
		f.SetOutput(stdout)
		f.PrintDefaults()
		return OK
	}
	if err != nil {
		fmt.Fprintf(stderr, "%[1]s: %[2]v\n%[1]s -h explains the flags.\n", f.Name(), err)
		return Usage
	}
	if err = work(); err == nil {
		return OK
	}
	fmt.Fprintf(stderr, "%s: %v\n", f.Name(), err)
	if errors.Is(err, ErrInterrupted) {
		return Interrupted
	}
	return Failure
}
