// Isolation shows what compartments are for. A client program with a fixed
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
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the program in an orderly way. From then on signals
	// have their usual effect again, so a second one ends it at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, loopback))
}

// run is the whole program but for what belongs to the process. It returns the
// exit code, and leaves nothing running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, listen listener) int {
	cfg, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		usage(stdout)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "isolation: %v\nisolation -h explains the flags.\n", err)
		return exitUsage
	}

	introduce(stdout, cfg)
	phases, err := demonstrate(ctx, cfg, listen, newProgress(stderr, isTerminal(stderr)))
	interrupted := ctx.Err() != nil
	if err == nil {
		err = report(stdout, phases)
	}
	if err != nil {
		fmt.Fprintf(stderr, "isolation: %v\n", err)
		return exitFailure
	}
	if interrupted {
		fmt.Fprintln(stderr, "isolation: interrupted: the figures are those of the requests sent until then")
		return exitInterrupted
	}
	return exitOK
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
