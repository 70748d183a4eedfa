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

// work is how long it takes to serve one request.
const work = 20 * time.Millisecond

// handler serves a page to a tenant, if the gate lets it. A tenant whose
// compartment is full is told at once to come back later.
func handler(g gate) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// In earnest it is the tenant that was authenticated: who can name any tenant
		// can fill all places.
		slot, err := g.admit(r.Context(), r.Header.Get("X-Tenant"))
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
func serve(g gate, f func(url string)) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(g), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	f("http://" + l.Addr().String())
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
