package adaptive

import (
	"math"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// decide makes a decision and tells the handlers. It is called without the lock, by
// the one goroutine that has set deciding.
func (l *Limiter) decide(f figures) {
	defer func() { // also if a handler ends this goroutine
		l.mu.Lock()
		l.deciding = false
		l.mu.Unlock()
	}()
	load := hooks.LoadOf(l.bulkhead)
	if load.InFlight > 0 {
		mean := float64(load.InUse) / float64(load.InFlight)
		l.slots += followSlots * (mean - l.slots)
		f.size = int(math.Ceil(mean))
	}
	f.load *= l.slots
	f.fitted *= l.slots
	f.joined = load.Owners&hooks.Member != 0
	f.contended = load.NotAdmitted != l.refused
	l.refused = load.NotAdmitted

	var next change
	var err error
	closed := false
	defer func() { // also if an event handler of the bulkhead ends this goroutine: the limit is set then
		if err == nil && next.reason != 0 && !closed { // otherwise nothing was decided
			l.conclude(next)
		}
	}()
	err = l.bulkhead.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		next, closed = l.propose(f, c.Parallelism), l.closed.Load()
		if c.Parallelism > 0 && !l.config.observe && !closed {
			c.Parallelism = next.to
		}
		return c
	})
}

// conclude makes c the last decision, and tells the handlers.
func (l *Limiter) conclude(c change) {
	d := l.decision(c)
	l.mu.Lock()
	d.Seq = l.last.Seq + 1
	l.rule, l.ceiling, l.ignored, l.last = c.rule, c.ceiling, c.ignored, d
	if l.largest > l.ceiling {
		l.largest = 0 // smaller ones may be known, but not which
	}
	l.set = c.to
	if l.config.observe {
		l.set = c.from
	}
	l.mu.Unlock()
	for _, h := range l.config.handlers {
		tell(h, d)
	}
}

// change is a decision that is not set yet.
type change struct {
	from, to int
	reason   Reason // 0: nothing is decided
	rule     rule
	ceiling  int
	ignored  bool
	figures  figures // that the decision rests on
}

// propose returns what follows from the figures for a bulkhead with a parallelism. It
// changes nothing, because it can be called again with another parallelism.
func (l *Limiter) propose(f figures, parallelism int) change {
	c := change{from: parallelism, to: parallelism, rule: l.rule, ceiling: l.ceiling, ignored: l.ignored, figures: f}
	if parallelism == 0 {
		return c
	}
	if l.config.observe && l.set > 0 && (l.last.Changed() || parallelism != l.set) {
		c.ignored = parallelism == l.set
	}
	if parallelism != l.set && !l.config.observe {
		if l.set > 0 { // otherwise the bulkhead was paused when the limiter was made
			c.ceiling = min(parallelism, l.max)
		}
		c.rule.forget() // the figures are of more than one limit
	}
	low := floor(l.min, f.largest, c.ceiling)
	if f.oversized {
		if low > parallelism { // otherwise nothing is decided
			c.to, c.reason = low, Oversized
			c.rule.forget()
		}
		return c
	}
	if f.largest > parallelism { // what was advised for it was not set
		low = min(l.min, c.ceiling)
	}
	if f.size <= parallelism { // a cut leaves room for one of the operations in flight
		low = floor(low, f.size, c.ceiling)
	}
	b := bounds{min: low, max: c.ceiling, healthy: float64(l.config.healthy), fixed: c.ignored && !f.joined}
	limit := min(max(parallelism, b.min), b.max)
	c.to, c.reason = c.rule.next(&c.figures, limit, b)
	if stays := c.reason == NotUsed || c.reason == TooFewSamples || c.reason == NotConfirmed; stays && l.config.observe {
		c.to = parallelism // which can be outside of the bounds
	}
	return c
}

// floor returns the lowest limit: low, or the slots of an operation unless these are
// above the ceiling.
func floor(low, slots, ceiling int) int {
	if slots <= ceiling {
		low = max(low, slots)
	}
	return min(low, ceiling)
}

func (l *Limiter) decision(c change) Decision {
	f := c.figures
	d := Decision{
		Label: l.bulkhead.Label(), At: time.Now(), From: c.from, To: c.to, Reason: c.reason, Observed: l.config.observe,
		Window: time.Duration(f.seconds * float64(time.Second)), Served: f.served, Overloaded: f.overloaded,
		Latency: time.Duration(f.latency), Baseline: time.Duration(c.rule.baseline), Load: f.load, Fitted: f.fitted,
	}
	if f.latency > 0 && c.rule.baseline > 0 {
		d.Queue = f.queue(c.rule.baseline)
	}
	return d
}
