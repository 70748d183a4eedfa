package bulk

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
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
	onRelease      func() // see internal/hooks
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
// given several times. [Bulkhead.OnEvent] says what a handler may do. It must not
// react to a kind of event by causing that kind again: it would recurse without
// end, until the program ends with a stack overflow. [Bulkhead.OnEvent] shows
// what to do instead.
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
func (c Capacity) Validate() error { return c.validate("") }

// validate is Validate for the capacity of the bulkhead with the label.
func (c Capacity) validate(label string) error {
	return errors.Join(c.problems(label)...)
}

func (c Capacity) problems(label string) []error {
	var errs []error
	if c.Parallelism < 1 {
		errs = append(errs, &ConfigError{Label: label, Field: "parallelism", Value: c.Parallelism, Problem: "must be at least 1"})
	}
	if c.WaitingRoom < 0 {
		errs = append(errs, &ConfigError{Label: label, Field: "waiting_room", Value: c.WaitingRoom, Problem: "must be 0 (nobody waits) or more"})
	}
	if c.WaitLimit < 0 {
		errs = append(errs, &ConfigError{Label: label, Field: "wait_limit", Value: c.WaitLimit, Problem: "must be 0 (no limit) or more"})
	}
	return errs
}

// ErrConfig is matched by every [*ConfigError].
var ErrConfig = errors.New("bulk: bad configuration")

// ConfigError says which value can't be used and what is allowed.
type ConfigError struct {
	Label   string // of the bulkhead that the value is for; empty if that is not known, or if its label is what is wrong
	Field   string // label parallelism waiting_room wait_limit option handler slots max_keys idle_after; reason kind severity: texts; capacity waits: their JSON; key: of a keyed one
	Value   any    // what was given; nil where a nil was
	Problem string // what is allowed

	cause error // what the option returned
}

// Error reads like one of
//
//	bulkhead "payments": parallelism 0: must be at least 1
//	bulk: slots 0: must be at least 1
//
// the second if the label is not known.
func (e *ConfigError) Error() string {
	about := "bulk"
	if e.Label != "" {
		about = "bulkhead " + quoted(e.Label)
	}
	value := fmt.Sprint(e.Value)
	if s, ok := e.Value.(string); ok {
		value = strconv.Quote(s)
	}
	return fmt.Sprintf("%s: %s %s: %s", about, e.Field, value, e.Problem)
}

// Is reports whether target is [ErrConfig].
func (e *ConfigError) Is(target error) bool { return target == ErrConfig }

// Unwrap returns the error that an option returned, [option.ErrNil] if the
// option was nil, and nil if e is not about an option that failed.
func (e *ConfigError) Unwrap() error { return e.cause }

// configure applies opts and checks the whole. The errors are all that is
// wrong, each a *ConfigError.
func configure(label string, parallelism int, opts []Option) (Config, Capacity, error) {
	var c Config
	var errs []error
	if strings.TrimSpace(label) == "" {
		errs = append(errs, &ConfigError{Field: "label", Value: label, Problem: "must not be empty or only spaces"})
		label = "" // it names nothing
	}
	errs = append(errs, configErrors(label, option.Apply(&c, opts...))...)
	capacity := Capacity{parallelism, c.room, c.waitLimit}
	errs = append(errs, capacity.problems(label)...)
	return c, capacity, errors.Join(errs...)
}

// configErrors takes apart what errors.Join has joined, and makes each error a
// *ConfigError with the label. An error of another type that has several causes
// is one problem and stays whole.
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
