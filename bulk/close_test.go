package bulk_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func isDone(b *bulk.Bulkhead) bool {
	select {
	case <-b.Done():
		return true
	default:
		return false
	}
}

func TestClose(t *testing.T) {
	runScenarios(t, []scenario{
		{"waiting operations and later arrivals are rejected", "operations in flight are not interrupted", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 1, bulk.WaitingRoom(2))
			held := fill(t, b)
			p, q := park(t, b, 1), park(t, b, 1)
			b.OnEvent(r.handle)
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			r.mustBe(t, bulk.EventClosed, bulk.EventRejectedClosed, bulk.EventRejectedClosed)
			p.mustFail(t, bulk.ErrClosed)
			q.mustFail(t, bulk.ErrClosed)
			park(t, b, 1).mustFail(t, bulk.ErrClosed)
			if isDone(b) || b.Status().Drained() {
				t.Error("drained with a slot in flight")
			}
			r.take()
			held[0].Release()
			r.mustBe(t, bulk.EventReleased, bulk.EventDrained)
			if !isDone(b) || !b.Status().Drained() {
				t.Error("not drained")
			}
			if n := b.Status().Totals; n.Closed != 2 || n.ClosedAtArrival != 1 {
				t.Errorf("%+v", n)
			}
		}},
		{"an idle bulkhead", "it is closed and drained immediately", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 1, bulk.OnEvent(r.handle))
			b.OnEvent(func(e bulk.Event) {
				if e.Kind == bulk.EventDrained && !isDone(b) {
					t.Error("EventDrained was delivered before Done was closed")
				}
			})
			for range 3 {
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
			}
			r.mustBe(t, bulk.EventClosed, bulk.EventDrained)
		}},
		{"the numbers in the errors decrease", "each error has the numbers of its moment, without its own operation", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(3))
			fill(t, b)
			line := []*parked{park(t, b, 1), park(t, b, 1), park(t, b, 1)}
			b.Close()
			for i, p := range line {
				p.mustFail(t, bulk.ErrClosed)
				var e *bulk.AdmissionError
				if errors.As(p.err, &e); e.Waiting != 2-i || e.InFlight != 1 {
					t.Errorf("%d: %+v", i, e)
				}
			}
		}},
	})
}

func TestWaitAndShutdown(t *testing.T) {
	runScenarios(t, []scenario{
		{"wait begins before close", "Wait returns when the bulkhead is drained", func(t *testing.T) {
			b := mustNew(t, 1)
			held := fill(t, b)
			drained := make(chan error, 2)
			go func() { drained <- b.Wait(t.Context()) }()
			go func() { drained <- b.Wait(context.Background()) }()
			synctest.Wait()
			b.Close()
			synctest.Wait()
			if len(drained) > 0 {
				t.Fatal("drained with a slot in flight")
			}
			held[0].Release()
			for range 2 {
				if err := <-drained; err != nil {
					t.Error(err)
				}
			}
		}},
		{"drained, and ctx done", "there is nothing to wait for", func(t *testing.T) {
			b := mustNew(t, 1)
			b.Close()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := errors.Join(b.Wait(ctx), b.Shutdown(ctx)); err != nil {
				t.Error(err)
			}
		}},
		{"ctx ends first", "the error has the operations in flight and the cause, and other calls of Wait go on", func(t *testing.T) {
			b := mustNew(t, 3)
			held := fill(t, b)
			other := make(chan error, 1)
			go func() { other <- b.Wait(t.Context()) }()
			why := errors.New("deploy")
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
			defer cancel()
			start := time.Now()
			err := b.Shutdown(ctx)
			var e *bulk.DrainError
			if !errors.As(err, &e) || e.Label != "test" || e.InFlight != 3 {
				t.Fatalf("%v", err)
			}
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, why) || errors.Is(err, bulk.ErrNotStarted) {
				t.Errorf("%v", err)
			}
			if want := `bulkhead "test": not drained, 3 in flight: deploy`; err.Error() != want {
				t.Errorf("%q, want %q", err, want)
			}
			if time.Since(start) != time.Second {
				t.Errorf("returned after %v", time.Since(start))
			}
			for _, s := range held {
				s.Release()
			}
			if err := <-other; err != nil {
				t.Error(err)
			}
			if err := b.Wait(ctx); err != nil {
				t.Error(err)
			}
		}},
		{"a ctx that is done, and not drained", "Shutdown returns immediately and has closed the bulkhead", func(t *testing.T) {
			b := mustNew(t, 1)
			fill(t, b)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := b.Shutdown(ctx); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if !b.Status().Closed {
				t.Error("not closed")
			}
		}},
		{"a foreign ctx that is done and has no error", "Wait returns nevertheless", func(t *testing.T) {
			b := mustNew(t, 1)
			fill(t, b)
			done := make(chan struct{})
			close(done)
			if err := b.Wait(foreignCtx{context.Background(), done, nil}); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}},
		{"drained at the instant at which ctx ends", "the result is decided under the lock", func(t *testing.T) {
			for range 200 {
				b := mustNew(t, 1)
				held := fill(t, b)
				b.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				go func() { time.Sleep(time.Second); held[0].Release() }()
				err := b.Wait(ctx)
				if e := (*bulk.DrainError)(nil); err != nil && (!errors.As(err, &e) || e.InFlight != 1) {
					t.Errorf("%v", err)
				}
				cancel()
				synctest.Wait()
				if err := b.Wait(ctx); err != nil {
					t.Error(err)
				}
			}
		}},
	})
}
