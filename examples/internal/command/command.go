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

// ErrInterrupted is for work that ended early because a signal asked for it. It
// is also the cause of a context of [UntilSignal] that Ctrl-C has ended.
var ErrInterrupted = errors.New("interrupted")

// UntilSignal returns a context that ends with the first signal to end the
// program, which has then time to do so in an orderly way. From then on signals
// have their usual effect again, so a second one ends it immediately.
func UntilSignal() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		first := <-signals
		signal.Stop(signals)
		if first == os.Interrupt {
			cancel(ErrInterrupted)
		}
		cancel(context.Canceled)
	}()
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

// Check demands that check returns nil once all flags are parsed. Its error names
// the flag, the value and the allowed values.
func (f *Flags) Check(check func() error) { f.bounds = append(f.bounds, check) }

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
		f.help(stdout)
		return OK
	}
	if err != nil {
		fmt.Fprintf(stderr, "%[1]s: %[2]v\n%[1]s -h explains its use.\n", f.Name(), err)
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

func (f *Flags) help(out io.Writer) {
	any := false
	f.VisitAll(func(*flag.Flag) { any = true })
	if !any {
		fmt.Fprintf(out, "Usage: %s\n\n%s\n", f.Name(), f.about)
		return
	}
	fmt.Fprintf(out, "Usage: %s [flags]\n\n%s\n\nFlags:\n", f.Name(), f.about)
	f.SetOutput(out)
	f.PrintDefaults()
}

// Main runs a program without flags, and ends the process with the exit code.
func Main(program, about string, work func(out io.Writer) error) {
	os.Exit(New(program, about).Run(os.Args[1:], os.Stdout, os.Stderr, func() error { return work(os.Stdout) }))
}
