package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// client is one goroutine and what it has recorded.
type client struct {
	*recorder
	id     int
	random *rand.Rand
	held   []holding
	mine   []porcupine.Operation
}

// act makes one call.
func (c *client) act() {
	switch p := c.random.IntN(100); {
	case p < 30-10*len(c.held):
		c.acquire()
	case p < 40-10*len(c.held):
		c.run()
	case p < 50:
		c.tryAcquire()
	case p < 55:
		c.askNow()
	case p < 60:
		c.pass()
	case p < 65:
		c.releasePassed()
	case p < 70:
		c.change()
	case p < 73:
		c.drained()
	case p < 80:
		c.look()
	case p < 85:
		c.endOther()
	default:
		c.release()
	}
}

// add records a step.
func (c *client) add(in input, out output, call, ret int64) {
	c.mine = append(c.mine, porcupine.Operation{ClientId: c.id, Input: in, Output: out, Call: call, Return: ret})
}

// leave hands in what was recorded.
func (c *client) leave() {
	c.releaseAll()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops = append(c.ops, c.mine...)
}

func (c *client) arrival(limits ...deadline.Limit) input {
	return input{op: int(c.number.Add(1) - 1), slots: 1 + c.random.IntN(3)*c.random.IntN(2), limits: limits}
}

func (c *client) tryAcquire() {
	in := c.arrival(deadline.NoWait())
	in.verb = try
	call := c.now()
	slot, ok := c.try(in.slots)
	c.add(in, output{ok: ok}, call, c.now())
	if ok {
		c.held = append(c.held, holding{in.op, slot})
	}
}

func (c *client) askNow() {
	in := c.arrival(deadline.NoWait())
	call := c.now()
	slot, err := c.b.AcquireN(context.Background(), in.slots, in.limits...)
	c.answered(in, err, call, c.now())
	if err == nil {
		c.held = append(c.held, holding{in.op, slot})
	}
}

func (c *client) acquire() {
	in, ctx, stop := c.patient()
	defer stop()
	call := c.now()
	slot, err := c.b.AcquireN(ctx, in.slots, in.limits...)
	c.answered(in, err, call, c.now())
	if err == nil {
		c.held = append(c.held, holding{in.op, slot})
	}
}

// run is acquire and release by way of RunN.
func (c *client) run() {
	in, ctx, stop := c.patient()
	defer stop()
	over := int64(-1)
	call := c.now()
	_, err := bulk.RunN(ctx, c.b, in.slots, func(context.Context) (int, error) {
		c.answered(in, nil, call, c.now())
		if c.random.IntN(2) == 0 {
			runtime.Gosched()
		}
		over = c.now()
		return 0, nil
	}, in.limits...)
	if ret := c.now(); err == nil {
		c.add(input{verb: release, op: in.op}, output{}, over, ret)
	} else {
		c.answered(in, err, call, ret)
	}
}

// patient returns an arrival that may wait, but not forever, and its ctx.
func (c *client) patient() (in input, ctx context.Context, stop func()) {
	in = c.arrival()
	ctx, end := context.WithCancel(context.Background())
	wait := time.Duration(1+c.random.IntN(1000)) * time.Microsecond
	kind := c.random.IntN(20)
	switch {
	case kind == 0:
		end()
		in.done = true
		return in, ctx, func() {}
	case kind < 8:
		in.limits = append(in.limits, deadline.Within(wait))
		if kind > 3 {
			return in, ctx, end
		}
	}
	c.offer(ending{in.op, end})
	c.timers.Add(1)
	timer := time.AfterFunc(2*wait, func() {
		defer c.timers.Done()
		t := &client{recorder: c.recorder, id: clients}
		t.end(ending{in.op, end})
		t.leave()
	})
	return in, ctx, func() {
		if timer.Stop() {
			c.timers.Done()
			end()
		}
	}
}

// offer lets others end a ctx, instead of one that was offered long ago.
func (c *client) offer(e ending) {
	select {
	case c.ends <- e:
		return
	default:
	}
	select {
	case <-c.ends:
	default:
	}
	select {
	case c.ends <- e:
	default:
	}
}

func (c *client) end(e ending) {
	call := c.now()
	e.end()
	c.add(input{verb: cancel, op: e.op}, output{}, call, c.now())
}

// endOther ends the ctx of an operation that may be waiting, and frees slots that
// it may be granted before it wakes.
func (c *client) endOther() {
	select {
	case e := <-c.ends:
		c.end(e)
	default:
	}
	c.release()
}

// answered records an arrival as one step or as two.
func (c *client) answered(in input, err error, call, ret int64) {
	out := output{ok: err == nil, took: time.Duration(ret - call)}
	var e *bulk.AdmissionError
	if errors.As(err, &e) {
		out.rejection = model.RejectionOf(e)
	}
	impatient := slices.ContainsFunc(in.limits, func(l deadline.Limit) bool { return l == deadline.NoWait() })
	if impatient || in.done || out.rejection.Reason == bulk.Saturated {
		in.verb = ask
		c.add(in, out, call, ret)
		return
	}
	in.verb = arrive
	c.add(in, out, call, ret)
	c.add(input{verb: wake, op: in.op}, out, call, ret)
}

func (c *client) change() {
	in := input{verb: change, capacity: someCapacity(c.random)}
	if c.random.IntN(8) == 0 {
		in.capacity.Parallelism = 0
	}
	set := func() error { return c.b.SetCapacity(in.capacity) }
	if c.random.IntN(2) == 0 {
		in.verb = resize
		set = func() error { return c.b.Resize(in.capacity.Parallelism) }
	}
	call := c.now()
	err := set()
	ret := c.now()
	var out output
	for _, sentinel := range []error{bulk.ErrConfig, bulk.ErrClosed} {
		if errors.Is(err, sentinel) {
			out.change = sentinel
		}
	}
	c.add(in, out, call, ret)
}

func (c *client) shut() {
	call := c.now()
	_ = c.b.Close() // always nil
	c.add(input{verb: shut}, output{}, call, c.now())
}

func (c *client) drained() {
	call := c.now()
	ok := false
	select {
	case <-c.b.Done():
		ok = true
	default:
	}
	c.add(input{verb: drained}, output{ok: ok}, call, c.now())
}

func (c *client) look() {
	call := c.now()
	s := c.b.Status()
	ret := c.now()
	out := output{status: s, waits: s.Totals.Waits.Count()}
	t := &out.status.Totals
	out.status.ID, out.status.At, out.status.Queueing, out.status.OldestWait = 0, epoch, 0, 0
	t.Wait, t.LongestWait, t.Queueing, t.Waits, t.Holds.Sum = 0, 0, 0, bulk.Waits{}, 0
	c.add(input{verb: look}, out, call, ret)
	if err := hooks.Check(c.b); err != nil { // while the others go on
		c.mu.Lock()
		c.broken = err
		c.mu.Unlock()
	}
}
