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

// service is an HTTP server. Each of its routes calls a dependency through the
// bulkhead of that dependency.
type service struct {
	http         http.Server
	dependencies []*bulk.Bulkhead

	mu      sync.Mutex
	next    int
	running map[int]string // names of the requests in flight, by number
}

// Each dependency gets at most slots calls concurrently, and at most room calls wait.
const slots, room = 4, 8

// newService returns a service in which every call of a dependency takes work.
func newService(work time.Duration) *service {
	s := &service{running: map[int]string{}}
	mux := http.NewServeMux()
	for _, route := range []struct{ path, dependency string }{
		{"/reports", "database"}, {"/exports", "storage"},
	} {
		b := bulk.Must(bulk.New(route.dependency, slots, bulk.WaitingRoom(room), bulk.WaitLimit(10*time.Second)))
		s.dependencies = append(s.dependencies, b)
		mux.Handle("GET "+route.path, s.calling(b, work))
	}
	s.http.Handler = mux
	// Without this limit, a client that never completes its headers delays the shutdown.
	s.http.ReadHeaderTimeout = 5 * time.Second
	return s
}

func (s *service) serve(l net.Listener) error { return s.http.Serve(l) }

// stop shuts the service down within the budget, in an order that loses no request:
//
//  1. The server accepts no new connection. New clients find another instance.
//  2. The accepted requests go on, and their answers are sent. The bulkheads of
//     the dependencies stay open: these requests still call them. A bulkhead
//     that closes together with the listener rejects work that the service has
//     already accepted.
//  3. The bulkheads close when the server has drained, or when three quarters
//     of the budget are used up. In the second case the requests that still wait
//     for a slot get a 503 immediately: their call was never started.
//  4. stop waits for calls that belong to no request, for example of a timer.
//  5. When the budget is used up, the remaining requests are cut off. The error
//     names them.
//
// Behind a load balancer that takes time to notice the shutdown, wait before step 1.
//
// The statuses are taken before requests are cut off, because requests that are cut
// off count as finished.
func (s *service) stop(budget time.Duration) ([]bulk.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), budget)
	defer cancel()
	accepted, cancelAccepted := context.WithTimeout(ctx, budget/4*3)
	defer cancelAccepted()
	err := s.http.Shutdown(accepted)
	for _, b := range s.dependencies {
		b.Close()
	}
	if err != nil {
		err = s.http.Shutdown(ctx) // the 503s are sent, and perhaps more answers
	}
	if err == nil {
		err = s.drain(ctx)
		return s.statuses(), err
	}
	// Report open connections also if all bulkheads are empty: a request that is
	// still being read, or that calls no dependency, is cut off too.
	err = fmt.Errorf("connections still open: %w", err)
	err = errors.Join(err, s.drain(ctx)) // the errors have the number for each dependency, before requests are cut off
	if names := s.names(); len(names) > 0 {
		err = errors.Join(err, fmt.Errorf("cut off: %s", strings.Join(names, ", ")))
	}
	statuses := s.statuses()
	return statuses, errors.Join(err, s.http.Close())
}

func (s *service) statuses() []bulk.Status {
	var all []bulk.Status
	for _, b := range s.dependencies {
		all = append(all, b.Status())
	}
	return all
}

// drain waits until every bulkhead is empty. The errors name the bulkheads that are
// not empty when ctx ends.
func (s *service) drain(ctx context.Context) error {
	var errs []error
	for _, b := range s.dependencies {
		errs = append(errs, b.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// calling returns a handler that calls the dependency behind b.
func (s *service) calling(b *bulk.Bulkhead, work time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slot, err := b.Acquire(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer slot.Release()
		defer s.enter(r.Method + " " + r.URL.String())()

		timer := time.NewTimer(work) // the call
		defer timer.Stop()
		select {
		case <-timer.C:
			fmt.Fprintln(w, "done")
		case <-r.Context().Done():
		}
	})
}

// enter records the name of a request in flight until leave is called.
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
