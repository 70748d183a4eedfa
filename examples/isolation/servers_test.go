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
		{"alone", fast, 1, fastTime},
		{"crowded", fast, 1000, fastTime},
		{"alone", slow, 1, slowTime},
		{"each has a worker", slow, slowWorkers, slowTime},
		{"twice as many, four times as long", slow, 2 * slowWorkers, 4 * slowTime},
		{"all workers of the client inside", slow, workers, 144 * slowTime},
	} {
		if got := serviceTime(tt.target, tt.inside); got != tt.want {
			t.Errorf("%s: %v with %d inside: %v, want %v", tt.why, tt.target, tt.inside, got, tt.want)
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
			t.Errorf("%v: %d inside at once, want 1", s.target, s.mostInside())
		}
	}
}

func TestServerIsLeftByThoseWhoHangUp(t *testing.T) {
	all, client := startBoth(t)
	s := all[slow]
	for range 100 { // inside for ever, as far as the next one can see
		s.enter()
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := get(client, s.url)(ctx)
		done <- err
	}()
	for s.mostInside() < 101 { // until it is inside; it would stay for 25 s
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("an answer came all the same")
	}
	for range 100 {
		s.leave()
	}
	client.CloseIdleConnections()
	if err := s.stop(); err != nil { // waits until it has left
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside != 0 {
		t.Errorf("%d inside", s.inside)
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
