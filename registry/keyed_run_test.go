package registry_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

func TestEachKeyHasItsOwnBulkhead(t *testing.T) {
	var ids []uint64
	each := []bulk.Option{bulk.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventAdmitted {
			ids = append(ids, e.ID)
		}
		if e.Label != "tenants" {
			t.Errorf("an event of %q", e.Label)
		}
	})}
	opt := registry.Each(each...)
	each[0] = bulk.WaitingRoom(-1) // the option has its own copy
	k := mustKeyed[string](t, 1, 5, opt)
	a := hold(t, k, "a")
	b := hold(t, k, "b")
	_, err := k.Acquire(t.Context(), "a")
	mustBe(t, err, bulk.ErrSaturated)
	if s := k.Status(); s.Keys != 2 || s.InFlight != 2 || s.InUse != 2 || s.Totals.Saturated != 1 || s.Label != "tenants" || s.MaxKeys != 5 {
		t.Errorf("%+v", s)
	}
	a.Release()
	a.Release()
	v, err := registry.RunKey(t.Context(), k, "a", func(context.Context) (string, error) { return "value", errWhy })
	if v != "value" || err != errWhy {
		t.Errorf("%v, %v", v, err)
	}
	b.Release()
	check(t, k)
	if len(ids) != 3 || ids[0] == ids[1] || ids[0] != ids[2] {
		t.Errorf("admitted by %v", ids)
	}
}

// Its error, event and totals are those of a bulkhead.
func TestArrivalRejectedForAnyKeyCreatesAndEvictsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, c := range []struct {
			name   string
			ctx    context.Context
			limit  deadline.Limit
			closed bool
			is     []error
			not    []error
		}{
			{"done ctx", done(t), deadline.Limit{}, false, []error{bulk.ErrCanceled, context.Canceled, errWhy}, []error{bulk.ErrOverload}},
			{"done ctx, closed", done(t), deadline.Limit{}, true, []error{bulk.ErrCanceled, errWhy}, []error{bulk.ErrClosed}},
			{"done ctx, expired", done(t), deadline.Before(time.Now()), false, []error{bulk.ErrCanceled}, []error{bulk.ErrExpired}},
			{"closed", t.Context(), deadline.Limit{}, true, []error{bulk.ErrClosed}, []error{bulk.ErrOverload}},
			{"closed, expired", t.Context(), deadline.Before(time.Now()), true, []error{bulk.ErrClosed}, []error{bulk.ErrExpired}},
			{"before", t.Context(), deadline.Before(time.Now()), false, []error{bulk.ErrExpired, bulk.ErrOverload}, []error{context.DeadlineExceeded}},
			{"reserve", short, deadline.Reserve(time.Second + 1), false, []error{bulk.ErrExpired}, []error{context.DeadlineExceeded}},
		} {
			for _, known := range []bool{false, true} {
				k := mustKeyed[string](t, 1, 1)
				touch(t, k, "a")
				if c.closed {
					k.Close()
				}
				key := map[bool]string{true: "a", false: "b"}[known]
				_, err := registry.RunKey(c.ctx, k, key, nothing, c.limit)
				mustBe(t, err, append(c.is, bulk.ErrNotStarted)...)
				mustNotBe(t, err, append(c.not, registry.ErrTooManyKeys)...)
				var e *bulk.AdmissionError
				if !errors.As(err, &e) || e.Label != "tenants" || e.Parallelism != 1 || e.Slots != 1 {
					t.Errorf("%s: %+v", c.name, e)
				}
				s := k.Status()
				if s.Keys != 1 || s.Created != 1 || s.Evicted != 0 || s.Closed != c.closed {
					t.Errorf("%s: %+v", c.name, s)
				}
				if s.Totals.Arrivals() != 2 || s.Totals.CanceledAtArrival+s.Totals.ClosedAtArrival+s.Totals.ExpiredAtArrival != 1 {
					t.Errorf("%s: not counted: %+v", c.name, s.Totals)
				}
				if !k.Evict("a") {
					t.Errorf("%s: a was evicted, or a lease is missing", c.name)
				}
				check(t, k)
			}
		}
		// On the other side of the bounds a key is created.
		k := mustKeyed[string](t, 1, 1)
		for _, l := range []deadline.Limit{deadline.Before(time.Now().Add(1)), deadline.Reserve(time.Second), deadline.NoWait(), deadline.Within(0)} {
			if _, err := registry.RunKey(short, k, "a", nothing, l); err != nil {
				t.Errorf("%v: %v", l, err)
			}
			if !k.Evict("a") {
				t.Errorf("%v created no key", l)
			}
		}
		if _, err := registry.RunKey(t.Context(), k, "a", nothing, deadline.Reserve(math.MaxInt64)); err != nil {
			t.Errorf("a ctx without a deadline: %v", err)
		}
		if n := k.Status().Totals.Arrivals(); n != 5 {
			t.Errorf("%d arrivals: the rejector counted some of them", n)
		}
	})
}

// fickleCtx is done when Err is called for the first time, and not afterwards.
type fickleCtx struct {
	context.Context
	asked int
}

func (c *fickleCtx) Err() error {
	if c.asked++; c.asked == 1 {
		return context.Canceled
	}
	return nil
}

func TestCtxThatContradictsItselfLosesNoLease(t *testing.T) {
	k := mustKeyed[string](t, 1, 1)
	if _, err := registry.RunKey(&fickleCtx{Context: t.Context()}, k, "a", nothing); err != nil {
		t.Error(err)
	}
	s := k.Status()
	checkSums(t, s.Totals, 0, 0)
	if s.InFlight != 0 || s.Keys != 1 || !k.Evict("a") {
		t.Errorf("%+v", s)
	}
}

func TestKeyNotEqualToItselfIsRejected(t *testing.T) {
	k := mustKeyed[any](t, 1, 1)
	for _, key := range []any{math.NaN(), struct {
		secret string
		x      float64
	}{"secret", math.NaN()}} {
		_, err := registry.RunKey(done(t), k, key, nothing)
		mustBe(t, err, bulk.ErrConfig)
		var e *bulk.ConfigError
		if !errors.As(err, &e) || e.Field != "key" || strings.Contains(err.Error(), `"secret"`) || strings.Contains(err.Error(), "NaN") {
			t.Errorf("got %v", err)
		}
		if k.Evict(key) {
			t.Error("evicted")
		}
	}
	if s := k.Status(); s.Created != 0 || s.Totals.Arrivals() != 0 {
		t.Errorf("%+v", s)
	}
	// A key that is not comparable panics and keeps no lease.
	mustPanic(t, func() { _, _ = k.Acquire(t.Context(), []int{1}) })
	mustPanic(t, func() { k.Evict([]int{1}) })
	touch[any](t, k, "a")
	if !k.Evict("a") {
		t.Error("a lease is missing")
	}
}

func TestNilFunctionsPanic(t *testing.T) {
	k := mustKeyed[string](t, 1, 1)
	for want, f := range map[string]func(){
		"registry: RunKey: nil fn":      func() { _, _ = registry.RunKey[string, int](t.Context(), k, "a", nil) },
		"registry: GuardKey: nil keyOf": func() { registry.GuardKey(k, nil, func(context.Context, int) (int, error) { return 0, nil }) },
		"registry: GuardKey: nil fn":    func() { registry.GuardKey[string, string, int](k, func(s string) string { return s }, nil) },
	} {
		if got := mustPanic(t, f); got != want {
			t.Errorf("panics with %v, want %v", got, want)
		}
	}
	if s := k.Status(); s.Created != 0 {
		t.Errorf("%+v", s)
	}
}

func TestGuardKeyRunsUnderTheKeyOfItsArgument(t *testing.T) {
	k := mustKeyed[string](t, 1, 2)
	limits := []deadline.Limit{deadline.Limit{}, deadline.NoWait()}
	guarded := registry.GuardKey(k, func(n int) string { return strings.Repeat("x", n%2) },
		func(_ context.Context, n int) (int, error) { return n + 1, nil }, limits...)
	limits[0] = deadline.Before(time.Time{}) // the guard has its own copy
	for n := range 4 {
		if v, err := guarded(t.Context(), n); v != n+1 || err != nil {
			t.Errorf("%v, %v", v, err)
		}
	}
	slot := hold(t, k, "x")
	_, err := guarded(t.Context(), 1)
	mustBe(t, err, bulk.ErrSaturated)
	slot.Release()
	if s := k.Status(); s.Keys != 2 || s.Totals.Admitted != 5 {
		t.Errorf("%+v", s)
	}
	k.Close()
	_, err = guarded(t.Context(), 1)
	mustBe(t, err, bulk.ErrClosed)
	check(t, k)
}

// The N forms ask for all slots of an operation together, as those of a bulkhead do.
func TestOperationGetsAllItsSlotsOfAKeyOrNone(t *testing.T) {
	k := mustKeyed[string](t, 3, 5)
	two, err := k.AcquireN(t.Context(), "a", 2)
	mustBe(t, err, nil)
	nothing := func(context.Context) (int, error) { return 7, errWhy }
	_, err = registry.RunKeyN(t.Context(), k, "a", 2, nothing)
	mustBe(t, err, bulk.ErrSaturated)
	if v, err := registry.RunKeyN(t.Context(), k, "a", 1, nothing); v != 7 || err != errWhy {
		t.Errorf("one slot beside two: %v, %v", v, err)
	}
	if v, err := registry.RunKeyN(t.Context(), k, "b", 3, nothing); v != 7 || err != errWhy {
		t.Errorf("another key: %v, %v", v, err)
	}
	_, err = k.AcquireN(t.Context(), "a", 4)
	mustBe(t, err, bulk.ErrOversized)
	if s := k.Status(); s.InUse != 2 || s.InFlight != 1 || s.Keys != 2 {
		t.Errorf("%+v", s)
	}
	two.Release()
	two.Release()
	if !k.Evict("a") {
		t.Error("the key is in use after the release")
	}
	arrivals := k.Status().Totals.Arrivals()
	for _, n := range []int{0, -1} {
		_, err := k.AcquireN(t.Context(), "new", n)
		_, err2 := registry.RunKeyN(t.Context(), k, "new", n, nothing)
		for _, err := range []error{err, err2} {
			if mustBe(t, err, bulk.ErrConfig); !strings.Contains(err.Error(), "slots") || errors.Is(err, bulk.ErrNotStarted) {
				t.Errorf("%d slots: %v", n, err)
			}
		}
	}
	if s := k.Status(); s.Totals.Arrivals() != arrivals || s.Keys != 1 {
		t.Errorf("after bad numbers: %+v", s)
	}
	check(t, k)
}
