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

// phase is one of these, or the kit.Exit of its function.
type phase string

const (
	inFlight phase = "in flight"
	waiting  phase = "waiting"
	rejected phase = "rejected"
	tooMany  phase = "rejected: too many keys"
	badKey   phase = "not allowed"
	odd      phase = "something else"
)

// operation is an operation of the subject, and what should be seen of it.
type operation struct {
	kit.Operation
	verb   verb
	name   string // of its key
	cancel context.CancelCauseFunc

	key    *key // nil if it got none
	want   outcome
	waited bool
}

func (c *operation) String() string {
	return fmt.Sprintf("#%d %s(%q, %v)", c.ID, c.verb.name, c.name, c.Limits)
}

// verb is a way to run an operation.
type verb struct {
	name  string
	exact bool // the error of an operation that ran is never taken for a rejection
	run   func(c *operation) (int, error)
}

func verbsOf(s Subject) []verb {
	list := []verb{{name: "Acquire", run: func(c *operation) (int, error) { return c.Hold(s.Acquire(c.Ctx, c.name, c.Limits...)) }}}
	if d, ok := s.(interface {
		DoKey(ctx context.Context, key string, fn func(context.Context) error, limits ...deadline.Limit) error
	}); ok {
		list = append(list, verb{name: "DoKey", run: func(c *operation) (int, error) {
			return c.ErrOnly(func(fn func(context.Context) error) error { return d.DoKey(c.Ctx, c.name, fn, c.Limits...) })
		}})
	}
	if k, ok := s.(*registry.Keyed[string]); ok {
		list = append(list, verb{name: "RunKey", exact: true, run: func(c *operation) (int, error) {
			return registry.RunKey(c.Ctx, k, c.name, c.Body, c.Limits...)
		}}, verb{name: "GuardKey", exact: true, run: func(c *operation) (int, error) {
			keyOf := func(c *operation) string { return c.name }
			return registry.GuardKey(k, keyOf, func(ctx context.Context, c *operation) (int, error) { return c.Body(ctx) }, c.Limits...)(c.Ctx, c)
		}})
	}
	return list
}

// serve makes the call.
func (c *operation) serve() { go c.Serve(func() (int, error) { return c.verb.run(c) }) }

// seen is what can be seen of the operation.
func (c *operation) seen() outcome {
	var e *bulk.AdmissionError
	switch {
	case !c.Over && c.Calls > 0:
		return outcome{Phase: inFlight}
	case !c.Over:
		return outcome{Phase: waiting}
	case c.Calls > 0:
		return outcome{Phase: phase(c.How())}
	case errors.Is(c.Err, registry.ErrTooManyKeys):
		return outcome{Phase: tooMany}
	case errors.Is(c.Err, bulk.ErrConfig):
		return outcome{Phase: badKey}
	case errors.As(c.Err, &e):
		return outcome{Phase: rejected, Rejection: model.RejectionOf(e)}
	}
	return outcome{Phase: odd}
}

// wrong says what is wrong with how an operation came out that is over, given that
// its outcome is right.
func (c *operation) wrong(m *machine) string {
	reason, many := c.want.Rejection.Reason, new(registry.TooManyKeysError)
	switch started := c.Calls > 0; {
	case m.s.NotStarted(c.Err) != (c.want.Phase == rejected || c.want.Phase == tooMany) && (!started || c.verb.exact):
		return "NotStarted is wrong"
	case started && c.verb.exact && errors.Is(c.Err, registry.ErrTooManyKeys):
		return "another error"
	case started:
		hide := m.s.NotStarted(c.Told.Err)
		return c.WrongResult(c.verb.exact, hide, hide)
	case strings.Contains(c.Err.Error(), secret):
		return "the error names a key"
	case c.want.Phase == badKey:
		return ""
	case reason == bulk.Canceled && !errors.Is(c.Err, errEnd), c.want.Phase == tooMany && !errors.Is(c.Err, bulk.ErrOverload),
		c.want.Phase == tooMany && (!errors.As(c.Err, &many) || *many != registry.TooManyKeysError{Label: label, MaxKeys: m.state.maxKeys}):
		return "another error"
	case m.s.NotStarted(errors.Join(m.foreign, c.Err)) || !m.s.NotStarted(errors.Join(c.Err, m.foreign)):
		return "NotStarted does not look at the first of joined rejections"
	}
	if m.rejected = c.Err; c.want.Phase == tooMany {
		return ""
	}
	return kit.WrongSentinels(c.Err, reason)
}
