package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/bulklink/bulklink-go/dashboard"
)

// startPage serves the dashboard of the flag -http until stop is called. The first client
// is the one with the limiter.
func startPage(address string, clients []*client, out io.Writer) (stop func() error, err error) {
	sources := []dashboard.Source{dashboard.Adaptive(clients[0].limiter)}
	for _, c := range clients {
		sources = append(sources, c.bulkhead)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("can't serve the page: %w", err)
	}
	server := http.Server{Handler: dashboard.Handler(sources...), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	fmt.Fprintf(out, "The page is at http://%s/\n\n", l.Addr())
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := server.Shutdown(ctx)
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return err
	}, nil
}
