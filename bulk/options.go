package bulk

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/option"
)

// Option configures a bulkhead in [New]. Options are applied in order, so of two that
// set the same value the later one counts. [option.Join] combines several into one.
type Option = option.Option[Config]

// Config is what an [Option] changes. It is opaque: use the options of this package.
type Config struct {
	room           int
	waitLimit      time.Duration
	delayTarget    time.Duration
	delayInterval  time.Duration
	trackHolds     bool
	handlers       []func(Event)
	onHandlerPanic func(Event, any)
	onRelease      func()       // see internal/hooks
	group          *hooks.Group // nil without one
	given          *Capacity    // see hooks.WithCapacity; nil: parallelism and options say it
}

// WaitingRoom sets how many operations may wait. The default is 0: an operation that
// cannot be admitted immediately is rejected. (0 means no waiting room, but a wait
// limit of 0 means no limit.)
//
// An operation whose ctx has just ended occupies the waiting room until its goroutine
// has woken and left it. So when many callers are canceled together, operations that
// arrive at that moment can be rejected as saturated.
func WaitingRoom(n int) Option {
	return func(c *Config) error {
		c.room = n
		return nil
	}
}

// WaitLimit sets the longest time for which an operation may wait. The default is 0:
// no limit. Without [WaitingRoom] it has no effect, because no operation waits; a
// report then has the finding wait_limit_unused. The limits of a call can tighten it,
// never extend it.
//
// If a slot is granted when the limit passes, the goroutine that takes the lock first
// decides: on a busy machine an operation can be admitted a little after its limit.
func WaitLimit(d time.Duration) Option {
	return func(c *Config) error {
		c.waitLimit = d
		return nil
	}
}

// ControlDelay shortens waits while a queue stands: when the waiting room has not been
// empty for interval, an operation that is queued may wait for target at most, until
// the room has been empty once. Operations that are queued already keep their bound, and
// the order stays FIFO. Both must be more than 0. The default is no delay control.
//
// Under lasting overload the same number of operations is admitted, after a fraction of
// the wait: without it every operation waits nearly as long as it may, and many callers
// have given up by then. Just above the load that can be served it costs some
// throughput, because a slot can be idle when the next burst comes. Choose an interval
// that a harmless burst does not exceed, and a target of one to a few times the typical
// time in flight divided by the parallelism. docs/capacity.md has figures.
//
// This is the queue discipline of CoDel (Nichols and Jacobson, "Controlling Queue Delay",
// ACM Queue 10(5), 2012) in the form of Maurer, "Fail at Scale", ACM Queue 13(8), 2015,
// which used 5 ms and 100 ms. [Totals.Shortened] counts the waits that it shortened.
func ControlDelay(target, interval time.Duration) Option {
	return func(c *Config) error {
		c.delayTarget, c.delayInterval = target, interval
		return nil
	}
}

// TrackHolds lets a bulkhead remember when each operation in flight was granted its
// slots, so that [Status.OldestHold] is known: an operation that hangs is visible while
// it hangs. It costs a reading of the clock and a record for each operation.
func TrackHolds() Option {
	return func(c *Config) error {
		c.trackHolds = true
		return nil
	}
}

// OnEvent adds a handler that is called with every event from the first on. It may be
// given several times. [Bulkhead.OnEvent] describes what a handler may do. A handler
// that reacts to a kind of event by causing that kind again recurses without end and
// ends the program with a stack overflow: [Bulkhead.OnEvent] shows what to do instead.
func OnEvent(h func(Event)) Option {
	return func(c *Config) error {
		if h == nil {
			return &ConfigError{Field: "handler", Problem: "must not be nil"}
		}
		c.handlers = append(c.handlers, h)
		return nil
	}
}

// OnHandlerPanic sets the function that is called when an event handler panics, with
// the event and the recovered value. The default logs with log/slog at level Error. A
// panic of f itself is discarded.
func OnHandlerPanic(f func(e Event, recovered any)) Option {
	return func(c *Config) error {
		if f == nil {
			return &ConfigError{Field: "handler", Problem: "must not be nil"}
		}
		c.onHandlerPanic = f
		return nil
	}
}

// configure applies opts and checks everything. It returns all problems joined, each
// a *ConfigError.
func configure(label string, parallelism int, opts []Option) (Config, Capacity, error) {
	var c Config
	var errs []error
	if strings.TrimSpace(label) == "" {
		errs = append(errs, &ConfigError{Field: "label", Value: label, Problem: "must not be empty or only spaces"})
		label = "" // the other errors have no label to name
	}
	errs = append(errs, configErrors(label, option.Apply(&c, opts...))...)
	if parallelism < 1 {
		errs = append(errs, &ConfigError{Label: label, Field: "parallelism", Value: parallelism, Problem: "must be at least 1"})
	}
	capacity := Capacity{max(0, parallelism), c.room, c.waitLimit, c.delayTarget, c.delayInterval}
	if c.given != nil {
		capacity = *c.given
	}
	errs = append(errs, capacity.problems(label)...)
	return c, capacity, errors.Join(errs...)
}

// configErrors returns the errors that errors.Join has joined, each as a *ConfigError
// with the label. An error of another type that wraps several is one problem.
func configErrors(label string, err error) []error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*ConfigError); ok {
		if e.Label != "" || label == "" {
			return []error{e}
		}
		named := *e // e is the option's, which can return it again
		named.Label, named.cause = label, e
		return []error{&named}
	}
	if reflect.TypeOf(err) == joined {
		var errs []error
		for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
			errs = append(errs, configErrors(label, e)...)
		}
		return errs
	}
	return []error{&ConfigError{Label: label, Field: "option", Problem: err.Error(), cause: err}}
}

var joined = reflect.TypeOf(errors.Join(ErrConfig))

func init() {
	hooks.SetOnRelease(func(c *Config, f func()) { c.onRelease = f })
	hooks.SetGroups(func(c *Config, g *hooks.Group) { c.group = g }, groupRejected)
	hooks.SetRan(func(ctx context.Context, s Slot, err error) error { return s.op.bulkhead.ran(ctx, err) })
	hooks.SetCheck((*Bulkhead).check)
	hooks.SetWithCapacity(func(c *Config, given *Capacity) { c.given = given })
	hooks.SetTotalsText(totalsText)
	hooks.SetHistogram(histogram)
	hooks.SetChangeCapacity((*Bulkhead).changeCapacity)
	hooks.SetLimiting((*Bulkhead).claim, (*Bulkhead).unclaim, (*Bulkhead).load, (*Bulkhead).setOnOversized)
	hooks.SetAddStatus(func(s *Status, b *Bulkhead, own bool) bool { return b.addTo(s, own) })
}
