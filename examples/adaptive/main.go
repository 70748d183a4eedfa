// Adaptive shows a parallelism that finds itself. A real HTTP dependency on loopback
// changes its capacity while it runs. Three clients call one such dependency each, with
// the same load: one with an adaptive limit, one with a low fixed limit, and one with a
// high fixed limit. Once a second the program prints what each of them got.
//
//	go run ./examples/adaptive -http localhost:8080
//
// client.go shows how to use the limiter.
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
	os.Exit(run(command.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// config has the values of the flags.
type config struct {
	duration  time.Duration
	rate      int
	low, high int
	http      string // address of the page; empty: none
}

func flags(cfg *config) *command.Flags {
	f := command.New("adaptive", "Shows a parallelism that finds itself beside fixed ones, while the capacity of the dependency changes.")
	f.DurationVar(&cfg.duration, "duration", 45*time.Second, "how long the program runs; the capacity changes after each third")
	f.IntVar(&cfg.rate, "rate", 200, "calls per second of each client; the dependency first serves 100")
	f.IntVar(&cfg.low, "low", 5, "the low fixed limit")
	f.IntVar(&cfg.high, "high", 200, "the high fixed limit, and the maximum of the adaptive one")
	f.StringVar(&cfg.http, "http", "", "address at which a page shows the limiter while the program runs, such as localhost:8080")
	command.Between(f, "duration", &cfg.duration, time.Second, time.Hour)
	command.Between(f, "rate", &cfg.rate, 1, 2000)
	command.Between(f, "low", &cfg.low, 1, 1000)
	command.Between(f, "high", &cfg.high, 1, 1000)
	return f
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
			return fmt.Errorf("%w: the figures cover only the calls until then", command.ErrInterrupted)
		}
		return nil
	})
}

// demonstrate runs the clients and prints the table.
func demonstrate(ctx context.Context, cfg config, out io.Writer) (err error) {
	adaptive, err := newAdaptive(cfg.high)
	if err != nil {
		return err
	}
	clients := []*client{adaptive, newFixed("low", cfg.low), newFixed("high", cfg.high)}
	defer closeAll(clients)
	for _, c := range clients {
		if err := c.dependency.start(); err != nil {
			return err
		}
	}
	if cfg.http != "" {
		stop, startErr := startPage(cfg.http, clients, out)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.duration)
	defer cancel()
	wait := runLoad(ctx, cfg.rate, clients)
	err = printTable(ctx, cfg, clients, out)
	cancel()
	wait()
	return err
}
