package bulk

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/option"
)

// Option configures a bulkhead when it is made. Options are applied in order;
// of two that set the same thing the later one holds. Several can be kept
// together as a preset with [option.Join].
type Option = option.Option[Config]

// Config is what options work on. It is opaque: use the options of this
// package to fill it.
type Config struct {
	room           int
	waitLimit      time.Duration
	handlers       []func(Event)
	onHandlerPanic func(Event, any)
	onRelease      func() // see internal/seam
}

// WaitingRoom sets how many operations may wait. The default is 0: nobody
// waits, and an operation that can't be admitted immediately is rejected. (A
// waiting room of 0 is none, but a wait limit of 0 is no limit.)
//
// An operation whose ctx has just ended still occupies its place until its
// goroutine has woken and left the room. So when many callers are canceled
// together, operations that arrive in that moment can be rejected as saturated.
func WaitingRoom(n int) Option {
	return func(c *Config) error {
		c.room = n
		return nil
	}
}

// WaitLimit sets the longest time that an operation may wait. The default is
// 0: no limit. Without [WaitingRoom] it has no effect, since nobody waits; a
// report then has the finding wait_limit_unused. Limits given with a call can
// tighten it, never extend it.
//
// When a slot is handed over in the moment in which the limit is reached,
// whoever takes the lock first decides: on a busy machine an operation can be
// admitted a little after its limit.
func WaitLimit(d time.Duration) Option {
	return func(c *Config) error {
		c.waitLimit = d
		return nil
	}
}

// OnEvent adds a handler that has every event from the first on. It may be
// given several times. What a handler may do is said at [Bulkhead.OnEvent].
func OnEvent(h func(Event)) Option {
	return func(c *Config) error {
		if h == nil {
			return &ConfigError{Field: "handler", Problem: "must not be nil"}
		}
		c.handlers = append(c.handlers, h)
		return nil
	}
}

// OnHandlerPanic sets what is told when an event handler panics: the event
// that it was given and the recovered value. The default logs with log/slog at
// level Error. A panic of f itself is swallowed.
func OnHandlerPanic(f func(e Event, recovered any)) Option {
	return func(c *Config) error {
		if f == nil {
			return &ConfigError{Field: "handler", Problem: "must not be nil"}
		}
		c.onHandlerPanic = f
		return nil
	}
}

// Capacity is how much a bulkhead takes: Parallelism slots in use at once
// (at least 1), WaitingRoom operations waiting (0: none), each for WaitLimit at
// the most (0: no limit).
type Capacity struct {
	Parallelism, WaitingRoom int
	WaitLimit                time.Duration
}

// Validate returns nil, or all that is wrong with c: a join of [*ConfigError],
// one for each field.
func (c Capacity) Validate() error {
	return errors.Join(c.problems()...)
}

func (c Capacity) problems() []error {
	var errs []error
	if c.Parallelism < 1 {
		errs = append(errs, &ConfigError{Field: "parallelism", Value: c.Parallelism, Problem: "must be at least 1"})
	}
	if c.WaitingRoom < 0 {
		errs = append(errs, &ConfigError{Field: "waiting_room", Value: c.WaitingRoom, Problem: "must be 0 (nobody waits) or more"})
	}
	if c.WaitLimit < 0 {
		errs = append(errs, &ConfigError{Field: "wait_limit", Value: c.WaitLimit, Problem: "must be 0 (no limit) or more"})
	}
	return errs
}

// ErrConfig is matched by every [*ConfigError].
var ErrConfig = errors.New("bulk: bad configuration")

// ConfigError says which value can't be used and what is allowed.
type ConfigError struct {
	Field   string // label parallelism waiting_room wait_limit option handler slots max_keys idle_after; reason kind severity: texts; capacity waits: their JSON; key: of a keyed one
	Value   any    // what was given; nil where a nil was
	Problem string // what is allowed

	cause error // of an option that failed in a way of its own
}

func (e *ConfigError) Error() string {
	if s, ok := e.Value.(string); ok {
		return fmt.Sprintf("bulk: %s %q: %s", e.Field, s, e.Problem)
	}
	return fmt.Sprintf("bulk: %s %v: %s", e.Field, e.Value, e.Problem)
}

// Is reports whether target is [ErrConfig].
func (e *ConfigError) Is(target error) bool { return target == ErrConfig }

// Unwrap returns the error of an option that failed in a way of its own,
// [option.ErrNil] among them, else nil.
func (e *ConfigError) Unwrap() error { return e.cause }

// configure applies opts and checks the whole. The errors are all that is
// wrong, each a *ConfigError.
func configure(label string, parallelism int, opts []Option) (Config, Capacity, error) {
	var c Config
	var errs []error
	if strings.TrimSpace(label) == "" {
		errs = append(errs, &ConfigError{Field: "label", Value: label, Problem: "must not be empty or only spaces"})
	}
	errs = append(errs, configErrors(option.Apply(&c, opts...))...)
	capacity := Capacity{parallelism, c.room, c.waitLimit}
	errs = append(errs, capacity.problems()...)
	return c, capacity, errors.Join(errs...)
}

// configErrors takes apart what errors.Join has joined, and makes each error a
// *ConfigError. An error of another type that has several causes is one problem
// and stays whole.
func configErrors(err error) []error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*ConfigError); ok {
		return []error{err}
	}
	if reflect.TypeOf(err) == joined {
		var errs []error
		for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
			errs = append(errs, configErrors(e)...)
		}
		return errs
	}
	return []error{&ConfigError{Field: "option", Problem: err.Error(), cause: err}}
}

var joined = reflect.TypeOf(errors.Join(ErrConfig))
