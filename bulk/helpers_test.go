package bulk_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/internal/hooks"
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

// fill takes all slots that are free.
func fill(t testing.TB, b *bulk.Bulkhead) []bulk.Slot {
	t.Helper()
	var slots []bulk.Slot
	for b.Status().Free() > 0 {
		s, ok := b.TryAcquire()
		if !ok {
			t.Fatal("a free slot was refused")
		}
		slots = append(slots, s)
	}
	return slots
}

// parked is an operation that was started in the background.
type parked struct {
	n      int
	cancel context.CancelCauseFunc
	// endQuietly ends ctx without waking it: a hand-over that follows surely
	// finds its ctx done.
	endQuietly func()
	done       chan struct{} // closed when Acquire has returned
	slot       bulk.Slot
	err        error
	took       time.Duration
}

// park starts an AcquireN in the background and settles the bubble: it is now
// admitted, waiting, or turned away.
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

// quietCtx can end without closing its Done channel.
type quietCtx struct {
	context.Context
	ended atomic.Bool
}

func (c *quietCtx) Err() error {
	if c.ended.Load() {
		return context.Canceled
	}
	return c.Context.Err()
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
		t.Fatalf("should be waiting, but got err %v", p.err)
	}
}

func (p *parked) mustHold(t testing.TB) {
	t.Helper()
	if !p.over() {
		t.Fatal("should be admitted, but waits")
	}
	if p.err != nil {
		t.Fatalf("should be admitted, but got %v", p.err)
	}
}

func (p *parked) mustFail(t testing.TB, want error) {
	t.Helper()
	if !p.over() {
		t.Fatalf("should have failed with %v, but waits", want)
	}
	if !errors.Is(p.err, want) {
		t.Fatalf("got error %v, want %v", p.err, want)
	}
	if want != bulk.ErrCanceled && errors.Is(p.err, bulk.ErrCanceled) {
		t.Fatalf("%v is canceled too", p.err)
	}
}

// checkStatus fails the test if the equations of Status don't hold.
func checkStatus(t testing.TB, s bulk.Status) {
	t.Helper()
	n := s.Totals
	if n.Admitted != n.Finished+n.Abandoned+uint64(s.InFlight) {
		t.Errorf("admitted %d ≠ finished %d + abandoned %d + in flight %d", n.Admitted, n.Finished, n.Abandoned, s.InFlight)
	}
	if n.Queued != n.AdmittedFromQueue+n.Expired+n.Canceled+n.Closed+n.Oversized+uint64(s.Waiting) {
		t.Errorf("queued doesn't add up: %+v", s)
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
		t.Errorf("closed, and somebody waits: %+v", s)
	}
}

// mustBeIdle checks that nothing is in flight or waiting, and that all slots can
// be taken.
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
		t.Fatalf("%d slots could be taken of %d", len(slots), s.Capacity.Parallelism)
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

// recorder is a handler that keeps what it is given.
type recorder struct {
	mu     sync.Mutex
	events []bulk.Event
}

func (r *recorder) handle(e bulk.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// take returns the events since the last take, as they were delivered.
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

// bubbles runs each case in a bubble of its own.
func bubbles(t *testing.T, cases []struct {
	name string
	why  string
	test func(*testing.T)
}) {
	t.Helper()
	for _, c := range cases {
		if c.why == "" {
			t.Fatalf("case %q doesn't say why it is there", c.name)
		}
		t.Run(c.name, func(t *testing.T) { synctest.Test(t, c.test) })
	}
}
