package fleet

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// bubble runs the test with a fleet of members p0, p1, …, each with an endless load of
// operations that take 100 ms, on a store without faults.
func bubble(t *testing.T, total, members int, test func(t *testing.T, w *world), opts ...Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(total, 1)
		w.settings = opts
		defer w.end()
		if err := Create(t.Context(), engineOf(w), "budget"); err != nil {
			t.Fatal(err)
		}
		for i := range members {
			w.start(t.Context(), "p"+string(rune('0'+i)), 20, 100*time.Millisecond, 1).load(20)
		}
		time.Sleep(3 * w.refresh)
		test(t, w)
		synctest.Wait()
		if text := w.result(); text != "" {
			t.Error(text)
		}
	})
}

// shares returns the parallelism of each process.
func (w *world) shares() (shares []int) {
	synctest.Wait()
	for _, p := range w.all {
		shares = append(shares, p.bulkhead.Capacity().Parallelism)
	}
	return shares
}

func (w *world) mustHave(t *testing.T, when string, want ...int) {
	t.Helper()
	got := w.shares()
	for i := range want {
		if want[i] >= 0 && got[i] != want[i] {
			t.Errorf("%s: %v, want %v", when, got, want)
			return
		}
	}
}

func TestShareOfAKilledMemberIsGivenAwayAfterTTLAndGrace(t *testing.T) {
	bubble(t, 12, 3, func(t *testing.T, w *world) {
		w.mustHave(t, "at first", 4, 4, 4)
		w.all[0].crash()
		time.Sleep(w.ttl + w.grace - w.refresh)
		w.mustHave(t, "before the end of lease and grace", -1, 4, 4)
		time.Sleep(2 * w.refresh)
		w.mustHave(t, "after it", -1, 6, 6)
	})
}

func TestRestartedMemberIsAnotherOne(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		w.all[0].crash()
		w.start(t.Context(), "p0", 20, 100*time.Millisecond, 1).load(20)
		time.Sleep(4 * w.refresh)
		w.mustHave(t, "while the old lease lasts", -1, 3, 3)
		time.Sleep(w.ttl + w.grace)
		w.mustHave(t, "after it", -1, 6, 6)
	})
}

func TestMemberThatCannotReachTheStore(t *testing.T) {
	for _, c := range []struct {
		policy Policy
		want   int
	}{{Stop(), 0}, {Safe(2), 2}, {Keep(), 6}} {
		t.Run(c.policy.String(), func(t *testing.T) {
			bubble(t, 12, 2, func(t *testing.T, w *world) {
				w.mu.Lock()
				w.lax = c.policy != Stop()
				w.excused = func() bool { return w.lax }
				w.mu.Unlock()
				p := w.all[0]
				p.cutOff(true)
				time.Sleep(w.ttl - w.refresh - time.Second)
				w.mustHave(t, "while the lease lasts", 6, 6)
				time.Sleep(w.refresh + 2*time.Second)
				w.mustHave(t, "when it has ended", c.want, 6)
				if s := p.member.Status(); s.State != Lost || s.Losses != 1 || s.Lease != 0 || s.LastError == "" || s.Failures == 0 || c.policy == Stop() && s.Last.Reason != LeaseLost {
					t.Errorf("status %+v", s)
				}
				time.Sleep(w.grace + w.refresh)
				w.mustHave(t, "when the others have the share", c.want, 12)
				p.cutOff(false)
				time.Sleep(3 * w.refresh)
				w.mustHave(t, "when the store is reached again", 6, 6)
			}, OnLost(c.policy))
		})
	}
}

func TestMemberThatNeverReachedTheStore(t *testing.T) {
	for _, c := range []struct {
		policy Policy
		want   int
	}{{Stop(), 0}, {Safe(2), 2}, {Keep(), 0}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(10, 1)
			defer w.end()
			w.network.loseAsk = 1
			p := w.start(t.Context(), "p0", 1, time.Second, 1, OnLost(c.policy))
			time.Sleep(3 * w.refresh)
			w.mustHave(t, c.policy.String(), c.want)
			if s := p.member.Status(); s.State != Joining || s.Failures == 0 {
				t.Errorf("%v: state %v", c.policy, s.State)
			}
		})
	}
}

func TestLeaseEndsWhileARequestHangs(t *testing.T) {
	bubble(t, 10, 1, func(t *testing.T, w *world) {
		w.mustHave(t, "at first", 10)
		p := w.all[0]
		p.codeRun.set(true) // no answer arrives, whatever the ctx of the request
		time.Sleep(w.ttl + time.Millisecond)
		w.mustHave(t, "after the lease", 0)
		p.codeRun.set(false)
	})
}

func TestLeaveGivesTheShareBackWhenItIsDrained(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		p := w.all[0]
		began := time.Now()
		if err := p.member.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d > 150*time.Millisecond {
			t.Errorf("it took %v, want the time of an operation", d)
		}
		w.mustHave(t, "after Leave", 0, 12)
		if s := p.member.Status(); s.State != Gone || s.Share != 0 || s.Last.Reason != Left {
			t.Errorf("status %+v", s)
		}
		select {
		case <-p.member.done:
		default:
			t.Error("its goroutines have not ended")
		}
		if err := p.member.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestLeaveKeepsTheLeaseWhileItDrains(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		p := w.all[0]
		p.load(0)
		time.Sleep(time.Second)
		slot, err := p.bulkhead.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		left := make(chan error)
		go func() { left <- p.member.Leave(t.Context()) }()
		time.Sleep(2 * (w.ttl + w.grace))
		w.mustHave(t, "while it drains", 0, 11)
		if s := p.member.Status(); s.State != Leaving || s.Drain != 1 || s.Lease == 0 {
			t.Errorf("status %+v", s)
		}
		slot.Release()
		if err := <-left; err != nil {
			t.Error(err)
		}
		w.mustHave(t, "when it has drained", 0, 12)
	})
}

func TestLeaveThatIsCutShortIsACrash(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		p := w.all[0]
		slot, err := p.bulkhead.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		gone := errors.New("the pod is killed soon")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, gone)
		defer cancel()
		err = p.member.Leave(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, gone) || !strings.Contains(err.Error(), "1 slots in use") {
			t.Errorf("error %v", err)
		}
		w.mustHave(t, "after it", 0)
		if err := p.member.Leave(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with an ended ctx: %v", err)
		}
		slot.Release()
		time.Sleep(w.ttl + w.grace + w.refresh)
		w.mustHave(t, "after lease and grace", 0, 12)
		if err := p.member.Leave(t.Context()); err != nil {
			t.Errorf("again: %v", err)
		}
	})
}

func TestLeaveTriesUntilTheStoreIsReached(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		p := w.all[0]
		p.cutOff(true)
		time.AfterFunc(12*time.Second, func() { p.cutOff(false) })
		if err := p.member.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(w.refresh) // the member has not heard of the other one, and left the rest to it
		w.mustHave(t, "after it", 0, 12)
	})
}

func TestEndOfTheContextIsACrashThatLeaveCanHeal(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		b := bulk.Must(bulk.New("third", 1))
		ctx, cancel := context.WithCancel(t.Context())
		m, err := Join(ctx, engineOf(w), "budget", 12, b, Name("third"), MinShare(2))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * w.refresh)
		share := b.Capacity().Parallelism
		if share < 2 {
			t.Fatalf("the third member has %d slots", share)
		}
		cancel()
		<-m.done
		time.Sleep(DefaultTTL - DefaultRefresh - time.Second)
		if n := b.Capacity().Parallelism; n != share {
			t.Errorf("it has %d slots, want %d while its lease lasts", n, share)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(w.refresh)
		w.mustHave(t, "after it", 6, 6)
	})
}

func TestMemberOfAClosedBulkheadLeaves(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		p := w.all[0]
		if err := p.bulkhead.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(w.refresh)
		w.mustHave(t, "after it", -1, 12)
		<-p.member.done
		if s := p.member.Status(); s.State != Gone {
			t.Errorf("state %v", s.State)
		}
	})
}

func TestNewBudgetIsLearnedUnlessCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(12, 1)
		defer w.end()
		p := w.start(t.Context(), "p0", 1, time.Second, 1)
		time.Sleep(w.ttl + w.grace - time.Second)
		w.mustHave(t, "while it learns", 0)
		if s := p.member.Status(); s.State != Learning {
			t.Errorf("state %v", s.State)
		}
		time.Sleep(w.refresh + 2*time.Second)
		w.mustHave(t, "after it", 12)
		if err := Create(t.Context(), engineOf(w), "budget"); !errors.Is(err, ErrConflict) {
			t.Errorf("Create: %v", err)
		}
	})
}

func TestForgottenRecordIsLearnedAgain(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		w.all[0].load(2)
		time.Sleep(2 * w.refresh)
		w.mustHave(t, "at first", 3, 9)
		w.engine.forget()
		w.all[0].load(20)
		w.all[1].load(0)
		time.Sleep(w.ttl)
		w.mustHave(t, "while they learn", 3, 9)
		for _, p := range w.all {
			if s := p.member.Status(); s.State != Learning || s.Losses != 0 {
				t.Errorf("%s: %+v", p.name, s)
			}
		}
		time.Sleep(w.grace + 2*w.refresh)
		w.mustHave(t, "after it", 11, 1)
	})
}

func TestUnusableRecordIsLeftAsItIs(t *testing.T) {
	bubble(t, 12, 1, func(t *testing.T, w *world) {
		text := []byte(`{"v":2}`)
		w.engine.restore(text)
		time.Sleep(w.ttl + w.refresh)
		w.mustHave(t, "after a lease", 0)
		if s := w.all[0].member.Status(); !strings.Contains(s.LastError, "version 2") {
			t.Errorf("error %q", s.LastError)
		}
		if got, _ := w.engine.load(); string(got) != string(text) {
			t.Errorf("it became %s", got)
		}
	})
}

func TestLowerTotalCountsFirstAndAHigherOneWhenAllHaveIt(t *testing.T) {
	bubble(t, 12, 3, func(t *testing.T, w *world) {
		w.mustHave(t, "at first", 4, 4, 4)
		for i, want := range []int{2, 2, 2} {
			if err := w.all[i].member.SetTotal(6); err != nil {
				t.Fatal(err)
			}
			time.Sleep(w.refresh + time.Second)
			w.mustHave(t, "lowered", want, want, want)
		}
		for i, want := range []int{2, 2, 8} {
			if err := w.all[i].member.SetTotal(24); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * w.refresh)
			w.mustHave(t, "raised", want, want, want)
		}
		if s := w.all[0].member.Status(); s.Total != 24 || s.OwnTotal != 24 || s.Free != 0 {
			t.Errorf("status %+v", s)
		}
		for _, total := range []int{0, -1, maxTotal + 1} {
			if err := w.all[0].member.SetTotal(total); !errors.Is(err, bulk.ErrConfig) {
				t.Errorf("total %d: %v", total, err)
			}
		}
	})
}

func TestLimitBoundsTheParallelismAndTheDemand(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		m := w.all[0].member
		if err := m.SetLimit(2); err != nil {
			t.Fatal(err)
		}
		w.mustHave(t, "with a limit", 2, 6)
		if s := m.Status(); s.Last.Reason != Limited || s.Limit != 2 || s.Share != 6 {
			t.Errorf("status %+v", s)
		}
		time.Sleep(2 * w.refresh)
		w.mustHave(t, "after two refreshes", 2, 10)
		if err := m.SetLimit(bulk.Unlimited); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * w.refresh)
		w.mustHave(t, "without", 6, 6)
		if err := m.SetLimit(-1); !errors.Is(err, bulk.ErrConfig) {
			t.Errorf("limit -1: %v", err)
		}
	})
}

func TestResizeByHandLastsUntilTheNextReading(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		w.mu.Lock()
		w.excused = func() bool { return true }
		w.mu.Unlock()
		if err := w.all[0].bulkhead.Resize(20); err != nil {
			t.Fatal(err)
		}
		time.Sleep(w.refresh / ticks)
		w.mustHave(t, "an eighth of a refresh later", 6, 6)
		if last := w.all[0].member.Status().Last; last.Reason != Restored || last.From != 20 || last.To != 6 {
			t.Errorf("%v, want from 20 to 6, restored", last)
		}
	})
}

func TestPauseByOtherCodeStaysUntilOtherCodeEndsIt(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		b := w.all[0].bulkhead
		if err := b.Resize(0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * w.refresh)
		w.mustHave(t, "while one is paused", 0, 11) // operations that wait there are no demand; MinShare is 1
		if err := b.Resize(1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * w.refresh)
		w.mustHave(t, "after the pause", 6, 6)
	})
}

func TestBulkheadHasOneMember(t *testing.T) {
	bubble(t, 12, 1, func(t *testing.T, w *world) {
		p := w.all[0]
		_, err := Join(t.Context(), engineOf(w), "another budget", 12, p.bulkhead)
		if !errors.Is(err, ErrJoined) || !strings.Contains(err.Error(), strconv.Quote(p.bulkhead.Label())) {
			t.Errorf("a second member: %v, want ErrJoined with the label", err)
		}
		w.mustHave(t, "after that", 12)
		p.load(0)
		if err := p.member.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		m, err := Join(t.Context(), engineOf(w), "budget", 12, p.bulkhead)
		if err != nil {
			t.Fatalf("after Leave: %v", err)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestRejectedOperationsAreADemand(t *testing.T) {
	bubble(t, 12, 1, func(t *testing.T, w *world) {
		b := bulk.Must(bulk.New("no waiting room", 1))
		m, err := Join(t.Context(), engineOf(w), "budget", 12, b)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 20 {
			go func() {
				for ctx.Err() == nil {
					_ = bulk.Do(ctx, b, func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil })
					time.Sleep(50 * time.Millisecond)
				}
			}()
		}
		time.Sleep(4 * w.refresh)
		w.mustHave(t, "beside one with rejections", 6)
		cancel()
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestClosedBulkheadCannotJoin(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 1))
	b.Close()
	m, err := Join(t.Context(), new(Memory), "budget", 10, b)
	if m != nil || !errors.Is(err, bulk.ErrClosed) || err.Error() != `fleet: bulkhead "payments": `+bulk.ErrClosed.Error() {
		t.Errorf("%v, %v", m, err)
	}
}
