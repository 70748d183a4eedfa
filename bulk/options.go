package bulk

import (
	"errors"
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
