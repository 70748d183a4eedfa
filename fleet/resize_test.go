package fleet

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// joinAlone returns the only member of a budget of 10 when it has its share.
func joinAlone(t *testing.T, opts ...Option) (*bulk.Bulkhead, *Member) {
	t.Helper()
	store := new(Memory)
	if err := Create(t.Context(), store, "budget"); err != nil {
		t.Fatal(err)
	}
	b := bulk.Must(bulk.New("payments", 1))
	m, err := Join(t.Context(), store, "budget", 10, b, opts...)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	return b, m
}

func TestEventHandlerMaySetTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := joinAlone(t)
		b.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventResized && e.Capacity.Parallelism == 5 {
				if err := m.SetLimit(4); err != nil {
					t.Error(err)
				}
			}
		})
		if err := m.SetLimit(5); err != nil {
			t.Error(err)
		}
		if n := b.Capacity().Parallelism; n != 4 {
			t.Errorf("parallelism %d, want 4", n)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Such a handler leaves no member behind that no caller can end.
func TestHandlerThatEndsTheGoroutineInJoinLeavesTheBulkheadFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 3))
		remove := b.OnEvent(func(bulk.Event) { runtime.Goexit() })
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = Join(t.Context(), new(Memory), "budget", 10, b)
		}()
		<-ended
		remove()
		m, err := Join(t.Context(), new(Memory), "budget", 10, b)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// The member paused the bulkhead itself. It must not take that for a pause by other code.
func TestMemberGoesOnAfterAnEventHandlerHasEndedTheGoroutineThatPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := joinAlone(t)
		remove := b.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventResized && e.Capacity.Parallelism == 0 {
				runtime.Goexit()
			}
		})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = m.SetLimit(0)
		}()
		<-ended
		remove()
		if s := m.Status(); b.Capacity().Parallelism != 0 || s.Parallelism != 0 || s.Last.To != 0 || s.Last.From != 10 {
			t.Errorf("%v, last change %v, want from 10 to 0", b, s.Last)
		}
		if err := m.SetLimit(bulk.Unlimited); err != nil {
			t.Error(err)
		}
		if n := b.Capacity().Parallelism; n != 10 {
			t.Errorf("parallelism %d, want 10", n)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestMemberGoesOnAfterOnChangeHasPanickedOrEndedItsGoroutine(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		synctest.Test(t, func(t *testing.T) {
			told := 0
			b, m := joinAlone(t, OnChange(func(c Change) {
				told++
				if c.Reason == Limited && c.To == 3 {
					end()
				}
			}))
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = m.SetLimit(3)
			}()
			<-done
			before := told
			if err := m.SetLimit(2); err != nil {
				t.Error(err)
			}
			if n := b.Capacity().Parallelism; n != 2 || told != before+1 {
				t.Errorf("%s: parallelism %d, want 2; %d changes told, want 1", name, n, told-before)
			}
			if err := m.Leave(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A handler must not keep a lease in use that has ended.
func TestSlowEventHandlerDelaysNoOtherResize(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		p := w.all[0]
		slow := true
		defer p.bulkhead.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventResized && slow {
				slow = false
				time.Sleep(3 * w.ttl)
			}
		})()
		go func() { _ = p.member.SetLimit(5) }() // on whose goroutine the handler sleeps
		synctest.Wait()
		w.mustHave(t, "while the handler runs", 5, 6)
		p.cutOff(true)
		time.Sleep(w.ttl + time.Second)
		w.mustHave(t, "after the lease", 0, 6)
		p.cutOff(false)
		time.Sleep(3 * w.ttl)
	})
}

// The caller of Join does not have the member before Join has returned.
func TestChangesAreNotToldInsideJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		joined := make(chan struct{})
		var calls atomic.Int64
		m, err := Join(t.Context(), new(Memory), "budget", 10, bulk.Must(bulk.New("payments", 3)), OnChange(func(Change) {
			<-joined // inside Join it would wait forever
			calls.Add(1)
		}))
		if err != nil {
			t.Fatal(err)
		}
		close(joined)
		synctest.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("%d changes told, want the pause", n)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestDecisionOfALimiterThatIsNotBelowTheShareIsNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := joinAlone(t)
		for _, c := range []struct{ decided, limit, parallelism int }{
			{12, bulk.Unlimited, 10}, {7, 7, 7}, {9, 9, 9}, {10, 10, 10}, {12, 12, 10}, {12, 12, 10}, // the share could follow
			{12, bulk.Unlimited, 10}, {0, 0, 0}, // it did not
		} {
			if c.limit == bulk.Unlimited {
				time.Sleep(3 * DefaultRefresh)
			}
			if err := m.Follow(c.decided); err != nil {
				t.Fatal(err)
			}
			if n := b.Capacity().Parallelism; n != c.parallelism || m.Status().Followed != c.limit {
				t.Errorf("decided %d: parallelism %d, limit %d, want %d and %d", c.decided, n, m.Status().Followed, c.parallelism, c.limit)
			}
		}
		if err := errors.Join(m.Follow(8), m.SetLimit(3), m.Follow(12)); err != nil {
			t.Fatal(err)
		}
		if n := b.Capacity().Parallelism; n != 3 {
			t.Errorf("parallelism %d, want the limit of SetLimit", n)
		}
		if err := m.Follow(-1); !errors.Is(err, bulk.ErrConfig) {
			t.Errorf("-1: %v", err)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
