package registry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// machineOp is an operation on its way, beside what the model says of it.
type machineOp struct {
	model    *modelOp
	deadline time.Time // zero: its wait has no bound
	cancel   context.CancelCauseFunc
	end      chan struct{}
	started  chan struct{}
	over     chan struct{}
	err      error
}

// keyedMachine does the same things to a Keyed and to the model.
type keyedMachine struct {
	t     *rapid.T
	k     *registry.Keyed[int]
	model keyedModel
	ops   []*machineOp // in flight or waiting
}

func (m *keyedMachine) must(ok bool, format string, args ...any) {
	m.t.Helper()
	if !ok {
		m.t.Fatalf(format, args...)
	}
}

var sentinels = map[outcome]error{saturated: bulk.ErrSaturated, expired: bulk.ErrExpired, cancelled: bulk.ErrCancelled, closed: bulk.ErrClosed, tooMany: registry.ErrTooManyKeys}

// settle compares what became of all operations, and forgets those that are over.
func (m *keyedMachine) settle() {
	synctest.Wait()
	var left []*machineOp
	for _, op := range m.ops {
		got := waits
		select {
		case <-op.over:
			got = "finished"
			if op.err != nil {
				got = outcome(op.err.Error())
				if errors.Is(op.err, sentinels[op.model.outcome]) {
					got = op.model.outcome
				}
			}
		default:
			select {
			case <-op.started:
				got = admitted
			default:
			}
			left = append(left, op)
		}
		m.must(got == op.model.outcome, "key's operation is %q, want %q", got, op.model.outcome)
	}
	m.ops = left
}

// start begins an operation, in one of the ways there are.
func (m *keyedMachine) start(lost outcome, limits ...deadline.Limit) {
	key := rapid.IntRange(0, 5).Draw(m.t, "key")
	ctx, cancel := context.WithCancelCause(context.Background())
	op := &machineOp{cancel: cancel, end: make(chan struct{}), started: make(chan struct{}), over: make(chan struct{})}
	mayWait := true
	for _, l := range limits {
		if d, ok := l.Within(); ok {
			mayWait = d > 0
			op.deadline = time.Now().Add(d)
		}
	}
	if lost == cancelled {
		cancel(errWhy)
	}
	op.model = m.model.arrive(key, lost, mayWait, time.Now())
	hold := func(context.Context) (int, error) {
		close(op.started)
		<-op.end
		return 0, nil
	}
	acquire := rapid.Bool().Draw(m.t, "acquire")
	go func() {
		defer close(op.over)
		if !acquire {
			_, op.err = registry.RunKey(ctx, m.k, key, hold, limits...)
			return
		}
		var slot bulk.Slot
		slot, op.err = m.k.Acquire(ctx, key, limits...)
		defer slot.Release()
		if op.err == nil {
			_, _ = hold(ctx)
		}
	}()
	m.ops = append(m.ops, op)
}

// pick draws an operation that is in the given state, nil if there is none. An
// action that finds nothing to do does nothing: skipping all of them would be a
// failure to a fuzzer.
func (m *keyedMachine) pick(want outcome) *machineOp {
	var of []*machineOp
	for _, op := range m.ops {
		if op.model.outcome == want {
			of = append(of, op)
		}
	}
	if len(of) == 0 {
		return nil
	}
	return rapid.SampledFrom(of).Draw(m.t, "op")
}

func (m *keyedMachine) finish(op *machineOp) {
	m.model.finish(op.model, time.Now())
	op.model.outcome = "finished"
	close(op.end)
}

// sleep lets time pass, and with it the waits that have a bound. Expired ones
// never make a key idle, so their order is of no matter.
func (m *keyedMachine) sleep(d time.Duration) {
	until := time.Now().Add(d)
	for _, op := range m.ops {
		if op.model.outcome == waits && !op.deadline.IsZero() && !op.deadline.After(until) {
			m.model.leave(op.model, expired)
		}
	}
	time.Sleep(d)
}

func (m *keyedMachine) actions() map[string]func(*rapid.T) {
	step := func(f func()) func(*rapid.T) {
		return func(t *rapid.T) {
			m.t = t
			f()
			m.settle()
		}
	}
	second := rapid.IntRange(1, 5)
	return map[string]func(*rapid.T){
		"start":        step(func() { m.start("") }),
		"start now":    step(func() { m.start("", deadline.Now()) }),
		"start within": step(func() { m.start("", deadline.Within(time.Duration(second.Draw(m.t, "within"))*time.Second)) }),
		"done ctx":     step(func() { m.start(cancelled) }),
		"late":         step(func() { m.start(expired, deadline.Before(time.Now())) }),
		"finish": step(func() {
			if op := m.pick(admitted); op != nil {
				m.finish(op)
			}
		}),
		"cancel": step(func() {
			if op := m.pick(waits); op != nil {
				m.model.leave(op.model, cancelled)
				op.cancel(errWhy)
			}
		}),
		"sleep": step(func() { m.sleep(time.Duration(second.Draw(m.t, "seconds")) * time.Second) }),
		"evict": step(func() {
			key := rapid.IntRange(0, 5).Draw(m.t, "key")
			got, want := m.k.Evict(key), m.model.evict(key)
			m.must(got == want, "Evict(%d) is %v, want %v", key, got, want)
		}),
		"evict idle": step(func() {
			got, want := m.k.EvictIdle(), m.model.evictIdle(time.Now())
			m.must(got == want, "EvictIdle is %d, want %d", got, want)
		}),
		"shutdown": step(func() {
			if rapid.IntRange(0, 9).Draw(m.t, "rarely") > 0 {
				return
			}
			d := time.Duration(second.Draw(m.t, "patience")) * time.Second
			ctx, cancel := context.WithTimeoutCause(context.Background(), d, errWhy)
			defer cancel()
			m.model.close()
			start := time.Now()
			err := m.k.Shutdown(ctx)
			n := m.model.inFlight()
			if n == 0 {
				m.must(err == nil && time.Since(start) == 0, "drained, and yet %v after %v", err, time.Since(start))
				return
			}
			var drain *bulk.DrainError
			m.must(errors.As(err, &drain) && drain.InFlight == n && errors.Is(err, errWhy) && time.Since(start) == d, "%d in flight, got %v after %v", n, err, time.Since(start))
		}),
		"": func(t *rapid.T) {
			m.t = t
			got, want := m.k.Status(), m.model.reading()
			m.must(got.Totals.Waits.Count() == got.Totals.AdmittedFromQueue, "%d waits", got.Totals.Waits.Count())
			got.Totals.Waits, got.Totals.Holds, got.Totals.Wait, got.Totals.LongestWait = want.Totals.Waits, want.Totals.Holds, 0, 0
			m.must(got == want, "status:\n%s", cmp.Diff(want, got, cmp.Comparer(bulk.Waits.Equal)))
			err := m.k.Check()
			m.must(err == nil, "%v", err)
		},
	}
}

// Any sequence of actions does to a Keyed what it does to the model.
func TestKeyedDoesWhatTheModelSays(t *testing.T) { rapid.Check(t, keyedProperty) }

func FuzzKeyed(f *testing.F) { f.Fuzz(rapid.MakeFuzz(keyedProperty)) }

func keyedProperty(t *rapid.T) {
	rapid.SyncTest(t, func(t *rapid.T) {
		m := &keyedMachine{t: t, model: keyedModel{
			parallelism: rapid.IntRange(1, 2).Draw(t, "parallelism"),
			room:        rapid.IntRange(0, 2).Draw(t, "room"),
			maxKeys:     rapid.IntRange(1, 4).Draw(t, "max keys"),
			idleAfter:   time.Duration(rapid.IntRange(0, 6).Draw(t, "idle after")) * time.Second,
		}}
		var err error
		m.k, err = registry.NewKeyed[int]("tenants", m.model.parallelism, registry.MaxKeys(m.model.maxKeys),
			registry.IdleAfter(m.model.idleAfter), registry.Each(bulk.WaitingRoom(m.model.room)))
		m.must(err == nil, "%v", err)
		defer func() { // nobody may be left behind, also after a failure
			for _, op := range m.ops {
				op.cancel(errWhy)
				select {
				case <-op.end:
				default:
					close(op.end)
				}
			}
		}()
		t.Repeat(m.actions())
	})
}
