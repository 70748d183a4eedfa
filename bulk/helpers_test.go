package bulk_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/google/go-cmp/cmp"
)

// mustNew makes a bulkhead or fails the test.
func mustNew(t testing.TB, parallelism int, opts ...bulk.Option) *bulk.Bulkhead {
	t.Helper()
	b, err := bulk.New("test", parallelism, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fill acquires all free slots.
func fill(t testing.TB, b *bulk.Bulkhead) []bulk.Slot {
	t.Helper()
	var slots []bulk.Slot
	for b.Status().Free() > 0 {
		s, ok := b.TryAcquire()
		if !ok {
			t.Fatal("a free slot could not be acquired")
		}
		slots = append(slots, s)
	}
	return slots
}

// parked is an operation that was started in the background.
type parked struct {
	n      int
	cancel context.CancelCauseFunc
	// endQuietly ends ctx without closing its Done channel. An operation that is
	// granted its slots afterwards is certain to find its ctx done.
	endQuietly func()
	done       chan struct{} // closed when Acquire has returned
	slot       bulk.Slot
	err        error
	took       time.Duration
}

// park starts an AcquireN in the background and returns when it is admitted, waiting
// or rejected.
func park(t testing.TB, b *bulk.Bulkhead, n int, limits ...deadline.Limit) *parked {
	t.Helper()
	return parkWith(t, t.Context(), b, n, limits...)
}

func parkWith(t testing.TB, parent context.Context, b *bulk.Bulkhead, n int, limits ...deadline.Limit) *parked {
	t.Helper()
	ctx, cancel := context.WithCancelCause(parent)
	quiet := &quietCtx{Context: ctx}
	p := &parked{n: n, cancel: cancel, endQuietly: func() { quiet.ended.Store(true) }, done: make(chan struct{})}
	start := time.Now()
	go func() {
		defer close(p.done)
		p.slot, p.err = b.AcquireN(quiet, n, limits...)
		p.took = time.Since(start)
	}()
	synctest.Wait()
	mustBeSound(t, b)
	return p
}

// over reports whether Acquire has returned.
func (p *parked) over() bool {
	synctest.Wait()
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *parked) mustWait(t testing.TB) {
	t.Helper()
	if p.over() {
		t.Fatalf("Acquire returned error %v, but should wait", p.err)
	}
}

func (p *parked) mustHold(t testing.TB) {
	t.Helper()
	if !p.over() {
		t.Fatal("Acquire waits, but should be admitted")
	}
	if p.err != nil {
		t.Fatalf("Acquire returned error %v, but should be admitted", p.err)
	}
}

func (p *parked) mustFail(t testing.TB, want error) {
	t.Helper()
	if !p.over() {
		t.Fatalf("Acquire waits, but should have returned %v", want)
	}
	if !errors.Is(p.err, want) {
		t.Fatalf("got error %v, want %v", p.err, want)
	}
	if want != bulk.ErrCanceled && errors.Is(p.err, bulk.ErrCanceled) {
		t.Fatalf("%v also matches ErrCanceled", p.err)
	}
}

// checkStatus checks the equations of Status.
func checkStatus(t testing.TB, s bulk.Status) {
	t.Helper()
	n := s.Totals
	if n.Admitted != n.Finished+n.Abandoned+uint64(s.InFlight) {
		t.Errorf("admitted %d ≠ finished %d + abandoned %d + in flight %d", n.Admitted, n.Finished, n.Abandoned, s.InFlight)
	}
	if n.Queued != n.AdmittedFromQueue+n.Expired+n.Canceled+n.Closed+n.Oversized+uint64(s.Waiting) {
		t.Errorf("queued is not the sum of its outcomes: %+v", s)
	}
	if n.Waits.Count() != n.AdmittedFromQueue {
		t.Errorf("%d waits for %d admitted from the queue", n.Waits.Count(), n.AdmittedFromQueue)
	}
	if s.InFlight > s.InUse || s.InFlight < 0 || s.Waiting < 0 {
		t.Errorf("impossible numbers: %+v", s)
	}
	if s.InFlight > s.Peak.InFlight || s.InUse > s.Peak.InUse || s.Waiting > s.Peak.Waiting {
		t.Errorf("above the peak: %+v", s)
	}
	if s.Closed && s.Waiting > 0 {
		t.Errorf("closed, but operations wait: %+v", s)
	}
}

// mustBeIdle checks that no operation is in flight or waiting, and that all slots
// can be acquired.
func mustBeIdle(t testing.TB, b *bulk.Bulkhead) {
	t.Helper()
	mustBeSound(t, b)
	s := b.Status()
	checkStatus(t, s)
	if s.InFlight != 0 || s.InUse != 0 || s.Waiting != 0 {
		t.Fatalf("should be idle: %+v", s)
	}
	if s.Closed {
		return
	}
	slots := fill(t, b)
	if len(slots) != s.Capacity.Parallelism {
		t.Fatalf("%d slots of %d could be acquired", len(slots), s.Capacity.Parallelism)
	}
	for _, s := range slots {
		s.Release()
	}
}

// mustBeSound checks the invariants that are written at the lock.
func mustBeSound(t testing.TB, b *bulk.Bulkhead) {
	t.Helper()
	if err := hooks.Check(b); err != nil {
		t.Errorf("invariants:\n%v", err)
	}
}

// recorder is a handler that keeps the events.
type recorder struct {
	mu     sync.Mutex
	events []bulk.Event
}

func (r *recorder) handle(e bulk.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// take returns the events since the last take, in the order of delivery.
func (r *recorder) take() []bulk.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// kinds returns the kinds of the events since the last take.
func (r *recorder) kinds() []bulk.EventKind {
	var kinds []bulk.EventKind
	for _, e := range r.take() {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func (r *recorder) mustBe(t testing.TB, want ...bulk.EventKind) {
	t.Helper()
	if got := r.kinds(); !slices.Equal(got, want) {
		t.Fatalf("events %v, want %v", got, want)
	}
}

// mustPanic returns what fn panics with.
func mustPanic(t testing.TB, fn func()) (recovered any) {
	t.Helper()
	defer func() {
		t.Helper()
		if recovered = recover(); recovered == nil {
			t.Error("should have panicked")
		}
	}()
	fn()
	return nil
}

// mustPanicFor checks that fn panics with a text that contains words.
func mustPanicFor(t testing.TB, words string, fn func()) {
	t.Helper()
	text, _ := mustPanic(t, fn).(string)
	if !strings.HasPrefix(text, "bulk: ") || !strings.Contains(text, words) {
		t.Errorf("panicked with %q, which should say %q", text, words)
	}
}

// mustBeAsBefore checks that nothing happened on b since the Status before, except
// further calls of Status.
func mustBeAsBefore(t testing.TB, b *bulk.Bulkhead, before bulk.Status) {
	t.Helper()
	after := b.Status()
	after.Index, after.At = before.Index, before.At
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("something happened (-before +after):\n%s", diff)
	}
}

// never is the fn of an operation that must not start.
func never(t testing.TB) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		t.Error("started")
		return 0, nil
	}
}

// years is a long time in a bubble, whose clock starts in 2000 and ends in 2262.
func years(n int) time.Duration { return time.Duration(n) * 365 * 24 * time.Hour }

// A scenario is a test of its own, in a bubble of its own.
type scenario struct {
	name string
	why  string // the reason for the expected result
	test func(*testing.T)
}

func runScenarios(t *testing.T, scenarios []scenario) {
	t.Helper()
	var rows table
	for _, s := range scenarios {
		rows.row(t, s.name, s.why, s.test)
	}
}

// A table runs each of its rows as a subtest in a bubble of its own. It fails the
// test for a row without a name or a reason, and for two rows of the same name.
type table struct{ names map[string]bool }

func (r *table) row(t *testing.T, name, why string, test func(*testing.T)) {
	t.Helper()
	switch {
	case name == "":
		t.Fatalf("a row has no name: %q", why)
	case why == "":
		t.Fatalf("row %q gives no reason", name)
	case r.names[name]:
		t.Fatalf("two rows have the name %q", name)
	}
	if r.names == nil {
		r.names = make(map[string]bool)
	}
	r.names[name] = true
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// mustMatch checks that err is the rejection want.
func mustMatch(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
	if !errors.Is(err, bulk.ErrNotStarted) {
		t.Errorf("%v does not match ErrNotStarted", err)
	}
}
