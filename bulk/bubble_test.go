package bulk_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// shared is what users have: a package-level bulkhead that their tests use in
// one bubble after another. Touching a channel or a timer of a bubble from
// outside ends the whole test binary, so these tests pass or take all others
// with them.
var shared = bulk.Must(bulk.New("shared", 1, bulk.WaitingRoom(100), bulk.WaitLimit(time.Hour)))

// useAll goes through everything that keeps a channel or a timer.
func useAll(t *testing.T, b *bulk.Bulkhead, inBubble bool) {
	t.Helper()
	for _, limit := range []deadline.Limit{{}, deadline.Within(time.Minute)} {
		held, ok := b.TryAcquire()
		if !ok {
			t.Fatal("no slot")
		}
		queued := make(chan struct{}, 20)
		remove := b.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventQueued {
				queued <- struct{}{}
			}
		})
		var g sync.WaitGroup
		for range 10 {
			g.Go(func() {
				if err := bulk.Do(t.Context(), b, func(context.Context) error { return nil }, limit); err != nil {
					t.Error(err)
				}
			})
			<-queued
		}
		held.Release()
		g.Wait()

		// Some leave by themselves.
		held, _ = b.TryAcquire()
		ctx, cancel := context.WithCancel(t.Context())
		g.Go(func() {
			if err := bulk.Do(ctx, b, nothing, limit); !errors.Is(err, bulk.ErrCanceled) {
				t.Error(err)
			}
		})
		<-queued
		cancel()
		g.Wait()
		if _, err := b.Acquire(t.Context(), deadline.Within(time.Millisecond)); !errors.Is(err, bulk.ErrExpired) {
			t.Error(err)
		}
		<-queued
		if inBubble {
			start := time.Now()
			if _, err := b.Acquire(t.Context()); !errors.Is(err, bulk.ErrExpired) {
				t.Error(err)
			}
			if d := time.Since(start); d != time.Hour {
				t.Errorf("expired after %v", d)
			}
			<-queued
		}
		remove()
		held.Release()

		// Waiting for the end, in vain.
		ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
		if err := b.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
		select {
		case <-b.Done():
			t.Error("done")
		default:
		}
	}
	checkStatus(t, b.Status())
}

func nothing(context.Context) error { return nil }

func TestOneBulkheadInManyBubblesAndOutside(t *testing.T) {
	for range 3 {
		useAll(t, shared, false)
		for range 2 {
			synctest.Test(t, func(t *testing.T) { useAll(t, shared, true) })
		}
	}
	synctest.Test(t, func(t *testing.T) { useAll(t, shared, true) })
	useAll(t, shared, false)
	mustBeIdle(t, shared)
}

// In a bubble, a wait for the end of a bulkhead made outside is durably blocked,
// so that time can go on and bring that end about.
func TestShutdownInABubbleOfABulkheadMadeOutside(t *testing.T) {
	b := mustNew(t, 1)
	done := b.Done()
	synctest.Test(t, func(t *testing.T) {
		s, _ := b.TryAcquire()
		go func() {
			time.Sleep(time.Hour)
			s.Release()
		}()
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		<-b.Done()
	})
	<-done
	if err := b.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// A bubble may end while its bulkhead has a bound to watch: nothing is left
// that could ring later.
func TestNoTimerOutlivesItsBubble(t *testing.T) {
	b := mustNew(t, 1, bulk.WaitingRoom(1))
	for range 3 {
		synctest.Test(t, func(t *testing.T) {
			held := fill(t, b)
			p := park(t, b, 1, deadline.Within(time.Hour))
			held[0].Release()
			p.mustHold(t)
			p.slot.Release()
		})
	}
	mustBeIdle(t, b)
}

// A wait without a bound sets no alarm, also where the clock shows years before
// the bulkhead was made: a bubble whose goroutines all wait for ever must be
// seen to be stuck, not be driven through the centuries by a timer. That ends
// the process, so it happens in one of its own.
func TestUnboundedWaitInABubbleSetsNoAlarm(t *testing.T) {
	const env = "BULKLINK_TEST_STUCK"
	if os.Getenv(env) != "" {
		b := mustNew(t, 1, bulk.WaitingRoom(1))
		synctest.Test(t, func(t *testing.T) {
			fill(t, b)
			_, _ = b.Acquire(context.Background())
		})
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stuck := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	stuck.Env = append(os.Environ(), env+"=1")
	out, err := stuck.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("all goroutines in bubble are blocked")) {
		t.Errorf("%v: %s", err, out)
	}
}
