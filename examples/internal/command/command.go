// Package command is shared by the example programs. It has flags with bounds, help,
// exit codes and signal handling, so that the programs contain little else than their
// topic. Do not copy it.
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

// The exit codes of the programs.
const (
	OK          = 0   // the program did its work
	Failure     = 1   // the work failed
	Usage       = 2   // the arguments are wrong
	Interrupted = 130 // 128 + SIGINT, as in shells
)

// ErrInterrupted is returned by work that ended early because of a signal. It is also
// the cause of a context of [UntilSignal] that Ctrl-C ended.
var ErrInterrupted = errors.New("interrupted")

// UntilSignal returns a context that ends with the first SIGINT or SIGTERM, so that the
// program can end gracefully. After that, signals have their default effect again, so a
// second one ends the process immediately.
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

// New returns an empty set of flags. The help consists of about and the flags.
func New(program, about string) *Flags {
	fs := flag.NewFlagSet(program, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // Run prints errors
	return &Flags{FlagSet: fs, about: about}
}

// Between requires the value *v of the flag called name to be from low to high. The
// optional unit is appended to the error.
func Between[T cmp.Ordered](f *Flags, name string, v *T, low, high T, unit ...string) {
	f.bounds = append(f.bounds, func() error {
		if low <= *v && *v <= high {
			return nil
		}
		want := append([]string{fmt.Sprintf("from %v to %v", low, high)}, unit...)
		return fmt.Errorf("-%s %v: must be %s", name, *v, strings.Join(want, " "))
	})
}

// Check adds a check, which Parse calls when all flags are parsed. Its error must name
// the flag, the value and the allowed values.
func (f *Flags) Check(check func() error) { f.bounds = append(f.bounds, check) }

// Parse parses args. It returns [flag.ErrHelp] if args ask for help. If args contain
// arguments other than flags, or values out of bounds, the error names all of them.
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

// Run parses args and calls work, unless args ask for help or are invalid. It prints an
// error to stderr and returns the exit code.
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

// Main runs a program without flags, and exits with its exit code.
func Main(program, about string, work func(out io.Writer) error) {
	os.Exit(New(program, about).Run(os.Args[1:], os.Stdout, os.Stderr, func() error { return work(os.Stdout) }))
}
