// Service is an HTTP server that ends in an orderly way on SIGTERM: no request
// that it has accepted goes without an answer, and what can't end in time is
// named.
//
//	go run ./examples/service -addr localhost:8080
//
// The part to copy is service.go, stop above all.
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

const about = `Service is an HTTP server that ends in an orderly way: the requests that it has
accepted are answered, and those that can't end in time are named. SIGTERM is its
usual end, with exit code 0 if nothing was lost; after Ctrl-C it is 130.`

func main() {
	var addr string
	var work, budget time.Duration
	fs := command.New("service", about)
	fs.StringVar(&addr, "addr", "localhost:0", "where to listen")
	fs.DurationVar(&work, "work", 20*time.Millisecond, "how long each call of a dependency takes")
	fs.DurationVar(&budget, "drain", 10*time.Second, "how long the end may take")
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

// run serves until ctx ends, then stops. It returns nil if nothing was lost.
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
	case err := <-failed: // nobody told it to stop
		return err
	case <-ctx.Done():
	}
	statuses, err := s.stop(budget)
	for _, status := range statuses {
		fmt.Printf("%s: %d finished, %d turned away, %d in flight\n",
			status.Label, status.Totals.Finished, status.Totals.Rejected(), status.InFlight)
	}
	return err
}
