package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// work is the time to serve one request.
const work = 20 * time.Millisecond

// handler returns a handler that serves a page to a tenant if the limiter admits the
// request. On overload it immediately answers 503 with Retry-After.
func handler(l limiter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// In production, use the authenticated tenant: a client that can claim to be
		// any tenant can occupy all keys.
		slot, err := l.admit(r.Context(), r.Header.Get("X-Tenant"))
		defer slot.Release()
		switch {
		case errors.Is(err, bulk.ErrOverload):
			w.Header().Set("Retry-After", "1")
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			if pause(r.Context(), work) == nil {
				_, _ = io.WriteString(w, "page\n")
			}
		}
	})
}

// serve runs a server on loopback while f runs.
func serve(l limiter, f func(url string)) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(l), ReadHeaderTimeout: 5 * time.Second}
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
