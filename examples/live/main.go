// Live shows the dashboard of a service under a load that changes. Four dependencies are
// simulated. One becomes slow every minute and recovers, and another one is resized. The
// program prints the address of the page and runs until Ctrl-C.
//
//	go run ./examples/live
//
// The dependencies and their load are in load.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/examples/internal/command"
)

const about = `Live serves a page that shows four simulated dependencies under a load that
changes. Within each minute, payments becomes slow and recovers, and search is
resized. The program runs until Ctrl-C, or for the given duration.`

func main() { os.Exit(run(command.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr)) }

// config has the values of the flags.
type config struct {
	address  string
	duration time.Duration // 0: until Ctrl-C
	period   time.Duration // after which everything repeats
}

// run returns the exit code. It leaves no server and no goroutine running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c config
	f := command.New("live", about)
	f.StringVar(&c.address, "address", "localhost:0", "where the page is served; port 0 is a free one")
	f.DurationVar(&c.duration, "duration", 0, "how long the program runs; 0 is until Ctrl-C")
	f.DurationVar(&c.period, "period", time.Minute, "after which time the changes of the load repeat")
	command.Between(f, "duration", &c.duration, 0, 24*time.Hour)
	command.Between(f, "period", &c.period, time.Second, time.Hour)
	return f.Run(args, stdout, stderr, func() error { return serve(ctx, c, stdout) })
}

// serve runs the load and the page. Ctrl-C is the usual end, and not an error.
func serve(ctx context.Context, c config, out io.Writer) error {
	if c.duration > 0 {
		limited, cancel := context.WithTimeout(ctx, c.duration)
		defer cancel()
		ctx = limited
	}
	l, err := net.Listen("tcp", c.address)
	if err != nil {
		return err
	}
	s, err := newService(c.period)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("/debug/bulkheads/", http.StripPrefix("/debug/bulkheads", dashboard.Handler(s.bulkheads)))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	fmt.Fprintf(out, "The page is at http://%s/debug/bulkheads/\n"+
		"Every %v payments becomes slow and recovers, and search is resized. Ctrl-C ends the program.\n", l.Addr(), c.period)

	s.load(ctx) // until ctx ends, or the load stops
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = server.Shutdown(limit) // ends live pages too
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return errors.Join(err, s.bulkheads.Shutdown(limit))
}
