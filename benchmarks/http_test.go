package benchmarks

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
)

// BenchmarkHTTP sends requests over loopback, at a rate that does not depend on the
// answers, and measures what a limiter adds to a real call. Each request is assigned
// to one of the arms at random, so that disturbances of the machine affect all arms
// alike. peer=none calls the client without a limiter.
//
// Times are counted from the instant when a request was due, so a stall is included in
// the times of all requests that were due during it.
func BenchmarkHTTP(b *testing.B) {
	const rate, slots = 2000, 64
	duration := 8 * time.Second
	if testing.Short() {
		duration = time.Second
	}

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(2 * time.Millisecond) // the work of the dependency
		_, _ = io.WriteString(w, "ok")
	}))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4 * slots}}
	defer client.CloseIdleConnections()
	call := func(ctx context.Context) (int, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			return 0, err
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return 0, err
		}
		if response.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("status %s", response.Status)
		}
		return response.StatusCode, nil
	}

	type arm struct {
		name string
		do   func(context.Context) (int, error)
		mu   sync.Mutex
		took []float64
	}
	arms := []*arm{{name: "none", do: call}}
	for _, name := range []string{"bulklink", "xsync"} {
		s, _ := peers.Find(name)
		// Room for all requests that can arrive while a busy machine stalls.
		p := s.Patient(peers.Setup{Slots: slots, Room: 10 * rate})
		arms = append(arms, &arm{name: name, do: func(ctx context.Context) (int, error) { return p.Run(ctx, call) }})
	}

	load := func(duration time.Duration) {
		var requests sync.WaitGroup
		random := rand.New(rand.NewPCG(3, 4))
		due := time.Now()
		for end := due.Add(duration); due.Before(end); {
			due = due.Add(time.Duration(random.ExpFloat64() * float64(time.Second) / rate))
			time.Sleep(time.Until(due))
			a, due := arms[random.IntN(len(arms))], due
			requests.Go(func() {
				if _, err := a.do(b.Context()); err != nil {
					b.Error(err)
					return
				}
				took := float64(time.Since(due))
				a.mu.Lock()
				a.took = append(a.took, took)
				a.mu.Unlock()
			})
		}
		requests.Wait()
	}
	load(duration / 8) // warms up connections and the heap
	for _, a := range arms {
		a.took = a.took[:0]
	}
	load(duration)
	for _, a := range arms {
		slices.Sort(a.took)
		b.Run("peer="+a.name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op") // not meaningful here
			samples{a.took}.report(b, "", "p50", "p99", "p99.9")
		})
	}
}
