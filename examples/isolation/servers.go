package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// serviceTime returns how long a call takes while inside calls are in flight. The
// fast dependency always takes the same time. The slow one has slowWorkers
// workers. With more calls than workers, the calls compete, and the time grows
// with the square of their number: twice as many calls take four times as long.
// So its throughput falls under load, like that of a server with contended locks,
// caches or disks.
func serviceTime(t target, inside int) time.Duration {
	if t == fast {
		return fastTime
	}
	n := time.Duration(max(inside, slowWorkers))
	return slowTime * n * n / (slowWorkers * slowWorkers)
}

// server is one dependency: a real HTTP server that only waits for its service time.
type server struct {
	target target
	url    string
	http   http.Server
	done   chan struct{} // closed when Serve has returned err
	err    error

	mu     sync.Mutex
	inside int // calls in flight
	peak   int // the maximum of inside
}

// listener opens a port for a server.
type listener func() (net.Listener, error)

func loopback() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

// servers holds both dependencies.
type servers [targets]*server

// startServers starts both servers, or returns an error and leaves none running.
func startServers(listen listener) (servers, error) {
	var all servers
	for i := range all {
		s, err := startServer(target(i), listen)
		if err != nil {
			return servers{}, errors.Join(err, all.stop())
		}
		all[i] = s
	}
	return all, nil
}

func startServer(t target, listen listener) (*server, error) {
	l, err := listen()
	if err != nil {
		return nil, fmt.Errorf("can't start the %v server: %w", t, err)
	}
	s := &server{target: t, url: "http://" + l.Addr().String(), done: make(chan struct{})}
	s.http.Handler = s
	s.http.ReadHeaderTimeout = 5 * time.Second
	go func() {
		s.err = s.http.Serve(l)
		close(s.done)
	}()
	return s, nil
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	inside := s.enter()
	err := pause(r.Context(), serviceTime(s.target, inside))
	s.leave() // before the answer, so that an answered call is never counted as in flight
	if err != nil {
		return // the client hung up
	}
	_, _ = io.WriteString(w, "ok\n") // an error means that the client hung up
}

func (s *server) enter() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside++
	s.peak = max(s.peak, s.inside)
	return s.inside
}

func (s *server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
}

// mostInside returns the largest number of calls that were in flight concurrently.
func (s *server) mostInside() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}

// stop stops all running servers and waits until they have stopped.
func (all servers) stop() error {
	var errs []error
	for _, s := range all {
		if s != nil {
			errs = append(errs, s.stop())
		}
	}
	return errors.Join(errs...)
}

func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.done
	if !errors.Is(s.err, http.ErrServerClosed) {
		err = errors.Join(err, s.err)
	}
	if err != nil {
		return fmt.Errorf("the %v server: %w", s.target, err)
	}
	return nil
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
