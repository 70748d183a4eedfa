// Isolation measures what bulkheads save. A client program with a fixed number
// of workers calls two HTTP servers on loopback: a fast one, and one that becomes
// slower with every call in flight. The same requests are sent twice, first
// without bulkheads and then with one bulkhead for each dependency. The program
// prints a table, a comparison in words, and the status of each bulkhead.
//
//	go run ./examples/isolation
//
// The file to copy is bulkheads.go. The file outcomes.go shows how to tell the
// outcomes of a guarded call apart.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

func main() {
	os.Exit(run(command.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr, loopback))
}

// run is the whole program, except for signals, standard streams and os.Exit. It
// returns the exit code and leaves no server or goroutine running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, listen listener) int {
	cfg := config{patience: 1500 * time.Millisecond}
	return flags(&cfg).Run(args, stdout, stderr, func() (err error) {
		if cfg.http != "" {
			if cfg.page, err = startPage(cfg.http); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, cfg.page.stop()) }()
		}
		introduce(stdout, cfg)
		phases, err := demonstrate(ctx, cfg, listen, newProgress(stderr, isTerminal(stderr)))
		if err != nil {
			return err
		}
		interrupted := ctx.Err() != nil
		if err := report(stdout, phases); err != nil {
			return err
		}
		if interrupted {
			return fmt.Errorf("%w: the figures cover only the requests sent until then", command.ErrInterrupted)
		}
		return nil
	})
}

// demonstrate runs both phases. It skips the second if the first is interrupted.
func demonstrate(ctx context.Context, cfg config, listen listener, p progress) ([]phase, error) {
	var phases []phase
	for _, isolated := range []bool{false, true} {
		if len(phases) > 0 && ctx.Err() != nil {
			break
		}
		ph, err := runPhase(ctx, cfg, isolated, listen, p)
		if err != nil {
			return nil, err
		}
		phases = append(phases, ph)
	}
	return phases, nil
}

// config holds the settings of a run.
type config struct {
	duration time.Duration // how long each phase sends requests
	rate     int           // requests per second
	seed     uint64        // seed of the arrival pattern
	http     string        // address of the page; empty: none
	page     *page         // nil without one
	patience time.Duration // how long a user waits for an answer; set by tests, not by a flag
}

const about = `Isolation sends the same requests through a client program twice. The program
has a fixed number of workers and calls two HTTP servers on loopback, a fast one
and one that becomes slow under load. Without bulkheads the calls to the slow
one take all the workers, and the fast one fails with it. With one bulkhead per
dependency it stays healthy. It uses only loopback. Ctrl-C ends the run early,
prints the results so far, and exits with code 130.`

func flags(cfg *config) *command.Flags {
	fs := command.New("isolation", about)
	fs.DurationVar(&cfg.duration, "duration", 4*time.Second, "how long each of the two phases sends requests")
	fs.IntVar(&cfg.rate, "rate", 500, "requests per second, on average")
	fs.Uint64Var(&cfg.seed, "seed", 1, "seed of the arrival pattern; the same seed sends the same requests")
	fs.StringVar(&cfg.http, "http", "", "address at which a page shows the bulkheads while the program runs, such as localhost:8080")
	// One machine can send this many requests and keep their latencies in memory.
	command.Between(fs, "duration", &cfg.duration, 100*time.Millisecond, 10*time.Minute)
	command.Between(fs, "rate", &cfg.rate, 1, 10_000, "requests per second")
	return fs
}
