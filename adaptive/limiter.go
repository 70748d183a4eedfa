package adaptive

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// A Limiter changes the parallelism of one bulkhead to what the dependency can serve.
// Make one with [New]; the zero Limiter is not usable, and a Limiter must not be
// copied. All methods may be called by any number of goroutines concurrently.
//
// A limiter has no goroutine and no timer. Its memory is fixed, about 5 kB.
type Limiter struct {
	// Set once by New.
	bulkhead *bulk.Bulkhead
	min, max int
	config   Config
	origin   time.Time // instants count from here

	closed atomic.Bool

	// mu guards what follows. It is held for a few dozen instructions for each operation,
	// and for a scan of the histogram once a window. It is never held while
	// caller-supplied code runs, nor while the bulkhead is called.
	mu       sync.Mutex
	window   window
	inFlight int   // measured operations
	starts   int64 // sum of the instants at which they began
	overdue  int   // operations that have begun since one ended last, or since a decision
	since    int64 // instant at which the first of them began
	deciding bool  // one goroutine makes a decision; it alone changes the fields below
	rule     rule
	set      int     // the parallelism that was set last
	ignored  bool    // the limiter observes, and the last change that it advised was not made
	ceiling  int     // the parallelism that was set from outside, at most max
	largest  int     // slots of the largest operation that was rejected as oversized, at most ceiling; 0: none
	slots    float64 // mean slots of an operation
	refused  uint64  // operations that were not admitted immediately until the last decision
	last     Decision
}

// ErrLimited is returned by [New] for a bulkhead that has a Limiter already.
var ErrLimited = errors.New("adaptive: another limiter changes this bulkhead")

// ErrJoined is returned by [New] for a bulkhead that is a member of a fleet, which sets its
// parallelism. Use [Observe], and pass the decisions to fleet.Member.Follow.
var ErrJoined = errors.New("adaptive: a fleet sets the parallelism of this bulkhead")

// New returns a limiter that changes the parallelism of b between min and max. It
// begins with the present parallelism; if that is outside of min and max, New sets the
// nearer one. If b is paused, it begins with the parallelism with which b is
// resumed. Wrap the calls of the dependency with [Measure].
//
// If min, max or an option is not allowed, New returns the problems joined, each a
// [*bulk.ConfigError]. It returns an error that matches [ErrLimited] if another limiter
// of b is not closed, one that matches [ErrJoined] if a member of a fleet sets the
// parallelism of b, and one that matches [bulk.ErrClosed] if b is closed. Then nothing has
// changed. A nil b panics.
func New(b *bulk.Bulkhead, min, max int, opts ...Option) (*Limiter, error) {
	if b == nil {
		panic("adaptive: New: nil bulkhead")
	}
	config, err := configure(b.Label(), min, max, opts)
	if err != nil {
		return nil, err
	}
	switch taken := hooks.Claim(b, config.owner()); {
	case taken&hooks.Limiter != 0:
		return nil, fmt.Errorf("bulkhead %s: %w: close it first", safetext.Quote(b.Label()), ErrLimited)
	case taken != 0:
		return nil, fmt.Errorf("bulkhead %s: %w: use Observe", safetext.Quote(b.Label()), ErrJoined)
	}
	l := &Limiter{bulkhead: b, min: min, max: max, ceiling: max, config: config, origin: time.Now(), slots: 1}
	load := hooks.LoadOf(b)
	l.refused = load.NotAdmitted
	l.set = load.Parallelism
	begun := false
	defer func() { // an error, or an event handler of b ended the goroutine
		if !begun {
			hooks.Unclaim(b, config.owner())
		}
	}()
	if err := l.begins(); err != nil {
		return nil, err
	}
	hooks.OnOversized(b, l.oversized)
	begun = true
	return l, nil
}

// begins moves the parallelism between min and max.
func (l *Limiter) begins() error {
	var to int
	err := l.bulkhead.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		if c.Parallelism > 0 && !l.config.observe {
			c.Parallelism = min(max(c.Parallelism, l.min), l.max)
		}
		to = c.Parallelism
		return c
	})
	l.set = to
	return err
}

// Close ends the decisions. The capacity of the bulkhead stays as it is, and another
// limiter may be made for it. Functions made by [Measure] still call theirs, and
// measure nothing. Close always returns nil, and does nothing when called again.
//
// A decision that another goroutine is making while Close is called can still be set
// after Close has returned.
func (l *Limiter) Close() error {
	if !l.closed.Swap(true) {
		hooks.OnOversized(l.bulkhead, nil)
		hooks.Unclaim(l.bulkhead, l.config.owner())
	}
	return nil
}

// begin starts the measurement of an operation, and returns its instant, or notMeasured
// if the limiter is closed. If no operation has ended for long, the dependency hangs:
// then the operation that begins makes the decision.
func (l *Limiter) begin() int64 {
	if l.closed.Load() {
		return notMeasured
	}
	now := l.now()
	l.mu.Lock()
	if l.inFlight == 0 {
		l.begun(now)
	}
	stalled := l.stalled(now) && !l.deciding
	var f figures
	if stalled {
		f = l.take(now)
		f.stalled = true
	}
	if l.overdue == 0 {
		l.since = now
	}
	l.overdue++
	l.inFlight++
	l.starts += now
	l.mu.Unlock()
	if stalled {
		l.decideFor(now, f)
	}
	return now
}

const notMeasured = -1

// stalled reports whether the dependency hangs: no operation has ended for long, and
// several that began in that time should have. One long operation is no reason, nor are
// fewer than half of those in flight. The lock is held.
func (l *Limiter) stalled(now int64) bool {
	return l.overdue >= max(2, l.inFlight/2) && time.Duration(now-l.since) >= stallTime(l.rule.baseline)
}

// decideFor makes a decision for an operation that has begun. If an event handler of
// the bulkhead ends the goroutine, the operation never runs.
func (l *Limiter) decideFor(start int64, f figures) {
	ended := true
	defer func() {
		if ended {
			l.end(start, Ignore)
		}
	}()
	l.decide(f)
	ended = false
}

// oversized makes a decision for an operation that the bulkhead rejected because it asked
// for more slots than the limit. Such operations are not measured, so if all are of this
// size, there is no other decision. An operation that asks for more than the limiter may
// set changes nothing.
func (l *Limiter) oversized(slots int) {
	now := l.now()
	l.mu.Lock()
	known := slots <= l.set || slots <= l.largest && l.config.observe // another one was first: it is told once
	if l.deciding || l.closed.Load() || slots > l.ceiling || known {
		l.mu.Unlock()
		return
	}
	l.begun(now)
	l.largest = max(l.largest, slots)
	f := l.take(now)
	l.mu.Unlock()
	f.oversized = true
	l.decide(f)
}

// begun starts the first window, or one after a clock that went backwards. The lock is
// held.
func (l *Limiter) begun(now int64) {
	if l.window.start == 0 || l.window.start > now {
		l.window = window{start: now, ages: l.ages(now)}
	}
}

// ages returns the sum of the ages of the operations in flight. The lock is held.
func (l *Limiter) ages(now int64) int64 { return int64(l.inFlight)*now - l.starts }

// end ends the measurement of an operation, and makes the decision if that completes
// the window.
func (l *Limiter) end(start int64, o Outcome) {
	if start == notMeasured {
		return
	}
	now := l.now()
	l.mu.Lock()
	l.begun(now)
	l.inFlight--
	l.starts -= start
	l.window.add(o, time.Duration(max(0, now-start)))
	l.overdue = 0
	if l.deciding || l.closed.Load() || !l.window.due(now, l.rule.baseline) {
		l.mu.Unlock()
		return
	}
	f := l.take(now)
	l.mu.Unlock()
	l.decide(f)
}

// take ends the window and begins a decision. The lock is held.
func (l *Limiter) take(now int64) figures {
	ages := l.ages(now)
	f := l.window.figures(now, ages)
	l.window = window{start: now, ages: ages}
	f.largest = l.largest
	l.deciding = true
	l.overdue = 0 // the next decision about a dependency that hangs takes as long again
	return f
}

func (l *Limiter) now() int64 { return int64(time.Since(l.origin)) + 1 }

// longest is the highest limit that can be computed with, on all platforms.
const longest = math.MaxInt32

// Bulkhead returns the bulkhead that l changes.
func (l *Limiter) Bulkhead() *bulk.Bulkhead { return l.bulkhead }
