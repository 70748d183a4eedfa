// Reload shows capacities that are changed from a file while the program works,
// without losing an operation. Workers keep two dependencies busy; on SIGHUP the
// file is read again, and at the end the figures of the workers are compared
// with those of the bulkheads.
//
//	go run ./examples/reload                        # a file of its own, and hangups of its own
//	go run ./examples/reload -file capacities.json  # then: kill -HUP the process
//
// The part to copy is in reload.go.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

func main() {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, hangup)
	os.Exit(run(command.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr, hangups))
}

// run is the whole program but for what belongs to the process. It returns the
// exit code, and leaves nothing running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, hangups chan os.Signal) int {
	var cfg config
	return flags(&cfg).Run(args, stdout, stderr, func() error { return work(ctx, cfg, stdout, hangups) })
}

// work keeps the workers busy until ctx ends or the time is over, and meanwhile
// does what hangups ask for.
func work(ctx context.Context, cfg config, stdout io.Writer, hangups chan os.Signal) error {
	if cfg.file == "" {
		file, clean, err := ownFile()
		if err != nil {
			return err
		}
		defer clean()
		cfg.file, cfg.own = file, true
	}
	dependencies, err := open()
	if err != nil {
		return err
	}
	if err := load(dependencies, cfg.file); err != nil {
		return err // at the start a bad file is fatal
	}
	working, cancel := context.WithTimeout(ctx, cfg.duration)
	defer cancel()
	crew := start(working, dependencies, cfg.workers)
	fmt.Fprintf(stdout, "process %d works with %s: %s\n", os.Getpid(), cfg.file, capacities(dependencies))
	if cfg.own {
		go hangUp(working, cfg, hangups)
	}
	watch(working, dependencies, cfg.file, hangups, stdout)
	crew.Wait()

	// The workers are at home; so the last operation is over, and this doesn't wait.
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := dependencies.Shutdown(grace); err != nil {
		return err
	}
	if err := account(stdout, dependencies, crew); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: nothing is lost", command.ErrInterrupted)
	}
	return nil
}
