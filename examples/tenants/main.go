// Tenants shows the effect of a bulkhead for each tenant. A real HTTP server on
// loopback serves some quiet tenants and a noisy one, which sends as much as it can.
// The program does this twice, first with one bulkhead for all tenants and then with
// one for each tenant, and prints the figures of each tenant.
//
//	go run ./examples/tenants
//
// The middleware of package contrib/bulkhttp has the bulkheads: see limiter.go.
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

// run is the whole program, except for signals, standard streams and os.Exit. It
// returns the exit code and leaves no server or goroutine running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cfg config
	return flags(&cfg).Run(args, stdout, stderr, func() error {
		if err := demonstrate(ctx, cfg, stdout); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: the figures cover only the requests sent until then", command.ErrInterrupted)
		}
		return nil
	})
}

// demonstrate runs both phases and prints the results of each when it ends. It skips
// the second phase if the first is interrupted.
func demonstrate(ctx context.Context, cfg config, stdout io.Writer) error {
	introduce(stdout, cfg)
	var phases []phase
	for _, open := range []func() limiter{shared, perTenant} {
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
