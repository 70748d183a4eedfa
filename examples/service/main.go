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
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "localhost:0", "where to listen")
	work := flag.Duration("work", 20*time.Millisecond, "how long each call of a dependency takes")
	budget := flag.Duration("drain", 10*time.Second, "how long the end may take")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the service in an orderly way; from then on signals
	// have their usual effect, so a second one ends it at once.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, *addr, *work, *budget); err != nil {
		fmt.Fprintf(os.Stderr, "service: %v\n", err)
		os.Exit(1)
	}
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
	err = s.stop(budget)
	for _, b := range s.dependencies {
		status := b.Status()
		fmt.Printf("%s: %d finished, %d turned away, %d in flight\n",
			status.Label, status.Totals.Finished, status.Totals.Rejected(), status.InFlight)
	}
	return err
}
