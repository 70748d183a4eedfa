package bulkotel

import (
	"errors"
	"strconv"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/internal/identity"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Limiter observes l in the instruments bulkhead.limiter.*. A nil l panics.
func Limiter(l *adaptive.Limiter) Option {
	mustHave(l != nil, "Limiter: nil limiter")
	return Limiters(func() []*adaptive.Limiter { return []*adaptive.Limiter{l} })
}

// Limiters observes the limiters that f returns. It is called once for each collection,
// and must be safe for concurrent use. A limiter that is nil or was returned before is
// left out. A nil f panics.
func Limiters(f func() []*adaptive.Limiter) Option {
	mustHave(f != nil, "Limiters: nil function")
	return func(c *Config) error {
		c.limiters = append(c.limiters, f)
		return nil
	}
}

type limiterInstruments struct {
	all []metric.Observable

	limit, min, max, floor, ceiling, overloaded, decisions, reason, measured, observing, closed metric.Int64Observable

	latency, baseline, goodput, window metric.Float64Observable
}

func newLimiterInstruments(meter metric.Meter) (limiterInstruments, error) {
	m := maker{meter: meter, prefix: "bulkhead.limiter."}
	in := limiterInstruments{
		limit:      m.level("limit", "{slot}", "Present parallelism of the bulkhead, 0 if it is paused. Absent if unlimited."),
		min:        m.level("limit.min", "{slot}", "Lowest parallelism that the adaptive limiter may set."),
		max:        m.level("limit.max", "{slot}", "Highest parallelism that the adaptive limiter may set."),
		floor:      m.level("limit.floor", "{slot}", "Lowest parallelism that the adaptive limiter sets now: the minimum, or more if an operation needs more slots, or the ceiling if that is less."),
		ceiling:    m.level("limit.ceiling", "{slot}", "Highest parallelism that the adaptive limiter sets now: the maximum, or less if a smaller parallelism was set from outside."),
		latency:    m.duration("latency", "Latency that nine of ten successes of the last window did not exceed, averaged over windows while the limit stays, 0 without any."),
		baseline:   m.duration("baseline", "Latency without queueing in the dependency, 0 if it is not known."),
		goodput:    m.gauge("goodput", "{operation}/s", "Successes per second in the last window."),
		window:     m.duration("window", "Length of the last window, 0 before the first decision."),
		overloaded: m.level("operation.overloaded", "{operation}", "Operations of the last window that the dependency rejected or did not serve in time."),
		decisions:  m.count("decision.made", "{decision}", "Decisions of the adaptive limiter, whether or not they changed the limit."),
		reason:     m.amount("decision.last", "1", "1 for the reason of the last decision, 0 for the others."),
		measured:   m.amount("operation.active", "{operation}", "Measured operations in flight."),
		observing:  m.level("observing", "1", "1 if the adaptive limiter decides and sets nothing, else 0."),
		closed:     m.level("closed", "1", "1 if the adaptive limiter is closed, else 0."),
	}
	in.all = m.all
	return in, errors.Join(m.errs...)
}

var limiterIDs identity.Numbers[adaptive.Limiter]

func (in limiterInstruments) observe(o metric.Observer, c Config) {
	seen := map[*adaptive.Limiter]bool{}
	for _, f := range c.limiters {
		for _, l := range f() {
			if l != nil && !seen[l] {
				seen[l] = true
				s := l.Status()
				in.observeLimiter(observerOf(o, nameOf(s.Label), attribute.String("bulkhead.limiter.id", strconv.FormatUint(limiterIDs.Of(l), 10))), s)
			}
		}
	}
}

func (in limiterInstruments) observeLimiter(o observer, s adaptive.Status) {
	if s.Limit != bulk.Unlimited {
		o.integer(in.limit, s.Limit)
	}
	o.integer(in.min, s.Min)
	o.integer(in.max, s.Max)
	o.integer(in.floor, s.Floor)
	o.integer(in.ceiling, s.Ceiling)
	o.seconds(in.latency, s.Last.Latency.Seconds())
	o.seconds(in.baseline, s.Baseline.Seconds())
	o.ObserveFloat64(in.goodput, s.Last.Goodput(), o.set)
	o.seconds(in.window, s.Last.Window.Seconds())
	o.integer(in.overloaded, s.Last.Overloaded)
	o.count(in.decisions, s.Last.Seq)
	for r := adaptive.Growing; r <= adaptive.Trying; r++ {
		o.oneIf(in.reason, attribute.String("bulkhead.limiter.reason", r.String()), s.Last.Reason == r)
	}
	o.integer(in.measured, s.InFlight)
	o.ObserveInt64(in.observing, number(s.Observing), o.set)
	o.ObserveInt64(in.closed, number(s.Closed), o.set)
}
