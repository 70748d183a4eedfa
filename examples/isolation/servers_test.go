package main

import (
	"context"
	"net/http"
	"testing"
	"time"
)

func TestSlowServerGetsSlowerUnderLoadAndTheFastOneDoesNot(t *testing.T) {
	for _, tt := range []struct {
		why    string
		target target
		inside int
		want   time.Duration
	}{
		{"one call", fast, 1, fastTime},
		{"many calls", fast, 1000, fastTime},
		{"one call", slow, 1, slowTime},
		{"a worker for each call", slow, slowWorkers, slowTime},
		{"twice as many calls, four times as long", slow, 2 * slowWorkers, 4 * slowTime},
		{"calls from all workers of the client", slow, workers, 144 * slowTime},
	} {
		if got := serviceTime(tt.target, tt.inside); got != tt.want {
			t.Errorf("%s: %v with %d calls: %v, want %v", tt.why, tt.target, tt.inside, got, tt.want)
		}
	}
}

func TestServersAnswerAndCount(t *testing.T) {
	all, client := startBoth(t)
	for _, s := range all {
		got, err := get(client, s.url)(t.Context())
		if got != "ok\n" || err != nil {
			t.Errorf("%v: %q, %v", s.target, got, err)
		}
		if s.mostInside() != 1 {
			t.Errorf("%v: at most %d calls in flight, want 1", s.target, s.mostInside())
		}
	}
}

func TestHangingUpEndsTheCallInTheServer(t *testing.T) {
	all, client := startBoth(t)
	s := all[slow]
	for range 100 { // make the next call take 25 s
		s.enter()
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := get(client, s.url)(ctx)
		done <- err
	}()
	for s.mostInside() < 101 { // until the call is in flight
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("got an answer after cancellation")
	}
	for range 100 {
		s.leave()
	}
	client.CloseIdleConnections()
	if err := s.stop(); err != nil { // waits for the call to end
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside != 0 {
		t.Errorf("%d calls in flight, want 0", s.inside)
	}
}

func TestAnswerThatIsNotOKIsAnError(t *testing.T) {
	all, client := startBoth(t)
	all[fast].http.Handler = http.NotFoundHandler()
	if got, err := get(client, all[fast].url)(t.Context()); err == nil {
		t.Errorf("got %q", got)
	}
}

func startBoth(t *testing.T) (servers, *http.Client) {
	t.Helper()
	all, err := startServers(loopback)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: newTransport()}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := all.stop(); err != nil {
			t.Error(err)
		}
	})
	return all, client
}
