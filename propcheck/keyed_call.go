package propcheck

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// The ways in which the function of an operation ends.
const (
	keyReturns = iota
	keyFails
	keyPanics
	keyExits
)

var keyedExits = [...]string{"returns", "returns an error", "panics", "ends its goroutine"}

// keyedCall is an operation on its way, beside what the model says of it.
type keyedCall struct {
	verb     keyedVerb
	key      string
	twice    bool // releases its slot twice
	waited   bool
	model    *keyedOp
	deadline time.Time // zero: its wait has no bound
	ctx      context.Context
	cancel   context.CancelCauseFunc
	limits   []deadline.Limit
	end      chan struct{}
	exit     int // set before end is closed
	started  chan struct{}
	over     chan struct{}

	// What came of it, when it is over.
	value     int
	err       error
	recovered any
	returned  bool
}

// keyedVerb is a way to run an operation: it runs fn, or takes a slot.
type keyedVerb struct {
	name    string
	run     func(c *keyedCall, fn func(context.Context) (int, error)) (int, error)
	acquire func(c *keyedCall) (bulk.Slot, error)
}

func keyedVerbs(s KeyedSubject) []keyedVerb {
	list := []keyedVerb{{name: "Acquire", acquire: func(c *keyedCall) (bulk.Slot, error) { return s.Acquire(c.ctx, c.key, c.limits...) }}}
	if k, ok := s.(*registry.Keyed[string]); ok {
		list = append(list,
			keyedVerb{name: "RunKey", run: func(c *keyedCall, fn func(context.Context) (int, error)) (int, error) {
				return registry.RunKey(c.ctx, k, c.key, fn, c.limits...)
			}},
			keyedVerb{name: "GuardKey", run: func(c *keyedCall, fn func(context.Context) (int, error)) (int, error) {
				keyOf := func(c *keyedCall) string { return c.key }
				return registry.GuardKey(k, keyOf, func(ctx context.Context, _ *keyedCall) (int, error) { return fn(ctx) }, c.limits...)(c.ctx, c)
			}})
	}
	if d, ok := s.(KeyedDoer); ok {
		list = append(list, keyedVerb{name: "DoKey", run: func(c *keyedCall, fn func(context.Context) (int, error)) (v int, err error) {
			err = d.DoKey(c.ctx, c.key, func(ctx context.Context) (err error) {
				v, err = fn(ctx)
				return err
			}, c.limits...)
			return v, err
		}})
	}
	return list
}

// hold is the function of the operation.
func (c *keyedCall) hold(context.Context) (int, error) {
	close(c.started)
	<-c.end
	switch c.exit {
	case keyFails:
		return 7, errKeyedEnd
	case keyPanics:
		panic(c)
	case keyExits:
		runtime.Goexit()
	}
	return 7, nil
}

// serve runs the operation from its beginning to its end.
func (c *keyedCall) serve() {
	defer close(c.over)
	defer func() { c.recovered = recover() }()
	if c.verb.run != nil {
		c.value, c.err = c.verb.run(c, c.hold)
		c.returned = true
		return
	}
	slot, err := c.verb.acquire(c)
	defer slot.Release()
	if c.twice {
		defer slot.Release()
	}
	if c.err = err; err == nil {
		c.value, c.err = c.hold(c.ctx)
	}
	c.returned = true
}

// seen is what can be seen of the operation.
func (c *keyedCall) seen() keyedOutcome {
	select {
	case <-c.over:
	default:
		select {
		case <-c.started:
			return keyAdmitted
		default:
			return keyWaits
		}
	}
	select {
	case <-c.started:
		return keyFinished
	default:
	}
	for _, o := range []struct {
		outcome keyedOutcome
		is      error
	}{{keySaturated, bulk.ErrSaturated}, {keyExpired, bulk.ErrExpired}, {keyCanceled, bulk.ErrCanceled}, {keyClosed, bulk.ErrClosed}, {keyTooMany, registry.ErrTooManyKeys}} {
		if errors.Is(c.err, o.is) {
			return o.outcome
		}
	}
	if c.err == nil {
		return "over without a start"
	}
	return keyedOutcome(c.err.Error())
}
