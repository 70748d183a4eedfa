package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/fleet"
)

// fires reports whether exactly the alert of the code fires, for the bulkhead "search".
func fires(t *testing.T, stored *scrapes, code bulk.Code) bool {
	t.Helper()
	fired := firing(t, stored)["search"]
	for f := range fired {
		if f.code != code {
			t.Errorf("%s (%s) fires", f.code, f.severity)
		}
	}
	return len(fired) > 0
}

// A member learns, has a lease, loses it because its process has stopped refreshing, and
// leaves.
func TestAlertOfALostLease(t *testing.T) {
	states := map[fleet.State]*scrapes{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		m, err := fleet.Join(ctx, new(fleet.Memory), "budget", 10, bulk.Must(bulk.New("search", 1)))
		if err != nil {
			t.Fatal(err)
		}
		scrape := func() {
			t.Helper()
			s := newScrapes()
			s.scrape(t, firstScrape, bulkprom.Member(m))
			s.scrape(t, lastScrape, bulkprom.Member(m))
			states[m.Status().State] = s
		}
		time.Sleep(time.Second)
		scrape()
		time.Sleep(time.Minute)
		scrape()
		cancel()
		time.Sleep(fleet.DefaultTTL)
		scrape()
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
		scrape()
	})
	for _, state := range []fleet.State{fleet.Learning, fleet.Holding, fleet.Lost, fleet.Gone} {
		if states[state] == nil {
			t.Errorf("the member never was %v", state)
		} else if fires(t, states[state], codeLeaseLost) != (state == fleet.Lost) {
			t.Errorf("%v: the alert is wrong", state)
		}
	}
}

// All operations hang, so that the limiter decides nothing.
func TestAlertOfALimiterAtItsMinimum(t *testing.T) {
	for name, c := range map[string]struct {
		slots, min, max, inFlight int
		opts                      []adaptive.Option
		change                    func(*bulk.Bulkhead, *adaptive.Limiter) error
		want                      bool
	}{
		"at the minimum":        {slots: 2, min: 2, max: 50, inFlight: 2, want: true},
		"a free slot":           {slots: 2, min: 2, max: 50, inFlight: 1},
		"above the minimum":     {slots: 3, min: 2, max: 50, inFlight: 3},
		"one limit is possible": {slots: 2, min: 2, max: 2, inFlight: 2},
		"observing":             {slots: 2, min: 2, max: 50, inFlight: 2, opts: []adaptive.Option{adaptive.Observe()}},
		"closed":                {slots: 2, min: 2, max: 50, inFlight: 2, change: func(_ *bulk.Bulkhead, l *adaptive.Limiter) error { return l.Close() }},
		"paused":                {slots: 2, min: 2, max: 50, inFlight: 2, change: func(b *bulk.Bulkhead, _ *adaptive.Limiter) error { return b.Resize(0) }},
		"below the minimum":     {slots: 9, min: 2, max: 50, inFlight: 2, change: func(b *bulk.Bulkhead, _ *adaptive.Limiter) error { return b.Resize(1) }},
	} {
		b := bulk.Must(bulk.New("search", c.slots))
		l, err := adaptive.New(b, c.min, c.max, c.opts...)
		if err != nil {
			t.Fatal(err)
		}
		for range c.inFlight {
			defer l.Begin()(nil)
		}
		if c.change != nil {
			if err := c.change(b, l); err != nil {
				t.Fatal(err)
			}
		}
		stored := newScrapes()
		stored.scrape(t, firstScrape, bulkprom.Limiter(l))
		stored.scrape(t, lastScrape, bulkprom.Limiter(l))
		if fires(t, stored, codeLimiterAtMinimum) != c.want {
			t.Errorf("%s: the alert is wrong: %v", name, l.Status())
		}
	}
}

// Short operations are scraped while none is in flight. The decisions tell whether they
// need the limit.
func TestAlertOfALimiterThatDecides(t *testing.T) {
	for name, c := range map[string]struct {
		operation func(context.Context) error
		workers   int
		idle      bool // since the first scrape
		slots     int  // if the parallelism is then lowered to the minimum from outside
		reason    adaptive.Reason
		want      bool
	}{
		"the dependency rejects": {operation: reject, workers: 4, reason: adaptive.Rejected, want: true},
		"and none comes since":   {operation: reject, workers: 4, idle: true, reason: adaptive.Rejected},
		"lowered from outside":   {operation: serve, workers: 4, slots: 50, reason: adaptive.Probed},
		"one after the other":    {operation: serve, workers: 1, reason: adaptive.NotUsed},
		"few operations":         {operation: serveSlowly, workers: 1, reason: adaptive.TooFewSamples},
	} {
		stored := newScrapes()
		synctest.Test(t, func(t *testing.T) {
			b := bulk.Must(bulk.New("search", max(2, c.slots), bulk.WaitingRoom(10)))
			l, err := adaptive.New(b, 2, 50)
			if err != nil {
				t.Fatal(err)
			}
			use := func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				for range c.workers {
					go func() {
						for ctx.Err() == nil {
							_ = bulk.Do(ctx, b, adaptive.MeasureDo(l, c.operation))
						}
					}()
				}
				<-ctx.Done()
				time.Sleep(time.Minute)
			}
			if c.slots > 0 {
				if err := b.Resize(2); err != nil {
					t.Fatal(err)
				}
			}
			use()
			stored.scrape(t, firstScrape, bulkprom.Limiter(l))
			if !c.idle {
				use()
			}
			stored.scrape(t, lastScrape, bulkprom.Limiter(l))
			if s := l.Status(); s.Limit != 2 || s.InFlight != 0 || s.Last.Reason != c.reason {
				t.Errorf("%s: %v", name, s)
			}
		})
		if fires(t, stored, codeLimiterAtMinimum) != c.want {
			t.Errorf("%s: the alert is wrong", name)
		}
	}
}

func reject(context.Context) error {
	time.Sleep(10 * time.Millisecond)
	return context.DeadlineExceeded
}

func serve(context.Context) error {
	time.Sleep(10 * time.Millisecond)
	return nil
}

// serveSlowly ends so seldom that the first window, which is a warm-up, is the only one.
func serveSlowly(context.Context) error {
	time.Sleep(2500 * time.Millisecond)
	return nil
}
