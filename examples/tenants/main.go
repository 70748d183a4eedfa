// Tenants shows what a compartment for each tenant is for. A real HTTP server
// on loopback serves some quiet tenants and a noisy one, which sends as much as
// it can. The same is done twice: first with one bulkhead for all, then with
// one for each tenant. The figures of each tenant are printed.
//
//	go run ./examples/tenants
//
// The part to copy is in gate.go and server.go.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

func main() {
	os.Exit(run(command.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program but for what belongs to the process. It returns the
// exit code, and leaves nothing running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cfg config
	return flags(&cfg).Run(args, stdout, stderr, func() error {
		if err := demonstrate(ctx, cfg, stdout); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: the figures are those of the requests sent until then", command.ErrInterrupted)
		}
		return nil
	})
}

// demonstrate runs both phases, the second only if nobody interrupts the first,
// and prints each as soon as it is over.
func demonstrate(ctx context.Context, cfg config, stdout io.Writer) error {
	introduce(stdout, cfg)
	var phases []phase
	for _, open := range []func() gate{shared, perTenant} {
		if len(phases) > 0 && ctx.Err() != nil {
			break
		}
		p, err := runPhase(ctx, cfg, open())
		if err != nil {
			return err
		}
		phases = append(phases, p)
		if err := report(stdout, p); err != nil {
			return err
		}
	}
	if len(phases) == 2 {
		_, err := fmt.Fprintf(stdout, "%s\n\n%s\n", verdict(phases[0], phases[1]), price(phases[0], phases[1]))
		return err
	}
	return nil
}
