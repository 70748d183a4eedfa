// Whatif answers which capacity a dependency needs. It records operations that come to a
// bulkhead without limits, replays the record with one capacity after the other, and names
// the smallest parallelism that keeps the given bounds.
//
//	go run ./examples/whatif                                    # records a load that it makes itself
//	go run ./examples/whatif -rejected 0.1 -wait 20ms           # stricter bounds
//	go run ./examples/whatif -record payments.jsonl             # writes what it recorded
//	go run ./examples/whatif -trace payments.jsonl -room 50     # reads it, or what a service recorded
//
// answer.go asks and answers the question. record.go makes the load.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/sizing"
)

func main() { os.Exit(run(command.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr)) }

const about = `Whatif makes a load of random operations, and records them with a bulkhead without
limits: none is rejected and none waits. Then it says what bulkheads of other
capacities would have done with the same operations, and names the smallest
parallelism that keeps the bounds. With -trace it reads a record instead.
Ctrl-C ends the load early and exits with code 130 after the results, or ends the
answer.`

// config holds the settings of a run.
type config struct {
	load          load
	question      question
	trace, record string // files
}

// run is the whole program, except for signals, standard streams and os.Exit. It
// returns the exit code and leaves no goroutine running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cfg config
	return flags(&cfg).Run(args, stdout, stderr, func() error { return work(ctx, cfg, stdout) })
}

func flags(cfg *config) *command.Flags {
	fs := command.New("whatif", about)
	fs.DurationVar(&cfg.load.duration, "duration", 2*time.Second, "how long operations arrive")
	fs.IntVar(&cfg.load.rate, "rate", 400, "how many operations arrive each second, on average")
	fs.DurationVar(&cfg.load.hold, "hold", 25*time.Millisecond, "how long an operation takes, on average")
	fs.IntVar(&cfg.question.room, "room", 20, "waiting room of the capacities")
	fs.DurationVar(&cfg.question.limit, "limit", 250*time.Millisecond, "wait limit of the capacities; 0: none")
	fs.Float64Var(&cfg.question.rejected, "rejected", 1, "bound: rejected operations, in percent")
	fs.DurationVar(&cfg.question.wait, "wait", 50*time.Millisecond, "bound: wait of 99 % of the admitted operations")
	fs.StringVar(&cfg.trace, "trace", "", "read the operations from this `file`")
	fs.StringVar(&cfg.record, "record", "", "write the operations to this `file`")
	command.Between(fs, "duration", &cfg.load.duration, 10*time.Millisecond, time.Hour)
	command.Between(fs, "rate", &cfg.load.rate, 1, 10_000, "operations")
	command.Between(fs, "hold", &cfg.load.hold, 0, time.Minute)
	command.Between(fs, "room", &cfg.question.room, 0, 1_000_000, "operations")
	command.Between(fs, "limit", &cfg.question.limit, 0, time.Hour)
	command.Between(fs, "rejected", &cfg.question.rejected, 0, 100, "percent")
	command.Between(fs, "wait", &cfg.question.wait, 0, time.Hour)
	fs.Check(func() error {
		if cfg.trace != "" && cfg.record != "" {
			return errors.New("-record: not with -trace, because nothing is recorded then")
		}
		return nil
	})
	return fs
}

func work(ctx context.Context, cfg config, stdout io.Writer) error {
	trace, complete, err := operations(ctx, cfg, stdout)
	if err != nil {
		return err
	}
	if !complete { // the signal has ended the load, and not the answer
		ctx = context.WithoutCancel(ctx)
	}
	if err := cfg.question.answer(ctx, trace, stdout); err != nil {
		return err
	}
	if !complete {
		return fmt.Errorf("%w: the figures cover only the operations until then", command.ErrInterrupted)
	}
	return nil
}

// operations reads the operations from a file, or makes and records them, and reports
// whether these are all.
func operations(ctx context.Context, cfg config, stdout io.Writer) (trace sizing.Trace, complete bool, err error) {
	if cfg.trace != "" {
		trace, err = read(cfg.trace)
		return trace, true, err
	}
	_, err = fmt.Fprintf(stdout, "%d operations a second, of %v each on average, for %v:\n", cfg.load.rate, cfg.load.hold, cfg.load.duration)
	if err != nil {
		return trace, false, err
	}
	b, err := bulk.New("payments", bulk.Unlimited)
	if err != nil {
		return trace, false, err
	}
	trace, complete, err = cfg.load.record(ctx, b)
	if err == nil && cfg.record != "" {
		err = write(cfg.record, trace)
	}
	return trace, complete, err
}

func read(name string) (sizing.Trace, error) {
	f, err := os.Open(name)
	if err != nil {
		return sizing.Trace{}, err
	}
	defer f.Close()
	trace, err := sizing.ReadTrace(f)
	if err != nil {
		return trace, fmt.Errorf("%s: %w", name, err)
	}
	return trace, nil
}

func write(name string, trace sizing.Trace) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = trace.WriteTo(f)
	return errors.Join(err, f.Close())
}
