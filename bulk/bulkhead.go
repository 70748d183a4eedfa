package bulk

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Bulkhead is the compartment of one dependency: so many slots in use at once,
// so many operations waiting in order, so long a wait. Make one with [New]; the
// zero Bulkhead is not usable, and a Bulkhead must not be copied. All methods
// may be called from any number of goroutines at the same time.
//
// A bulkhead has no goroutine of its own. One that is dropped without Close can
// be kept in memory by its timer until the longest wait that it has let in could
// have ended.
type Bulkhead struct {
	// Set once by New.
	id             uint64
	label          string
	origin         time.Time // clock readings count from here
	onHandlerPanic func(Event, any)
	onRelease      func()        // see internal/hooks
	pages          sync.Pool     // of *page: see handlers.go
	done           chan struct{} // closed when drained; nil if nobody can ask for it: see internal/hooks

	// mu guards all that follows and the fields of every operation, with the few
	// exceptions named there. It is held for a few dozen instructions at a time,
	// and for as many for each operation concerned where many are at once (Close,
	// SetCapacity, many due together): never while anything blocks, and never
	// while a stranger's code runs (ctx, handlers, fn).
	//
	// Between two sections:
	//
	//	inUse = Σ slots of those in flight, and inUse ≤ parallelism unless a shrink drains
	//	in flight = Admitted − Finished − Abandoned
	//	waiting = room.len = Queued − AdmittedFromQueue − Expired − Canceled − Closed − Oversized
	//	the head of the room, if any, does not fit: slots(head) > parallelism − inUse
	//	nobody in the room asks for more than the parallelism
	//	closed: the room is empty;  drained: closed and nothing in flight
	//	watched = closed, or somebody listens
	//	the alarm rings no later than the first deadline in the room
	mu      sync.Mutex
	watched bool // the fast paths look at this one flag
	closed  bool
	drained bool

	inUse    int
	capacity Capacity
	room     room
	peak     Peak
	totals   Totals      // but for Waits
	waits    *waitCounts // made at the first wait

	spares   spares
	alarm    *alarm
	handlers []*handler
	drainers map[chan struct{}]struct{} // those in Wait
	refusals [Canceled]*AdmissionError  // the last one of each reason
	resizes  uint64
	readings uint64 // Status calls
}

// lastID makes bulkheads tellable apart over the whole process.
var lastID atomic.Uint64

// New makes a bulkhead with so many slots. Label names it for people, in
// errors, events and statuses; labels need not differ. All that is wrong with
// label, parallelism (less than 1) and opts is returned at once: a join of
// [*ConfigError].
func New(label string, parallelism int, opts ...Option) (*Bulkhead, error) {
	config, capacity, err := configure(label, parallelism, opts)
	if err != nil {
		return nil, err
	}
	b := &Bulkhead{
		id:             lastID.Add(1),
		label:          label,
		origin:         time.Now(),
		onHandlerPanic: config.onHandlerPanic,
		onRelease:      config.onRelease,
		capacity:       capacity,
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

// Must returns b, or panics with err if there is one. It is meant for
// package-level variables:
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
	return "bulkhead " + quoted(b.label)
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

// Capacity returns the capacity as it is now.
func (b *Bulkhead) Capacity() Capacity {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.capacity
}

// inFlight returns how many operations hold slots. The lock is held.
func (b *Bulkhead) inFlight() int {
	return int(b.totals.Admitted - b.totals.Finished - b.totals.Abandoned)
}

// transitions returns the Seq of the last event: each transition counts in
// exactly one of these. The lock is held.
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
