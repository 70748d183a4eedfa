package adaptive

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/option"
)

// Option configures a limiter in [New]. Options are applied in order, so of two that
// set the same value the later one counts.
type Option = option.Option[Config]

// Config is what an [Option] changes. It is opaque: use the options of this package.
type Config struct {
	classify func(error) Outcome
	healthy  time.Duration
	handlers []func(Decision)
	observe  bool
}

// owner is what a limiter is for its bulkhead.
func (c *Config) owner() hooks.Owner {
	if c.observe {
		return hooks.Limiter
	}
	return hooks.Limiter | hooks.Setter
}

// Classify sets what an error of an operation tells about the dependency. The default
// is: nil is [Success]; an error that matches [context.DeadlineExceeded] or
// [os.ErrDeadlineExceeded], as that of a [net.Conn] after its deadline does, or in whose
// tree an error has a method Overloaded() bool that returns true, is [Overload]; every
// other error is [Ignore], and so is the rejection by another bulkhead.
//
// f is called with nil too, for each operation, by the goroutine that ran it, and must
// be safe for concurrent use. An unknown outcome counts as Ignore. If f panics, the
// panic propagates to the caller of the operation, which is ignored.
func Classify(f func(error) Outcome) Option {
	return func(c *Config) error {
		if f == nil {
			return &bulk.ConfigError{Field: "classify", Problem: "must not be nil"}
		}
		c.classify = f
		return nil
	}
}

// HealthyLatency sets the latency above which the dependency is not healthy, whatever
// it was before. While nine of ten successes do not stay below it, the limit falls, and
// the baseline never rises above it. The default is 0: none. d must not be negative.
//
// Set it where a timeout is reported as a success, or where others overload the
// dependency too: then the latency does not tell how much of the load is your own.
func HealthyLatency(d time.Duration) Option {
	return func(c *Config) error {
		c.healthy = d
		return nil
	}
}

// OnDecision adds a handler that is called with every decision, one at a time and in
// order, whether or not the limit changed. It may be given several times.
//
// A handler runs on the goroutine of the operation that completed the window, or that was
// rejected as oversized, without a lock, and may call any method of the limiter and of the bulkhead. While it runs, no
// other decision is made: be brief. Its panic is logged with log/slog at level Error.
func OnDecision(h func(Decision)) Option {
	return func(c *Config) error {
		if h == nil {
			return &bulk.ConfigError{Field: "handler", Problem: "must not be nil"}
		}
		c.handlers = append(c.handlers, h)
		return nil
	}
}

// Observe lets the limiter decide without setting anything. Each decision begins with
// the present parallelism of the bulkhead, and says what the limiter would set.
//
// If the last decision was not applied, nothing that rests on latency is advised until the
// bulkhead was not full for a while: see [NotConfirmed]. A handler that passes the decisions on, to a
// fleet.Member or to Resize, gets what a limiter that sets would do.
func Observe() Option {
	return func(c *Config) error {
		c.observe = true
		return nil
	}
}

// configure applies opts and checks everything. It returns all problems joined, each
// a *bulk.ConfigError.
func configure(label string, low, high int, opts []Option) (Config, error) {
	c := Config{classify: classify}
	errs := configErrors(label, option.Apply(&c, opts...))
	add := func(ok bool, field string, value any, problem string) {
		if !ok {
			errs = append(errs, &bulk.ConfigError{Label: label, Field: field, Value: value, Problem: problem})
		}
	}
	add(low >= 1, "min", low, "must be at least 1")
	add(high >= low, "max", high, fmt.Sprintf("must be at least min (%d)", low))
	add(high <= longest, "max", high, fmt.Sprintf("must be at most %d", longest))
	add(c.healthy >= 0, "healthy_latency", c.healthy, "must be 0 (none) or more")
	return c, errors.Join(errs...)
}

// configErrors returns the errors that option.Apply has joined, each as a
// *bulk.ConfigError with the label or as an error that wraps one.
func configErrors(label string, err error) []error {
	if err == nil {
		return nil
	}
	if reflect.TypeOf(err) == joined {
		var errs []error
		for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
			errs = append(errs, configErrors(label, e)...)
		}
		return errs
	}
	named := bulk.ConfigError{Field: "option", Problem: err.Error()}
	if e, ok := err.(*bulk.ConfigError); ok {
		named = *e
	}
	named.Label = label
	return []error{&optionError{&named, err}}
}

var joined = reflect.TypeOf(errors.Join(bulk.ErrConfig))

// optionError is the error of an option that returned cause. It matches both.
type optionError struct {
	*bulk.ConfigError
	cause error
}

// Unwrap returns the *bulk.ConfigError and what the option returned.
func (e *optionError) Unwrap() []error { return []error{e.ConfigError, e.cause} }

// tell calls a handler. Its panic must not reach the operation, which is not
// responsible for it.
func tell(h func(Decision), d Decision) {
	defer func() {
		if r := recover(); r != nil {
			slog.Error("adaptive: a handler panicked", "decision", d, "panic", r)
		}
	}()
	h(d)
}
