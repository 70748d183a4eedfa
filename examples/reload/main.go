// Reload changes capacities from a file while the program runs, without losing an
// operation. Workers keep two dependencies busy. On SIGHUP the program reloads the
// file. At the end it compares the counts of the workers with those of the bulkheads.
//
//	go run ./examples/reload                        # makes a temporary file and sends hangups to itself
//	go run ./examples/reload -file capacities.json  # then: kill -HUP the process
//
// The file to copy is reload.go.
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

// run is the whole program, except for signals, standard streams and os.Exit. It
// returns the exit code and leaves no goroutine running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, hangups chan os.Signal) int {
	var cfg config
	return flags(&cfg).Run(args, stdout, stderr, func() error { return work(ctx, cfg, stdout, hangups) })
}

// work runs the workers until ctx ends or cfg.duration has passed, and meanwhile
// reloads the file on each hangup.
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
		return err // at the start an invalid file is fatal
	}
	working, cancel := context.WithTimeout(ctx, cfg.duration)
	defer cancel()
	w := start(working, dependencies, cfg.workers)
	fmt.Fprintf(stdout, "process %d uses %s: %s\n", os.Getpid(), cfg.file, capacities(dependencies))
	if cfg.own {
		go hangUp(working, cfg, hangups)
	}
	watch(working, dependencies, cfg.file, hangups, stdout)
	w.Wait()

	// All workers have ended, so the bulkheads are empty and Shutdown does not wait.
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := dependencies.Shutdown(grace); err != nil {
		return err
	}
	if err := compare(stdout, dependencies, w); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: no operation was lost", command.ErrInterrupted)
	}
	return nil
}
