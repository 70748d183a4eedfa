package keys

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
	"github.com/bulklink/bulklink-go/registry"
)

// Subject is propcheck.KeyedSubject.
type Subject interface {
	kit.Resizable
	// Acquire takes a slot of the key. It waits for one if it must.
	Acquire(ctx context.Context, key string, limits ...deadline.Limit) (bulk.Slot, error)
	// Status returns the numbers over all keys.
	Status() registry.KeyedStatus
	// Statuses returns the keys with the status of their bulkheads.
	Statuses() iter.Seq2[string, bulk.Status]
	// NotStarted reports whether err is a rejection by the subject.
	NotStarted(err error) bool
	// Evict forgets the key if it is idle, and reports whether it did.
	Evict(key string) bool
	// EvictIdle forgets the keys idle for long enough, and returns their number.
	EvictIdle() int
}

// NewFunc makes a subject.
type NewFunc = func(label string, parallelism, maxKeys int, opts ...registry.KeyedOption) (Subject, error)

const (
	label  = "tenants"
	secret = "secret" // in every key
)

var errEnd = errors.New("the user went away")

// outcome is how far an operation has come.
type outcome struct {
	Phase     phase           // what can be seen of it
	Rejection model.Rejection // if rejected
}

type phase uint8

const (
	inFlight phase = iota
	waiting
	rejected
	tooMany
	badKey
	finished
	odd
)

func (s phase) String() string {
	return [...]string{"in flight", "waiting", "rejected", "rejected: too many keys", "not allowed", "finished", "something else"}[s]
}

// operation is an operation of the subject, on a goroutine of its own, and what should be
// seen of it.
type operation struct {
	id     int
	verb   verb
	name   string // of its key
	ctx    context.Context
	cancel context.CancelCauseFunc
	limits []deadline.Limit
	twice  bool // its slot is released twice

	key    *key // nil if it got none
	want   outcome
	waited bool

	exit          kit.Exit // set before end is closed
	result        error    // of fn, if it fails or panics; set before end is closed
	end           chan struct{}
	started, over chan struct{}

	// How the call ended, when it is over.
	err, recovered error
	returned       bool
}

func (c *operation) String() string {
	return fmt.Sprintf("#%d %s(%q, %v)", c.id, c.verb.name, c.name, c.limits)
}

// verb is a way to run an operation.
type verb struct {
	name  string
	run   func(c *operation) error
	exact bool // the error of an operation that ran is never taken for a rejection
}

func verbsOf(s Subject) []verb {
	list := []verb{{name: "Acquire", run: func(c *operation) error {
		slot, err := s.Acquire(c.ctx, c.name, c.limits...)
		defer slot.Release()
		if c.twice {
			defer slot.Release()
		}
		if err == nil {
			err = c.body(c.ctx)
		}
		return err
	}}}
	if d, ok := s.(interface {
		DoKey(ctx context.Context, key string, fn func(context.Context) error, limits ...deadline.Limit) error
	}); ok {
		list = append(list, verb{name: "DoKey", run: func(c *operation) error { return d.DoKey(c.ctx, c.name, c.body, c.limits...) }})
	}
	if k, ok := s.(*registry.Keyed[string]); ok {
		list = append(list, verb{name: "RunKey", exact: true, run: func(c *operation) error {
			_, err := registry.RunKey(c.ctx, k, c.name, c.run, c.limits...)
			return err
		}}, verb{name: "GuardKey", exact: true, run: func(c *operation) error {
			keyOf := func(c *operation) string { return c.name }
			_, err := registry.GuardKey(k, keyOf, func(ctx context.Context, c *operation) (int, error) { return c.run(ctx) }, c.limits...)(c.ctx, c)
			return err
		}})
	}
	return list
}

func (c *operation) run(ctx context.Context) (int, error) { return 0, c.body(ctx) }

// body is the function of the operation.
func (c *operation) body(context.Context) error {
	close(c.started)
	<-c.end
	c.exit.Leave(c.result)
	if c.exit == kit.Fails {
		return c.result
	}
	return nil
}

// serve runs the operation from its beginning to its end.
func (c *operation) serve() {
	defer close(c.over)
	defer func() { c.recovered, _ = recover().(error) }()
	c.err = c.verb.run(c)
	c.returned = true
}

// seen is what can be seen of the operation.
func (c *operation) seen() outcome {
	var e *bulk.AdmissionError
	started, over := kit.IsClosed(c.started), kit.IsClosed(c.over)
	switch {
	case !over && started:
		return outcome{Phase: inFlight}
	case !over:
		return outcome{Phase: waiting}
	case started:
		return outcome{Phase: finished}
	case errors.Is(c.err, registry.ErrTooManyKeys):
		return outcome{Phase: tooMany}
	case errors.Is(c.err, bulk.ErrConfig):
		return outcome{Phase: badKey}
	case errors.As(c.err, &e):
		return outcome{rejected, model.RejectionOf(e)}
	}
	return outcome{Phase: odd}
}

// wrong says what is wrong with how an operation came out that is over, given that
// its outcome is right.
func (c *operation) wrong(m *machine) string {
	reason, many := c.want.Rejection.Reason, new(registry.TooManyKeysError)
	switch started := c.want.Phase == finished; {
	case started && c.returned != (c.exit == kit.Returns || c.exit == kit.Fails), started && (c.exit == kit.Panics) != (c.recovered != nil),
		c.recovered != c.result && c.exit == kit.Panics, started && (c.exit == kit.Fails) != (c.err != nil):
		return "its function ended in another way"
	case m.s.NotStarted(c.err) != (c.want.Phase == rejected || c.want.Phase == tooMany) && (!started || c.verb.exact):
		return "NotStarted is wrong"
	case started && c.err != nil && c.verb.exact && m.s.NotStarted(c.result):
		// An error with the same text that is no rejection.
		if c.err.Error() != c.result.Error() || !errors.Is(c.err, errEnd) || errors.Is(c.err, registry.ErrTooManyKeys) {
			return "another error"
		}
		return kit.WrongSentinels(c.err, 0)
	case started:
		if !errors.Is(c.err, c.result) && c.exit == kit.Fails {
			return "another error"
		}
	case strings.Contains(c.err.Error(), secret):
		return "the error names a key"
	case c.want.Phase == badKey:
		return ""
	case reason == bulk.Canceled && !errors.Is(c.err, errEnd), c.want.Phase == tooMany && !errors.Is(c.err, bulk.ErrOverload),
		c.want.Phase == tooMany && (!errors.As(c.err, &many) || *many != registry.TooManyKeysError{Label: label, MaxKeys: m.state.maxKeys}):
		return "another error"
	case m.s.NotStarted(errors.Join(m.foreign, c.err)) || !m.s.NotStarted(errors.Join(c.err, m.foreign)):
		return "NotStarted does not look at the first of joined rejections"
	default:
		m.rejected = c.err
		if c.want.Phase == rejected {
			return kit.WrongSentinels(c.err, reason)
		}
	}
	return ""
}
