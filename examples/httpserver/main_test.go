package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// start starts a real server whose error log goes to the output of the test.
func start(t *testing.T, h http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(t.Output(), "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// await waits for the next event of this kind.
func await(t *testing.T, events <-chan bulk.Event, kind bulk.EventKind) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case e := <-events:
			if e.Kind == kind {
				return
			}
		case <-timeout:
			t.Fatalf("no %v", kind)
		}
	}
}

// The test offers twice the load that the handler can serve, for two seconds.
func TestEveryRequestIsAnsweredUnderTwiceTheLoad(t *testing.T) {
	const slots = 4
	// The first requests last until one is rejected, so that there is overload on
	// any machine, also on one too slow to offer twice the load.
	overload := make(chan struct{})
	var once sync.Once
	b := bulk.Must(bulk.New("reports", slots, bulk.WaitingRoom(4), bulk.WaitLimit(100*time.Millisecond),
		bulk.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventSaturated || e.Kind == bulk.EventExpired {
				once.Do(func() { close(overload) })
			}
		})))
	var inside, most, served atomic.Int64
	server := start(t, routes(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := inside.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-overload
		time.Sleep(20 * time.Millisecond) // the work: 4 slots serve 200 requests per second
		served.Add(1)
		inside.Add(-1)
		fmt.Fprintln(w, "report")
	})))
	got := offer(t, server.Client(), server.URL+"/report", 800, 2500*time.Microsecond)

	s := b.Status()
	t.Logf("%v, at most %d in flight; %d admitted, %d saturated, %d expired", got.status, got.peak, s.Totals.Admitted, s.Totals.Saturated, s.Totals.Expired)
	if got.sent() != 800 || got.failed > 0 || got.noRetryAfter > 0 {
		t.Errorf("%d sent, %d failed, %d without a valid Retry-After", got.sent(), got.failed, got.noRetryAfter)
	}
	if got.status[http.StatusOK] == 0 || got.status[http.StatusServiceUnavailable] == 0 {
		t.Errorf("statuses %v, want both 200 and 503", got.status)
	}
	if int64(got.status[http.StatusOK]) != served.Load() || uint64(served.Load()) != s.Totals.Finished {
		t.Errorf("%d times OK, %d served, %d finished", got.status[http.StatusOK], served.Load(), s.Totals.Finished)
	}
	if uint64(got.status[http.StatusServiceUnavailable]) != s.Totals.Rejected() {
		t.Errorf("%d times 503, %d rejected", got.status[http.StatusServiceUnavailable], s.Totals.Rejected())
	}
	if most.Load() > slots {
		t.Errorf("%d concurrent handlers, want at most %d", most.Load(), slots)
	}
}

func TestHangingUpLeavesTheWaitingRoom(t *testing.T) {
	events := make(chan bulk.Event, 32)
	b := bulk.Must(bulk.New("reports", 1, bulk.WaitingRoom(1), bulk.OnEvent(func(e bulk.Event) { events <- e })))
	served := new(atomic.Int64)
	server := start(t, routes(b, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) })))
	slot, _ := b.TryAcquire()

	ctx, hangUp := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/report", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if resp, err := server.Client().Do(request); err == nil {
			resp.Body.Close()
			t.Error("got an answer after hanging up")
		}
	}()
	await(t, events, bulk.EventQueued)
	hangUp()
	await(t, events, bulk.EventCanceled)
	<-gone
	slot.Release()
	if s := b.Status(); s.Waiting != 0 || s.InFlight != 0 || served.Load() != 0 {
		t.Errorf("%d waiting, %d in flight, %d served", s.Waiting, s.InFlight, served.Load())
	}
}

func TestPanickingHandlerReleasesItsSlot(t *testing.T) {
	const slots = 2
	b := bulk.Must(bulk.New("reports", slots))
	var calls atomic.Int64
	server := start(t, routes(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		switch r.FormValue("how") {
		case "abort":
			panic(http.ErrAbortHandler)
		case "half":
			fmt.Fprint(w, "half an answ")
			panic("bug")
		}
	})))
	for range 5 * slots {
		for _, how := range []string{"abort", "half", "well"} {
			resp, err := server.Client().Get(server.URL + "/report?how=" + how)
			if err == nil {
				resp.Body.Close()
			}
			if how == "well" && (err != nil || resp.StatusCode != http.StatusOK) {
				t.Errorf("%v %v", resp, err)
			}
		}
	}
	if err := b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	// The client repeats a GET when a kept connection was closed, so there can be
	// more calls than requests.
	if totals := b.Status().Totals; totals.Finished != uint64(calls.Load()) || totals.Arrivals() != totals.Finished {
		t.Errorf("%d arrived, %d finished, %d calls", totals.Arrivals(), totals.Finished, calls.Load())
	}
}

func TestRejectedRequestIsAlwaysAnsweredWith503(t *testing.T) {
	never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
	full := bulk.Must(bulk.New("full", 1))
	full.TryAcquire()
	closed := bulk.Must(bulk.New("closed", 1))
	closed.Close()
	ended, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for _, tt := range []struct {
		why        string
		b          *bulk.Bulkhead
		ctx        context.Context
		retryAfter bool
		connection string
	}{
		{"saturated: retry later", full, t.Context(), true, ""},
		{"closed: use another server", closed, t.Context(), false, "close"},
		{"context ended by another middleware", full, ended, false, ""},
	} {
		w := httptest.NewRecorder()
		limit(tt.b, never).ServeHTTP(w, httptest.NewRequestWithContext(tt.ctx, http.MethodGet, "/", nil))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", tt.why, w.Code)
		}
		if got := w.Header().Get("Retry-After"); (got != "") != tt.retryAfter {
			t.Errorf("%s: Retry-After %q", tt.why, got)
		}
		if got := w.Header().Get("Connection"); got != tt.connection {
			t.Errorf("%s: Connection %q", tt.why, got)
		}
	}
}

const output = `10 requests for a report: 2 at a time, 3 can wait. Meanwhile /healthz: 200 OK
  request  1: 200 OK
  request  2: 200 OK
  request  3: 200 OK
  request  4: 200 OK
  request  5: 200 OK
  request  6: 503 Service Unavailable, Retry-After
  request  7: 503 Service Unavailable, Retry-After
  request  8: 503 Service Unavailable, Retry-After
  request  9: 503 Service Unavailable, Retry-After
  request 10: 503 Service Unavailable, Retry-After
`

func TestOutput(t *testing.T) {
	var out bytes.Buffer
	if err := run(io.MultiWriter(&out, t.Output())); err != nil {
		t.Fatal(err)
	}
	if out.String() != output {
		t.Errorf("want\n%s", strings.TrimSpace(output))
	}
}
