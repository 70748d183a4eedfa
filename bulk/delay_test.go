package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

func TestDelayControl(t *testing.T) {
	const target, interval = 5 * time.Millisecond, 100 * time.Millisecond
	control := bulk.ControlDelay(target, interval)
	runScenarios(t, []scenario{
		{"a wait is shortened from the interval on", "the bound is inclusive", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(9), control)
			fill(t, b)
			first := park(t, b, 1)
			time.Sleep(interval - 1)
			second := park(t, b, 1)
			time.Sleep(time.Nanosecond)
			third := park(t, b, 1)
			time.Sleep(target - 1)
			third.mustWait(t)
			time.Sleep(time.Nanosecond)
			third.mustFail(t, bulk.ErrExpired)
			time.Sleep(time.Hour)
			first.mustWait(t)
			second.mustWait(t)
			if n := b.Status().Totals; n.Shortened != 1 || n.Expired != 1 {
				t.Errorf("%+v", n)
			}
			var e *bulk.AdmissionError
			if !errors.As(third.err, &e) || e.Limit != target {
				t.Errorf("%v", third.err)
			}
		}},
		{"an empty room ends it", "the burst is over", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(9), bulk.WaitLimit(time.Second), control)
			held := fill(t, b)
			p := park(t, b, 1)
			time.Sleep(interval)
			held[0].Release()
			p.mustHold(t) // the room was empty for no time at all
			q := park(t, b, 1)
			time.Sleep(time.Second - 1)
			q.mustWait(t)
			if n := b.Status().Totals.Shortened; n != 0 {
				t.Errorf("%d shortened", n)
			}
		}},
		{"limits only tighten", "a stricter one is not shortened", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(9), control)
			fill(t, b)
			park(t, b, 1)
			time.Sleep(interval)
			p := park(t, b, 1, deadline.Within(target-1))
			q := park(t, b, 1, deadline.Within(target))
			time.Sleep(target - 1)
			p.mustFail(t, bulk.ErrExpired)
			q.mustWait(t)
			if n := b.Status().Totals.Shortened; n != 0 {
				t.Errorf("%d shortened", n)
			}
		}},
		{"FIFO is kept", "a shortened wait overtakes nobody", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(9), control)
			held := fill(t, b)
			p := park(t, b, 1)
			time.Sleep(interval)
			q := park(t, b, 1)
			held[0].Release()
			p.mustHold(t)
			q.mustWait(t)
			p.slot.Release()
			q.mustHold(t)
		}},
		{"live", "new limits hold for operations that arrive later", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(9), bulk.WaitLimit(time.Second))
			fill(t, b)
			p := park(t, b, 1)
			time.Sleep(interval)
			if err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
				c.DelayTarget, c.DelayInterval = target, interval
				return c
			}); err != nil {
				t.Fatal(err)
			}
			q := park(t, b, 1)
			time.Sleep(target)
			p.mustWait(t)
			q.mustFail(t, bulk.ErrExpired)
		}},
		{"half of it is an error", "neither number means anything alone", func(t *testing.T) {
			for _, opt := range []bulk.Option{bulk.ControlDelay(target, 0), bulk.ControlDelay(0, interval), bulk.ControlDelay(-1, interval), bulk.ControlDelay(target, -1)} {
				if _, err := bulk.New("test", 1, opt); !errors.Is(err, bulk.ErrConfig) {
					t.Error(err)
				}
			}
		}},
	})
}

// overload is a minute of load on a bulkhead that can serve 250 operations a second.
type overload struct {
	served      int
	median, p99 time.Duration
}

func simulateOverload(t *testing.T, load float64, random bool, opts ...bulk.Option) (o overload) {
	// A nanosecond more, so that no release falls on the instant of an arrival: either
	// could then come first.
	const hold, parallelism = 40*time.Millisecond + 1, 10
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, parallelism, append(opts, bulk.WaitingRoom(50), bulk.WaitLimit(250*time.Millisecond))...)
		r := rand.New(rand.NewPCG(1, 2))
		between := time.Duration(float64(hold) / parallelism / load)
		var mu sync.Mutex
		var waits []time.Duration
		var g sync.WaitGroup
		for start := time.Now(); time.Since(start) < time.Minute; {
			pause, work := between, hold
			if time.Since(start) < hold {
				pause = hold / parallelism // so that the slots are not released together
			}
			if random {
				pause, work = time.Duration(float64(between)*r.ExpFloat64()), time.Duration(float64(hold)*r.ExpFloat64())
			}
			arrived := time.Now()
			g.Go(func() {
				_ = bulk.Do(t.Context(), b, func(context.Context) error {
					mu.Lock()
					waits = append(waits, time.Since(arrived))
					mu.Unlock()
					time.Sleep(work)
					return nil
				})
			})
			time.Sleep(pause)
		}
		g.Wait()
		slices.Sort(waits)
		o = overload{len(waits), waits[len(waits)/2], waits[len(waits)*99/100]}
	})
	return o
}

// The figures of docs/capacity.md. Under lasting overload as many operations are
// served as without delay control, and they wait for a fraction of the time. Near the
// load that can be served it costs some of it.
func TestDelayControlServesAsManyAfterAFractionOfTheWait(t *testing.T) {
	settings := []struct {
		name string
		opts []bulk.Option
	}{
		{"none", nil},
		{"5 ms, 100 ms", []bulk.Option{bulk.ControlDelay(5*time.Millisecond, 100*time.Millisecond)}},
		{"20 ms, 100 ms", []bulk.Option{bulk.ControlDelay(20*time.Millisecond, 100*time.Millisecond)}},
	}
	var table strings.Builder
	results := map[string]overload{}
	for _, random := range []bool{false, true} {
		kind := map[bool]string{false: "even", true: "random"}[random]
		for _, load := range []float64{0.8, 1.1, 2} {
			for _, s := range settings {
				o := simulateOverload(t, load, random, s.opts...)
				results[fmt.Sprintf("%s %v %s", kind, load, s.name)] = o
				fmt.Fprintf(&table, "| %s | %.0f %% | %s | %d | %v | %v |\n", kind, load*100, s.name, o.served, round(o.median), round(o.p99))
			}
		}
	}
	for _, c := range []struct{ with, without string }{
		{"even 2 5 ms, 100 ms", "even 2 none"}, {"random 2 20 ms, 100 ms", "random 2 none"},
	} {
		with, without := results[c.with], results[c.without]
		if float64(with.served) < 0.98*float64(without.served) || with.median > without.median/10 {
			t.Errorf("%s: %+v; without: %+v", c.with, with, without)
		}
	}
	page, err := os.ReadFile("../docs/capacity.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), table.String()) {
		t.Errorf("docs/capacity.md does not have this table:\n%s", table.String())
	}
}

// round rounds to a tenth of a millisecond.
func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
