package main

import (
	"bytes"
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
