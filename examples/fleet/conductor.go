package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

var names = [...]string{"a", "b", "c", "d", "e"}

// conductor starts the replicas, changes what they do, and prints the table.
type conductor struct {
	replica    replicaConfig // of each replica, but for its name
	dependency *dependency
	engine     *engine
	own        bool // the engine is ours: it is restarted
	out        io.Writer

	mu       sync.Mutex
	replicas [len(names)]*process // nil: it does not run; only play changes them, and the page reads them
}

func (c *conductor) replicaAt(i int) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.replicas[i]
}

func (c *conductor) setReplica(i int, p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replicas[i] = p
}

// step is something that happens.
type step struct {
	at   float64 // as a part of the duration
	what string
	do   func() error
}

func (c *conductor) scenario() []step {
	steps := []step{
		{0, "all are busy", func() error { return errors.Join(c.startAll(), c.load(20, 20, 20, 20, 20)) }},
		{0.17, "only a is busy", func() error { return c.load(60, 0, 0, 0, 0) }},
		{0.33, "c and d are busy", func() error { return c.load(0, 0, 40, 40, 0) }},
		{0.50, "c is killed", func() error { return c.kill(2) }},
	}
	if c.own {
		steps = append(steps,
			step{0.71, "the store is down", func() error { c.engine.stop(); return nil }},
			step{0.76, "the store is back", func() error { return c.engine.start() }})
	}
	return append(steps, step{0.83, "c is back, all busy", func() error { return errors.Join(c.start(2), c.load(20, 20, 20, 20, 20)) }})
}

// play makes the steps and prints a line for each of them, and one each second.
func (c *conductor) play(ctx context.Context, duration time.Duration) error {
	c.header()
	began := time.Now()
	steps := c.scenario()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		quiet := true
		for len(steps) > 0 && time.Since(began).Seconds() >= steps[0].at*duration.Seconds() {
			if err := steps[0].do(); err != nil {
				return fmt.Errorf("%s: %w", steps[0].what, err)
			}
			c.line(time.Since(began), steps[0].what)
			quiet, steps = false, steps[1:]
		}
		if quiet {
			c.line(time.Since(began), "")
		}
		if time.Since(began) >= duration {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-second.C:
		}
	}
}

func (c *conductor) header() {
	fmt.Fprintf(c.out, "A dependency takes %d concurrent calls. Five replicas share them.\n\n", c.replica.Total)
	fmt.Fprintf(c.out, "%5s  %-20s %s  %6s  %6s  %7s\n", "time", "what happens", columns(names[:]), "rest", "inside", "highest")
}

func columns(values []string) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%5s", v)
	}
	return b.String()
}

// line prints the share of each replica, as its last report says.
func (c *conductor) line(at time.Duration, what string) {
	inside, highest, _ := c.dependency.counts()
	rest := c.replica.Total
	var shares []string
	for _, p := range c.replicas {
		if p == nil {
			shares = append(shares, "-")
			continue
		}
		r := p.report()
		rest -= r.Share
		shares = append(shares, strconv.Itoa(r.Share))
	}
	fmt.Fprintf(c.out, "%4.0fs  %-20s %s  %6d  %6d  %7d\n", at.Seconds(), what, columns(shares), rest, inside, highest)
}

func (c *conductor) startAll() error {
	var errs []error
	for i := range c.replicas {
		errs = append(errs, c.start(i))
	}
	return errors.Join(errs...)
}

func (c *conductor) start(i int) error {
	config := c.replica
	config.Name = names[i]
	p, err := startReplica(config)
	c.setReplica(i, p)
	return err
}

// load sets the number of callers of each replica that runs.
func (c *conductor) load(callers ...int) error {
	var errs []error
	for i, p := range c.replicas {
		if p != nil {
			errs = append(errs, p.load(callers[i]))
		}
	}
	return errors.Join(errs...)
}

func (c *conductor) kill(i int) error {
	p := c.replicaAt(i)
	c.setReplica(i, nil)
	return p.kill()
}

// leave ends all replicas: they finish their calls and give their shares back.
func (c *conductor) leave() error {
	ended := make(chan error)
	for _, p := range c.replicas {
		go func() {
			if p == nil {
				ended <- nil
				return
			}
			ended <- p.leave()
		}()
	}
	var errs []error
	for range c.replicas {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}
