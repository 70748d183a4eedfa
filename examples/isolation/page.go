package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/bulklink/bulklink-go/dashboard"
)

// page is the dashboard of the flag -http. It shows the bulkheads of the second phase.
type page struct {
	url       string
	dashboard atomic.Pointer[http.Handler] // nil during the first phase
	server    http.Server
	served    chan error
}

// startPage serves the page at the address until stop is called.
func startPage(address string) (*page, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("can't serve the page: %w", err)
	}
	p := &page{url: "http://" + l.Addr().String() + "/", served: make(chan error, 1)}
	p.server.Handler = p
	p.server.ReadHeaderTimeout = 5 * time.Second
	go func() { p.served <- p.server.Serve(l) }()
	return p, nil
}

// show shows the bulkheads from now on.
func (p *page) show(all bulkheads) {
	h := dashboard.Handler(all[fast], all[slow])
	p.dashboard.Store(&h)
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := p.dashboard.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Refresh", "1") // in seconds
	_, _ = io.WriteString(w, "The phase without bulkheads is running. The page follows.\n")
}

func (p *page) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := p.server.Shutdown(ctx)
	if e := <-p.served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
