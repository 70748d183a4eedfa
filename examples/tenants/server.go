package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// work is the time to serve one request.
const work = 20 * time.Millisecond

// page serves one request.
func page(w http.ResponseWriter, r *http.Request) {
	if pause(r.Context(), work) == nil {
		_, _ = io.WriteString(w, "page\n")
	}
}

// serve runs a server on loopback while f runs.
func serve(l limiter, f func(url string)) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: l.protect(http.HandlerFunc(page)), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	f("http://" + listener.Addr().String())
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = server.Shutdown(ctx)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
