// Service is an HTTP server that shuts down gracefully on SIGTERM. It answers every
// request that it has accepted, and its error names the requests that did not end
// within the time budget.
//
//	go run ./examples/service -addr localhost:8080
//
// The file to copy is service.go, in particular the method stop.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

const about = `Service is an HTTP server that shuts down gracefully: it answers the requests
that it has accepted, and names those that do not end in time. End it with
SIGTERM; the exit code is 0 if no request was lost. After Ctrl-C it is 130.`

func main() {
	var addr string
	var work, budget time.Duration
	fs := command.New("service", about)
	fs.StringVar(&addr, "addr", "localhost:0", "the address to listen on")
	fs.DurationVar(&work, "work", 20*time.Millisecond, "how long each call of a dependency takes")
	fs.DurationVar(&budget, "drain", 10*time.Second, "how long the shutdown may take")
	command.Between(fs, "work", &work, 0, time.Hour)
	command.Between(fs, "drain", &budget, 0, time.Hour)
	ctx := command.UntilSignal()
	os.Exit(fs.Run(os.Args[1:], os.Stdout, os.Stderr, func() error {
		err := run(ctx, addr, work, budget)
		if cause := context.Cause(ctx); errors.Is(cause, command.ErrInterrupted) {
			err = errors.Join(cause, err)
		}
		return err
	}))
}

// run serves until ctx ends, then stops. It returns nil if no request was lost.
func run(ctx context.Context, addr string, work, budget time.Duration) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s := newService(work)
	failed := make(chan error, 1)
	go func() { failed <- s.serve(l) }()
	fmt.Printf("listening on http://%s\n", l.Addr())

	select {
	case err := <-failed: // the server failed before ctx ended
		return err
	case <-ctx.Done():
	}
	statuses, err := s.stop(budget)
	for _, status := range statuses {
		fmt.Printf("%s: %d finished, %d rejected, %d in flight\n",
			status.Label, status.Totals.Finished, status.Totals.Rejected(), status.InFlight)
	}
	return err
}
