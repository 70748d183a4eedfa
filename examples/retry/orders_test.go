package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// TestTwoOrders compares a retry around a bulkhead with a bulkhead around a retry, under
// the same load, in virtual time.
//
//	go test -run TestTwoOrders -v .
//
// prints the table of docs/retries.md, and fails if the page has a different one. It is
// a test because virtual time exists only in tests.
//
// A payment service has one bulkhead for its gateway, with 10 slots, a waiting room of
// 20 and a wait limit of 250 ms. 100 calls per second arrive for 20 seconds. Each takes
// about 20 ms, so on average two of the ten slots are needed. One call in five is for
// a bank that is down for maintenance. Such a call fails as temporary after the same
// 20 ms, and is attempted up to four times, with pauses of about 100, 200 and 400 ms.
const (
	slots, room, waitLimit = 10, 20, 250 * time.Millisecond

	load     = 20 * time.Second
	interval = 10 * time.Millisecond
	callTime = 20 * time.Millisecond
	pause    = 100 * time.Millisecond
	oneIn    = 5 // one call in five is for the bank that is down
)

// outcome holds the results of one order.
type outcome struct {
	healthy, healthyAnswered int
	down, attempts           int           // calls for the bank that is down, and attempts that reached it
	slowest                  time.Duration // slowest answer of a healthy bank
	held, worked             time.Duration // time that slots were held, and time of work in them
	took                     time.Duration // until the last caller returned
	mostInPause              int
	totals                   bulk.Totals
}

func simulate(inside bool) outcome {
	var mu sync.Mutex
	var o outcome
	inPause := 0
	add := func(f func()) { mu.Lock(); defer mu.Unlock(); f() }

	gateway := bulk.Must(bulk.New("gateway", slots, bulk.WaitingRoom(room), bulk.WaitLimit(waitLimit)))
	// about returns d ± 50 %. Each caller has its own generator, so that every run is
	// the same. No two events happen at the same instant.
	about := func(rng *rand.Rand, d time.Duration) time.Duration {
		return d/2 + time.Duration(rng.Int64N(int64(d)))
	}
	// guard adds up how long slots are held.
	guard := func(fn func(context.Context) (string, error)) func(context.Context) (string, error) {
		return bulk.Guard(gateway, func(ctx context.Context) (string, error) {
			start := time.Now()
			defer func() { add(func() { o.held += time.Since(start) }) }()
			return fn(ctx)
		})
	}
	caller := func(n int) {
		rng := rand.New(rand.NewPCG(uint64(n), 1))
		down := n%oneIn == 0
		call := func(context.Context) (string, error) {
			d := about(rng, callTime)
			time.Sleep(d)
			add(func() { o.worked += d })
			if down {
				add(func() { o.attempts++ })
				return "", errTemporary
			}
			return "receipt", nil
		}
		retried := func(fn func(context.Context) (string, error)) func(context.Context) (string, error) {
			return func(ctx context.Context) (v string, err error) {
				for n := range attempts {
					if v, err = fn(ctx); err == nil || !worthRetrying(err, gateway) || n == attempts-1 {
						break
					}
					add(func() { inPause++; o.mostInPause = max(o.mostInPause, inPause) })
					time.Sleep(about(rng, pause<<n))
					add(func() { inPause-- })
				}
				return v, err
			}
		}
		fn := retried(guard(call))
		if inside {
			fn = guard(retried(call))
		}
		start := time.Now()
		_, err := fn(context.Background())
		add(func() {
			switch {
			case down:
				o.down++
				if err == nil {
					panic("the bank that is down answered")
				}
			default:
				o.healthy++
				if err == nil {
					o.healthyAnswered++
					o.slowest = max(o.slowest, time.Since(start))
				} else if !errors.Is(err, bulk.ErrOverload) {
					panic(err)
				}
			}
		})
	}
	began := time.Now()
	arrivals := rand.New(rand.NewPCG(0, 2))
	var callers sync.WaitGroup
	for n := range int(load / interval) {
		callers.Go(func() { caller(n) })
		time.Sleep(about(arrivals, interval))
	}
	callers.Wait()
	o.took = time.Since(began)
	o.totals = gateway.Status().Totals
	return o
}

func TestTwoOrders(t *testing.T) {
	var outside, inside outcome
	synctest.Test(t, func(*testing.T) { outside = simulate(false) })
	synctest.Test(t, func(*testing.T) { inside = simulate(true) })

	var table strings.Builder
	row := func(what string, show func(outcome) string) {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", what, show(outside), show(inside))
	}
	table.WriteString("| | retry( bulkhead( call )) | bulkhead( retry( call )) |\n|---|---|---|\n")
	row("calls for a healthy bank", func(o outcome) string { return fmt.Sprint(o.healthy) })
	row("… answered", func(o outcome) string { return fmt.Sprint(o.healthyAnswered) })
	row("… given up because of rejections", func(o outcome) string { return fmt.Sprint(o.healthy - o.healthyAnswered) })
	row("… slowest answer", func(o outcome) string { return fmt.Sprint(o.slowest.Round(time.Millisecond)) })
	row("calls for the bank that is down", func(o outcome) string { return fmt.Sprint(o.down) })
	row("… attempts made", func(o outcome) string { return fmt.Sprint(o.attempts) })
	row("admitted", func(o outcome) string { return fmt.Sprint(o.totals.Admitted) })
	row("rejected (saturated, expired)", func(o outcome) string {
		return fmt.Sprintf("%d (%d, %d)", o.totals.Rejected(), o.totals.Saturated, o.totals.Expired)
	})
	row("slots in use, on average", func(o outcome) string { return fmt.Sprintf("%.1f of %d", average(o, o.held), slots) })
	row("… used for work", func(o outcome) string { return fmt.Sprintf("%.1f", average(o, o.worked)) })
	row("callers in a pause, at most", func(o outcome) string { return fmt.Sprint(o.mostInPause) })
	t.Logf("\n%s", &table)

	page, err := os.ReadFile("../../docs/retries.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), table.String()) {
		t.Error("docs/retries.md has a different table")
	}
	// The page describes these results.
	if outside.healthyAnswered != outside.healthy || outside.totals.Rejected() != 0 {
		t.Errorf("retry outside: %d of %d healthy calls answered, %d rejected", outside.healthyAnswered, outside.healthy, outside.totals.Rejected())
	}
	if outside.held != outside.worked {
		t.Errorf("retry outside: slots held for %v, used for work for %v", outside.held, outside.worked)
	}
	if inside.healthyAnswered == inside.healthy || inside.held < 3*inside.worked {
		t.Errorf("retry inside: %d of %d healthy calls answered, slots held for %v, used for work for %v",
			inside.healthyAnswered, inside.healthy, inside.held, inside.worked)
	}
}

func average(o outcome, d time.Duration) float64 { return d.Seconds() / o.took.Seconds() }
