package bulkprom

import (
	"cmp"
	"slices"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/contrib/internal/identity"
	"github.com/prometheus/client_golang/prometheus"
)

// Limiter collects l as bulkhead_limiter_*. The label "bulkhead" is that of its bulkhead.
// A nil l panics.
func Limiter(l *adaptive.Limiter) Option {
	mustHave(l != nil, "Limiter: nil limiter")
	return Limiters(func() []*adaptive.Limiter { return []*adaptive.Limiter{l} })
}

// Limiters collects the limiters that f returns. It is called once for each scrape, and
// must be safe for concurrent use. A limiter that is nil or was returned before is left
// out. A nil f panics.
func Limiters(f func() []*adaptive.Limiter) Option {
	mustHave(f != nil, "Limiters: nil function")
	return func(c *Config) error {
		c.limiters = append(c.limiters, f)
		return nil
	}
}

func describeLimiter(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bulkhead_limiter_"+name, help, append([]string{"bulkhead"}, labels...), nil)
}

var (
	limit     = describeLimiter("limit_slots", "Present parallelism of the bulkhead, 0 if it is paused, +Inf if unlimited.")
	limitMin  = describeLimiter("minimum_slots", "Lowest parallelism that the adaptive limiter may set.")
	limitMax  = describeLimiter("maximum_slots", "Highest parallelism that the adaptive limiter may set.")
	lowest    = describeLimiter("floor_slots", "Lowest parallelism that the adaptive limiter sets now: the minimum, or more if an operation needs more slots, or the ceiling if that is less.")
	ceiling   = describeLimiter("ceiling_slots", "Highest parallelism that the adaptive limiter sets now: the maximum, or less if a smaller parallelism was set from outside.")
	latency   = describeLimiter("latency_seconds", "Latency that nine of ten successes of the last window did not exceed, averaged over windows while the limit stays, 0 without any.")
	baseline  = describeLimiter("baseline_seconds", "Latency without queueing in the dependency, 0 if it is not known.")
	goodput   = describeLimiter("goodput", "Successes per second in the last window.")
	window    = describeLimiter("window_seconds", "Length of the last window, 0 before the first decision.")
	overloads = describeLimiter("overloaded_operations", "Operations of the last window that the dependency rejected or did not serve in time.")
	decisions = describeLimiter("decisions_total", "Decisions of the adaptive limiter, whether or not they changed the limit.")
	reason    = describeLimiter("last_decision", "1 for the reason of the last decision, 0 for the others.", "reason")
	measured  = describeLimiter("operations_in_flight", "Measured operations in flight.")
	observing = describeLimiter("observing", "1 if the adaptive limiter decides and sets nothing, else 0.")
	ended     = describeLimiter("closed", "1 if the adaptive limiter is closed, else 0.")

	ofLimiters = []*prometheus.Desc{
		limit, limitMin, limitMax, lowest, ceiling, latency, baseline, goodput, window, overloads, decisions, reason, measured, observing, ended,
	}
)

var limiterIDs identity.Numbers[adaptive.Limiter]

// readLimiters returns each limiter one time, in the order in which they were seen first.
func (c Config) readLimiters() (limiters []*adaptive.Limiter) {
	for _, f := range c.limiters {
		limiters = append(limiters, f()...)
	}
	limiters = slices.DeleteFunc(limiters, func(l *adaptive.Limiter) bool { return l == nil })
	slices.SortStableFunc(limiters, func(a, b *adaptive.Limiter) int { return cmp.Compare(limiterIDs.Of(a), limiterIDs.Of(b)) })
	return slices.Compact(limiters)
}

func (c *Collector) collectLimiters(ch chan<- prometheus.Metric) {
	names := newNames()
	for _, l := range c.config.readLimiters() {
		s := l.Status()
		m := metrics{ch: ch, values: []string{names.unique(s.Label, limiterIDs.Of(l))}}
		m.level(limit, parallelism(s.Limit))
		m.level(limitMin, float64(s.Min))
		m.level(limitMax, float64(s.Max))
		m.level(lowest, float64(s.Floor))
		m.level(ceiling, float64(s.Ceiling))
		m.level(latency, s.Last.Latency.Seconds())
		m.level(baseline, s.Baseline.Seconds())
		m.level(goodput, s.Last.Goodput())
		m.level(window, s.Last.Window.Seconds())
		m.level(overloads, float64(s.Last.Overloaded))
		m.total(decisions, s.Last.Seq)
		for r := adaptive.Growing; r <= adaptive.Trying; r++ {
			m.level(reason, oneIf(s.Last.Reason == r), r.String())
		}
		m.level(measured, float64(s.InFlight))
		m.level(observing, oneIf(s.Observing))
		m.level(ended, oneIf(s.Closed))
	}
}
