package bulk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// shared is a package-level bulkhead, which users have in one bubble after another.
// The use of a channel or a timer of a bubble outside of it ends the process, so
// these tests pass or end all others with them.
var shared = bulk.Must(bulk.New("shared", 1, bulk.WaitingRoom(100), bulk.WaitLimit(time.Hour)))

// useAll does everything that keeps a channel or a timer.
func useAll(t *testing.T, b *bulk.Bulkhead, inBubble bool) {
	t.Helper()
	queued := make(chan struct{}, 20)
	remove := b.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventQueued {
			queued <- struct{}{}
		}
	})
	for _, limit := range []deadline.Limit{{}, deadline.Within(time.Minute)} {
		useGrants(t, b, queued, limit)
		useCancellationAndExpiry(t, b, queued, limit)
		if inBubble {
			useWaitLimit(t, b, queued)
		}
		useDone(t, b)
	}
	remove()
	checkStatus(t, b.Status())
	mustBeSound(t, b)
}

func useGrants(t *testing.T, b *bulk.Bulkhead, queued chan struct{}, limit deadline.Limit) {
	t.Helper()
	held := fill(t, b)[0]
	var g sync.WaitGroup
	for range 10 {
		g.Go(func() {
			if err := bulk.Do(t.Context(), b, nothing, limit); err != nil {
				t.Error(err)
			}
		})
		<-queued
	}
	held.Release()
	g.Wait()
}

func useCancellationAndExpiry(t *testing.T, b *bulk.Bulkhead, queued chan struct{}, limit deadline.Limit) {
	t.Helper()
	held := fill(t, b)[0]
	defer held.Release()
	ctx, cancel := context.WithCancel(t.Context())
	var g sync.WaitGroup
	g.Go(func() { mustMatch(t, bulk.Do(ctx, b, nothing, limit), bulk.ErrCanceled) })
	<-queued
	cancel()
	g.Wait()
	mustMatch(t, bulk.Do(t.Context(), b, nothing, deadline.Within(time.Millisecond)), bulk.ErrExpired)
	<-queued
}

func useWaitLimit(t *testing.T, b *bulk.Bulkhead, queued chan struct{}) {
	t.Helper()
	held := fill(t, b)[0]
	defer held.Release()
	start := time.Now()
	mustMatch(t, bulk.Do(t.Context(), b, nothing), bulk.ErrExpired)
	if d := time.Since(start); d != time.Hour {
		t.Errorf("expired after %v", d)
	}
	<-queued
}

func useDone(t *testing.T, b *bulk.Bulkhead) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := b.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if isDone(b) {
		t.Error("done, but not closed")
	}
}

func nothing(context.Context) error { return nil }

func TestBulkheadCanBeUsedInManyBubblesAndOutside(t *testing.T) {
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

// In a bubble, Shutdown of a bulkhead made outside is durably blocked, so that time
// can advance to the release that ends it.
func TestShutdownInABubbleOfABulkheadMadeOutsideIsDurablyBlocked(t *testing.T) {
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

// A bubble may end before the wait bound of an operation in it: no timer is left that
// fires later.
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

// A wait without a bound sets no timer, not even in a bubble, whose clock begins years
// before the bulkhead was made. Otherwise time would advance to that timer in
// a bubble whose goroutines all wait forever, and the deadlock would not be reported.
//
// The report ends the process, so it happens in a process of its own. Its wording
// belongs to the runtime and is not checked: the process must end soon, and not pass.
func TestUnboundedWaitInABubbleIsReportedAsADeadlock(t *testing.T) {
	const env = "BULKLINK_TEST_DEADLOCK"
	if os.Getenv(env) != "" {
		b := mustNew(t, 1, bulk.WaitingRoom(1))
		synctest.Test(t, func(t *testing.T) {
			fill(t, b)
			fmt.Println("begins to wait")
			_, err := b.Acquire(context.Background())
			fmt.Println("ended with", err)
		})
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	process := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	process.Env = append(os.Environ(), env+"=1")
	out, err := process.CombinedOutput()
	var exit *exec.ExitError
	began, ended := bytes.Contains(out, []byte("begins to wait")), bytes.Contains(out, []byte("ended with"))
	if !errors.As(err, &exit) || ctx.Err() != nil || !began || ended {
		t.Errorf("the process ended with %v: %s", err, out)
	}
}
