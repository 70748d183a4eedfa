package main

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// open counts what is being done at once.
type open struct{ now, most atomic.Int64 }

func (o *open) begin() {
	n := o.now.Add(1)
	for m := o.most.Load(); n > m && !o.most.CompareAndSwap(m, n); m = o.most.Load() {
	}
}
func (o *open) end() { o.now.Add(-1) }

// Five hundred requests in a second, as they come, for answers that arrive in
// two halves. The server is inside an answer until just before its last byte.
func TestUnderLoadTheOtherSideIsNeverInsideMoreAnswersThanSlots(t *testing.T) {
	const slots, requests = 4, 500
	var answers open
	// The first ones take until somebody was turned away, so that there is an
	// overload on any machine, also on one too slow to offer twice the load.
	overload := make(chan struct{})
	var once sync.Once
	server := start(t, func(w http.ResponseWriter, _ *http.Request) {
		answers.begin()
		_, _ = io.WriteString(w, "first half, ")
		_ = http.NewResponseController(w).Flush()
		<-overload
		time.Sleep(20 * time.Millisecond) // the work: 4 slots do 200 of it a second
		answers.end()
		_, _ = io.WriteString(w, "second half")
	})
	b := bulk.Must(bulk.New("server", slots, bulk.WaitingRoom(20), bulk.WaitLimit(100*time.Millisecond),
		bulk.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventSaturated || e.Kind == bulk.EventExpired {
				once.Do(func() { close(overload) })
			}
		})))
	client := clientOf(t, &transport{bulkhead: b})

	var answered, refused, failed atomic.Int64
	ticks := time.NewTicker(2 * time.Millisecond)
	defer ticks.Stop()
	var users sync.WaitGroup
	for range requests {
		<-ticks.C
		users.Go(func() {
			resp, err := client.Get(server.URL)
			switch {
			case errors.Is(err, bulk.ErrOverload):
				refused.Add(1)
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
	t.Logf("%d answered, %d refused, %d failed; inside at most %d", answered.Load(), refused.Load(), failed.Load(), answers.most.Load())
	if answers.most.Load() > slots {
		t.Errorf("%d answers at once on the other side, %d slots", answers.most.Load(), slots)
	}
	if failed.Load() > 0 || answered.Load() == 0 || refused.Load() == 0 {
		t.Error("want answers and refusals, and nothing else")
	}
	if uint64(answered.Load()) != s.Totals.Finished || uint64(refused.Load()) != s.Totals.Rejected() || s.InFlight != 0 {
		t.Errorf("%d finished, %d rejected, %d in flight", s.Totals.Finished, s.Totals.Rejected(), s.InFlight)
	}
}
