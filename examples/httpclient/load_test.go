package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
)

// gauge counts concurrent calls, and their maximum.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) begin() {
	n := g.now.Add(1)
	for m := g.most.Load(); n > m && !g.most.CompareAndSwap(m, n); m = g.most.Load() {
	}
}
func (g *gauge) end() { g.now.Add(-1) }

// The test sends 500 requests in one second, without waiting for answers. Each answer
// arrives in two parts, and counts as active until just before its second part.
func TestServerNeverWorksOnMoreAnswersThanSlotsUnderLoad(t *testing.T) {
	const slots, requests = 4, 500
	var answers gauge
	// The first requests last until one is rejected, so that there is overload on
	// any machine, also on one too slow to offer twice the load.
	overload := make(chan struct{})
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answers.begin()
		_, _ = io.WriteString(w, "first half, ")
		_ = http.NewResponseController(w).Flush()
		<-overload
		time.Sleep(20 * time.Millisecond) // the work: 4 slots serve 200 requests per second
		answers.end()
		_, _ = io.WriteString(w, "second half")
	}))
	defer server.Close()
	b := bulk.Must(bulk.New("server", slots, bulk.WaitingRoom(20), bulk.WaitLimit(100*time.Millisecond),
		bulk.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventSaturated || e.Kind == bulk.EventExpired {
				once.Do(func() { close(overload) })
			}
		})))
	client := &http.Client{Transport: bulkhttp.Transport(b, server.Client().Transport)}

	var answered, rejected, failed atomic.Int64
	ticks := time.NewTicker(2 * time.Millisecond)
	defer ticks.Stop()
	var users sync.WaitGroup
	for range requests {
		<-ticks.C
		users.Go(func() {
			resp, err := client.Get(server.URL)
			switch {
			case errors.Is(err, bulk.ErrOverload):
				rejected.Add(1)
				return
			case err != nil:
				failed.Add(1)
				t.Log(err)
				return
			}
			defer resp.Body.Close()
			if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "first half, second half" {
				failed.Add(1)
				t.Log(string(text), err)
				return
			}
			answered.Add(1)
		})
	}
	users.Wait()
	s := b.Status()
	t.Logf("%d answered, %d rejected, %d failed; at most %d concurrent answers", answered.Load(), rejected.Load(), failed.Load(), answers.most.Load())
	if answers.most.Load() > slots {
		t.Errorf("%d concurrent answers in the server, want at most %d", answers.most.Load(), slots)
	}
	if failed.Load() > 0 || answered.Load() == 0 || rejected.Load() == 0 {
		t.Error("want both answers and rejections, and no failures")
	}
	if uint64(answered.Load()) != s.Totals.Finished || uint64(rejected.Load()) != s.Totals.Rejected() || s.InFlight != 0 {
		t.Errorf("%d finished, %d rejected, %d in flight", s.Totals.Finished, s.Totals.Rejected(), s.InFlight)
	}
}
