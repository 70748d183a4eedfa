package bulk_test

import (
	"context"
	"sync/atomic"
	"time"
)

// A context that isn't one of the standard library's, or says one thing and
// does another, costs no slot and hangs nobody.
type foreignCtx struct {
	context.Context
	done chan struct{}
	err  error
}

func (c foreignCtx) Done() <-chan struct{} { return c.done }
func (c foreignCtx) Err() error            { return c.err }

// lyingCtx has a deadline at which nothing happens.
type lyingCtx struct {
	context.Context
	done chan struct{}
	dies time.Time
}

func (c lyingCtx) Deadline() (time.Time, bool) { return c.dies, true }
func (c lyingCtx) Done() <-chan struct{}       { return c.done }
func (c lyingCtx) Err() error                  { return nil }

// hookCtx runs a hook each time that the waiting operation looks at its ctx,
// which is after it has woken and before it takes the lock: what the hook does
// has surely taken the lock first.
type hookCtx struct {
	context.Context
	hook func(look int) error
	look int
}

func (c *hookCtx) Err() error {
	c.look++
	return c.hook(c.look)
}

// lateCtx has a deadline, and ends so much later.
type lateCtx struct {
	context.Context
	dies time.Time
}

func (c lateCtx) Deadline() (time.Time, bool) { return c.dies, true }

// strangeCtx is a ctx of a type that package context doesn't know.
type strangeCtx struct {
	context.Context
	done  chan struct{} // what Done returns
	ended chan struct{} // closed when Err has something to say
	err   error
}

func (c *strangeCtx) Done() <-chan struct{} { return c.done }

func (c *strangeCtx) Err() error {
	select {
	case <-c.ended:
		return c.err
	default:
		return nil
	}
}

// strange returns a ctx that ends with err when end is called.
func strange(err error) (ctx context.Context, end func()) {
	ended := make(chan struct{})
	return &strangeCtx{context.Background(), ended, ended, err}, func() { close(ended) }
}

// around returns a ctx around one that package context knows, which goes on when
// this one ends with err.
func around(parent context.Context, err error) (ctx context.Context, end func()) {
	ended := make(chan struct{})
	return &strangeCtx{parent, ended, ended, err}, func() { close(ended) }
}

// silent returns a ctx that ends with err when end is called, and wakes nobody:
// those who wait find it ended when something else wakes them.
func silent(err error) (ctx context.Context, end func()) {
	ended := make(chan struct{})
	return &strangeCtx{context.Background(), make(chan struct{}), ended, err}, func() { close(ended) }
}

// done returns a ctx that was canceled with the cause; nil is no cause.
func done(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}

// quietCtx can end without closing its Done channel.
type quietCtx struct {
	context.Context
	ended atomic.Bool
}

func (c *quietCtx) Err() error {
	if c.ended.Load() {
		return context.Canceled
	}
	return c.Context.Err()
}

// wreckCtx never ends by itself. It says that it does at the instant of its
// deadline, and runs a hook at each look at it, which may not return.
type wreckCtx struct {
	context.Context
	never                     chan struct{}
	dies                      time.Time
	onDone, onErr, onDeadline func(look int)
	looks                     [3]int
}

func (c *wreckCtx) look(i int, hook func(int)) {
	c.looks[i]++
	if hook != nil {
		hook(c.looks[i])
	}
}

func (c *wreckCtx) Done() <-chan struct{} {
	c.look(0, c.onDone)
	return c.never
}

func (c *wreckCtx) Err() error {
	c.look(1, c.onErr)
	return nil
}

func (c *wreckCtx) Deadline() (time.Time, bool) {
	c.look(2, c.onDeadline)
	return c.dies, true
}
