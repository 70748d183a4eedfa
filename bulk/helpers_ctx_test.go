package bulk_test

import (
	"context"
	"sync/atomic"
	"time"
)

// foreignCtx is a ctx of a type that package context does not know. Its Done and
// Err need not agree.
type foreignCtx struct {
	context.Context
	done chan struct{}
	err  error
}

func (c foreignCtx) Done() <-chan struct{} { return c.done }
func (c foreignCtx) Err() error            { return c.err }

// lyingCtx has a deadline, but does not end then.
type lyingCtx struct {
	context.Context
	done chan struct{}
	ends time.Time
}

func (c lyingCtx) Deadline() (time.Time, bool) { return c.ends, true }
func (c lyingCtx) Done() <-chan struct{}       { return c.done }
func (c lyingCtx) Err() error                  { return nil }

// hookCtx runs a hook in each call of Err, with the number of the call. A waiting
// operation calls Err after it wakes and before it takes the lock, so the hook is
// certain to take the lock first.
type hookCtx struct {
	context.Context
	hook  func(call int) error
	calls int
}

func (c *hookCtx) Err() error {
	c.calls++
	return c.hook(c.calls)
}

// lateCtx says that it ends earlier than the Context in it does.
type lateCtx struct {
	context.Context
	ends time.Time
}

func (c lateCtx) Deadline() (time.Time, bool) { return c.ends, true }

// strangeCtx is a ctx of a type that package context does not know.
type strangeCtx struct {
	context.Context
	done  chan struct{} // what Done returns
	ended chan struct{} // closed when Err returns err
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

// around returns a ctx that ends with err when end is called. The parent, which
// package context knows, does not end then.
func around(parent context.Context, err error) (ctx context.Context, end func()) {
	ended := make(chan struct{})
	return &strangeCtx{parent, ended, ended, err}, func() { close(ended) }
}

// silent returns a ctx that ends with err when end is called, without closing its
// Done channel: a goroutine that waits finds out when something else wakes it.
func silent(err error) (ctx context.Context, end func()) {
	ended := make(chan struct{})
	return &strangeCtx{context.Background(), make(chan struct{}), ended, err}, func() { close(ended) }
}

// done returns a ctx that was canceled with the cause, or without one if cause is
// nil.
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

// brokenCtx never ends, although it has a deadline. Each of its methods runs a hook
// with the number of the call. The hook may panic or end the goroutine.
type brokenCtx struct {
	context.Context
	never                     chan struct{}
	ends                      time.Time
	onDone, onErr, onDeadline func(call int)
	calls                     [3]int
}

func (c *brokenCtx) count(method int, hook func(int)) {
	c.calls[method]++
	if hook != nil {
		hook(c.calls[method])
	}
}

func (c *brokenCtx) Done() <-chan struct{} {
	c.count(0, c.onDone)
	return c.never
}

func (c *brokenCtx) Err() error {
	c.count(1, c.onErr)
	return nil
}

func (c *brokenCtx) Deadline() (time.Time, bool) {
	c.count(2, c.onDeadline)
	return c.ends, true
}
