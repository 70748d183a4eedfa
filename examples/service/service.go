package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// service is an HTTP server with a compartment for each of its routes.
type service struct {
	http         http.Server
	compartments []*bulk.Bulkhead

	mu      sync.Mutex
	next    int
	running map[int]string // what is in flight, by number
}

// Each route does so many at once, and lets so many wait.
const slots, room = 4, 8

// newService returns a service whose every request takes so long.
func newService(work time.Duration) *service {
	s := &service{running: map[int]string{}}
	mux := http.NewServeMux()
	for _, label := range []string{"reports", "exports"} {
		b := bulk.Must(bulk.New(label, slots, bulk.WaitingRoom(room), bulk.WaitLimit(10*time.Second)))
		s.compartments = append(s.compartments, b)
		mux.Handle("GET /"+label, s.through(b, work))
	}
	s.http.Handler = mux
	// Who never ends the headers of a request would hold up the end.
	s.http.ReadHeaderTimeout = 5 * time.Second
	// Called as soon as Shutdown has closed the listeners, and not before: see stop.
	s.http.RegisterOnShutdown(func() {
		for _, b := range s.compartments {
			b.Close()
		}
	})
	return s
}

func (s *service) serve(l net.Listener) error { return s.http.Serve(l) }

// stop ends the service within the budget, in the order that loses nothing:
//
//  1. No new connection is accepted. Whoever comes now finds another instance.
//  2. The compartments close. Whoever waits is told so at once: 503, never
//     started, safe to try elsewhere. In the other order, connections would
//     still come in only to be refused.
//  3. What is in flight goes on, and its answers are sent.
//  4. What is not over when the budget is used up is cut off, and named in the
//     error.
//
// Behind a load balancer that is slow to notice, wait a little before step 1.
func (s *service) stop(budget time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), budget)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err == nil {
		// Every answer is sent. What the compartments still hold, if anything, is
		// work that is not an HTTP request: of a queue, of a timer.
		return s.drain(ctx)
	}
	// Say so also if all compartments are empty: a request that is still being
	// read, or that goes through none of them, is cut off too.
	err = fmt.Errorf("connections still open: %w", err)
	err = errors.Join(err, s.drain(ctx)) // which compartment has how many, before they are disturbed
	if names := s.names(); len(names) > 0 {
		err = errors.Join(err, fmt.Errorf("cut off: %s", strings.Join(names, ", ")))
	}
	return errors.Join(err, s.http.Close())
}

// drain waits for every compartment; the errors name those that are not empty
// when ctx ends.
func (s *service) drain(ctx context.Context) error {
	var errs []error
	for _, b := range s.compartments {
		errs = append(errs, b.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// through returns the handler of one route, behind b.
func (s *service) through(b *bulk.Bulkhead, work time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slot, err := b.Acquire(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer slot.Release()
		defer s.enter(r.Method + " " + r.URL.String())()

		timer := time.NewTimer(work) // the work
		defer timer.Stop()
		select {
		case <-timer.C:
			fmt.Fprintln(w, "done")
		case <-r.Context().Done():
		}
	})
}

// enter notes what is in flight, until the function that it returns is called.
func (s *service) enter(name string) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	n := s.next
	s.running[n] = name
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.running, n)
	}
}

func (s *service) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, name := range s.running {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
