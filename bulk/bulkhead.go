package bulk

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// The way of one operation through the core, in the order in which it is called.
//
//	goroutine  function            file        what it does
//	caller     Run, Acquire        run, slot   starts the operation itself if slots are free and no handler, sample or Close is concerned
//	           enter, enterTimed   admit       reads the limits of the call; enterTimed asks ctx
//	           arrive, decide      admit       applies the admission rules in their order
//	           start               admit       … admitted: occupies the slots
//	           enqueue             queue       … queued: takes a record, joins the end of the queue
//	           trackDeadline       expiry      sets the timer for its wait bound
//	           deliverOne          delivery    unlocks, delivers the event to the handlers
//	           await               wait        blocks
//	releaser   release, grantNext  grant       returns slots, grants them to the head of the queue
//	           flush               outbox      after the lock: wakes the operation, delivers events
//	caller     await               wait        looks at ctx once more: the operation runs, or
//	           returnSlots         wait        … its ctx is done: passes the slots on
//	timer      fire                expiry      wakes an operation whose wait is over
//	caller     leaveQueue          wait        … it leaves the queue, as does one whose ctx is done
//	changer    rejectWaiting       reject      Close and SetCapacity reject operations in the queue
//	caller     takeRejection       wait        … which wake and return why

// A Bulkhead limits how many operations run concurrently against one dependency,
// how many wait, and for how long. Make one with [New]; the zero Bulkhead is not
// usable, and a Bulkhead must not be copied. All methods may be called by any number
// of goroutines concurrently.
//
// A bulkhead has no goroutine of its own. An unreachable Bulkhead that was not
// closed can be retained by its timer until the latest pending wait bound has
// passed.
type Bulkhead struct {
	// Set once by New.
	id             uint64
	label          string
	onHandlerPanic func(Event, any)
	onRelease      func()        // see internal/hooks
	group          *hooks.Group  // nil without one
	done           chan struct{} // closed when drained; nil if there is an onRelease: see internal/hooks
	trackHolds     bool

	// mu guards everything below and the fields of every operation, with the
	// exceptions named there. It is held for a few dozen instructions at a time; in
	// Close, SetCapacity and the expiry timer in proportion to the operations that they
	// reject, grant or wake. It is never held while anything blocks, nor while
	// caller-supplied code runs (ctx, handlers, fn).
	//
	// Whenever mu is free (check verifies each line in tests):
	//
	//	inUse = Σ slots of the operations in flight; inUse ≤ Parallelism unless a shrink drains
	//	in flight = Admitted − Finished − Abandoned
	//	queue.len = Queued − AdmittedFromQueue − Expired − Canceled − Closed − Oversized
	//	the head of the queue, if any, does not fit: its slots > Parallelism − inUse
	//	no operation in the queue asks for more than the Parallelism, unless that is 0
	//	closed: the queue is empty;  drained: closed and nothing in flight
	//	slowPath = closed, or holds are tracked, or there are handlers
	//	nextSample is the next sampled admission: see sampleOf
	//	free records are idle: no signal in wake, not in the queue
	//	the timer fires no later than the earliest waitUntil in the queue: see expiry
	mu       sync.Mutex
	slowPath bool // the fast paths look at this one flag
	closed   bool
	drained  bool

	inUse         int
	capacity      Capacity
	queue         fifo
	held          heldList // empty unless trackHolds
	nextSample    uint64   // derived from Admitted, and kept because the fast path compares it
	queueingSince int64    // instant since which the queue is not empty
	peak          Peak
	totals        Totals      // without Waits
	waits         *waitCounts // made at the first wait

	free           freeList
	expiry         *expiry
	listeners      *listeners                 // nil without handlers
	drainers       map[chan struct{}]struct{} // of the calls of Wait
	lastRejections [Canceled]*AdmissionError  // the last one of each reason
	resizes        uint64
	statuses       uint64      // Status calls
	claims         hooks.Owner // what changes the parallelism: see internal/hooks
	onOversized    func(int)   // called without mu: see internal/hooks
}

// lastID makes bulkheads distinguishable in the whole process.
var lastID atomic.Uint64

// New returns a bulkhead with parallelism slots. The label names it for people, in
// errors, events and statuses; labels need not be unique. If label, parallelism or
// an option is not allowed, New returns the problems joined, each a [*ConfigError].
func New(label string, parallelism int, opts ...Option) (*Bulkhead, error) {
	config, capacity, err := configure(label, parallelism, opts)
	if err != nil {
		return nil, err
	}
	b := &Bulkhead{
		id:             lastID.Add(1),
		label:          label,
		onHandlerPanic: config.onHandlerPanic,
		onRelease:      config.onRelease,
		group:          config.group,
		capacity:       capacity,
		trackHolds:     config.trackHolds,
		slowPath:       config.trackHolds,
	}
	if b.onHandlerPanic == nil {
		b.onHandlerPanic = logHandlerPanic
	}
	if config.onRelease == nil {
		b.done = make(chan struct{})
	}
	for _, h := range config.handlers {
		b.OnEvent(h)
	}
	return b, nil
}

// Must returns b, or panics if err is not nil. It is meant for package-level
// variables:
//
//	var payments = bulk.Must(bulk.New("payments", 10, bulk.WaitingRoom(50)))
func Must(b *Bulkhead, err error) *Bulkhead {
	if err != nil {
		panic(err)
	}
	return b
}

// Label returns the label given to New.
func (b *Bulkhead) Label() string { return b.label }

// String returns the label as in
//
//	bulkhead "payments"
//
// The numbers are in [Bulkhead.Status].
func (b *Bulkhead) String() string {
	if b == nil {
		return "<nil>"
	}
	return "bulkhead " + safetext.Quote(b.label)
}

// GoString returns the same as String.
func (b *Bulkhead) GoString() string { return b.String() }

// LogValue returns the same as String.
func (b *Bulkhead) LogValue() slog.Value { return slog.StringValue(b.String()) }

// Format implements [fmt.Formatter]. With every verb it shows what String
// returns, and no field: fields may be read with the lock held only.
//
// Package fmt calls no method of a value in an unexported field, and none for
// %w. There %v shows an address, but with a verb that fits no pointer, such as
// %s, it reads the fields. Vet reports such a verb.
func (b *Bulkhead) Format(f fmt.State, verb rune) { safetext.Format(f, verb, b.String()) }

// Capacity returns the present capacity. It takes the lock.
func (b *Bulkhead) Capacity() Capacity {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.capacity
}

// inFlight returns how many operations hold slots. The lock is held.
func (b *Bulkhead) inFlight() int {
	return int(b.totals.Admitted - b.totals.Finished - b.totals.Abandoned)
}

// transitions returns the Seq of the last event: each transition counts in exactly
// one of these. The lock is held.
func (b *Bulkhead) transitions() uint64 {
	t := &b.totals
	n := t.Admitted + t.Finished + t.Abandoned + t.Queued + t.Saturated +
		t.Expired + t.ExpiredAtArrival + t.Canceled + t.CanceledAtArrival +
		t.Closed + t.ClosedAtArrival + t.Oversized + t.OversizedAtArrival + b.resizes
	if b.closed {
		n++
	}
	if b.drained {
		n++
	}
	return n
}
