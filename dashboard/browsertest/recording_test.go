package browsertest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

// dependency is a simulated dependency. Its calls take a time that is distributed
// exponentially.
type dependency struct {
	label string
	slots int
	rate  float64 // calls per second
	hold  time.Duration
	slow  float64 // how much slower it is in the last part of the recording; 0: not at all
}

// recording has the answers of the page after minutes of load in virtual time, so that
// pictures have a history. It plays them as a live page.
type recording struct {
	answers map[string]*httptest.ResponseRecorder // by path and query
	events  map[string][]byte                     // by query
	ids     []uint64
}

// record runs the load for that time. From three quarters of it on, those that become slow
// are slow.
func record(t *testing.T, all []dependency, d time.Duration) (r *recording) {
	t.Helper()
	r = &recording{answers: map[string]*httptest.ResponseRecorder{}, events: map[string][]byte{}}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(14*time.Hour + 21*time.Minute) // the clock of a bubble begins at midnight
		ctx, cancel := context.WithTimeout(t.Context(), d+500*time.Millisecond)
		defer cancel()
		reg := registry.New(bulk.WaitLimit(250*time.Millisecond), bulk.TrackHolds())
		start := time.Now()
		var load sync.WaitGroup
		for i, dep := range all {
			b, err := reg.Create(dep.label, dep.slots, bulk.WaitingRoom(2*dep.slots))
			if err != nil {
				t.Fatal(err)
			}
			r.ids = append(r.ids, b.Status().ID)
			random := rand.New(rand.NewPCG(1, uint64(i)))
			load.Go(func() {
				for ctx.Err() == nil {
					time.Sleep(time.Duration(random.ExpFloat64() / dep.rate * 1e9))
					hold := random.ExpFloat64() * float64(dep.hold)
					if dep.slow > 0 && time.Since(start) > d*3/4 {
						hold *= dep.slow
					}
					load.Go(func() {
						_ = bulk.Do(ctx, b, func(context.Context) error { time.Sleep(time.Duration(hold)); return nil })
					})
				}
			})
		}
		h := dashboard.New(dashboard.Show(reg), dashboard.AllowChanges(allow))
		follow(t, h, "/events", d)
		r.keep(h, "/", "/style.css", "/live.js", "/charts.js", "/details.js", "/table.js", "/icon.svg")
		for _, id := range r.ids[:1] {
			r.keep(h, fmt.Sprintf("/?id=%d", id))
		}
		for _, id := range r.ids {
			r.keep(h, fmt.Sprintf("/history?id=%d", id))
		}
		for _, q := range []string{"", fmt.Sprintf("?id=%d", r.ids[0])} {
			r.events[q] = follow(t, h, "/events"+q, 0)
		}
		cancel()
		load.Wait()
	})
	return r
}

// follow reads a live page for that time and returns what it got.
func follow(t *testing.T, h http.Handler, target string, d time.Duration) []byte {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", target, nil))
		close(done)
	}()
	time.Sleep(d)
	synctest.Wait()
	cancel()
	<-done
	return w.Body.Bytes()
}

func (r *recording) keep(h http.Handler, targets ...string) {
	for _, target := range targets {
		w := httptest.NewRecorder()
		q := httptest.NewRequest("GET", target, nil)
		q.Header.Set("Accept", "text/html")
		h.ServeHTTP(w, q)
		r.answers[target] = w
	}
}

func (r *recording) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	target := q.URL.RequestURI()
	switch {
	case strings.HasPrefix(target, "/events"):
		w.Header().Set("Content-Type", "text/event-stream")
		for q.Context().Err() == nil { // again and again, so that the page stays live
			_, _ = w.Write(r.events[strings.TrimPrefix(target, "/events")])
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(2 * time.Second):
			case <-q.Context().Done():
			}
		}
	case strings.HasPrefix(target, "/history"):
		_, _ = w.Write(r.history(q.URL.Query()["id"]))
	case r.answers[target] == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		a := r.answers[target]
		for name, values := range a.Header() {
			w.Header()[name] = values
		}
		_, _ = w.Write(a.Body.Bytes())
	}
}

// history joins the recorded histories of several bulkheads.
func (r *recording) history(ids []string) []byte {
	var joined []byte
	for i, id := range ids {
		one := r.answers["/history?id="+id].Body.Bytes()
		if i == 0 {
			joined = bytes.Clone(bytes.TrimSuffix(one, []byte("}}")))
			continue
		}
		_, series, _ := bytes.Cut(bytes.TrimSuffix(one, []byte("}}")), []byte(`"series":{`))
		joined = append(append(joined, ','), series...)
	}
	return append(joined, "}}"...)
}
