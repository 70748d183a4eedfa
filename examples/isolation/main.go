// Isolation shows what bulkheads are for. A client program with a fixed
// number of workers calls two HTTP servers on loopback: a fast one, and one
// that gets slower the more calls are inside. The same requests are sent twice:
// first as they come, then with one bulkhead per dependency. The difference is
// printed as a table, in words, and as the status of each bulkhead.
//
//	go run ./examples/isolation
//
// The part to copy is in compartments.go; how to tell apart what became of a
// call is in ledger.go.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

func main() {
	os.Exit(run(command.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr, loopback))
}

// run is the whole program but for what belongs to the process. It returns the
// exit code, and leaves nothing running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, listen listener) int {
	cfg := config{patience: 1500 * time.Millisecond}
	return flags(&cfg).Run(args, stdout, stderr, func() error {
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
			return fmt.Errorf("%w: the figures are those of the requests sent until then", command.ErrInterrupted)
		}
		return nil
	})
}

// demonstrate runs both phases, the second only if nobody interrupts the first.
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
