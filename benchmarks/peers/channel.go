package peers

import (
	"context"
	"errors"
	"time"
)

var errFull = errors.New("full")

// The runtime serves senders in FIFO order, but does not document it, so none of these
// peers has Orders.

// channel is a buffered channel used as a semaphore, in the shortest form.
var channel = Spec{
	Name:  "channel",
	Title: "buffered channel, bare",
	Has:   Limits | Rejects | Unwinds | InPlace | Bundled,
	New:   channels(func(c bareChannel) Peer { return c }, nil),
}

// channelCtx is a buffered channel whose wait ends with ctx, the recommended form.
var channelCtx = Spec{
	Name:  "channel-ctx",
	Title: "buffered channel, select with ctx",
	Has:   Limits | Rejects | Cancels | Unwinds | InPlace | Bundled,
	New:   channels(func(c bareChannel) Peer { return ctxChannel{c} }, nil),
}

// channelTimer is channelCtx with a timer for waiting operations.
var channelTimer = Spec{
	Name:  "channel-timer",
	Title: "buffered channel, select with ctx and timer",
	Has:   Limits | Rejects | Cancels | TimesOut | Unwinds | InPlace | Bundled,
	New:   channels(nil, func(c bareChannel, limit time.Duration) Peer { return timerChannel{c, limit} }),
}

// channels returns a Spec's New. forever makes a peer whose operations wait without a
// limit, and upTo one whose operations wait up to a limit. Nil means not supported.
func channels(forever func(bareChannel) Peer, upTo func(bareChannel, time.Duration) Peer) func(Setup) Peer {
	return func(s Setup) Peer {
		c := make(bareChannel, s.Slots)
		switch {
		case s.Listen > 0:
		case s.Wait == 0:
			return tryChannel{c}
		case s.Wait == Forever && forever != nil:
			return forever(c)
		case s.Wait != Forever && upTo != nil:
			return upTo(c, s.Wait)
		}
		return nil
	}
}

// The loops below are the same on purpose: each calls the Run of its own type directly.
// See Peer.

type bareChannel chan struct{}

func (c bareChannel) release() { <-c }

func (c bareChannel) Run(ctx context.Context, op Op) (int, error) {
	c <- struct{}{}
	defer c.release()
	return op(ctx)
}

func (c bareChannel) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = c.Run(ctx, op)
	}
}

func (c bareChannel) Pairs(_ context.Context, n int) {
	for range n {
		c <- struct{}{}
		c.release()
	}
}

type tryChannel struct{ c bareChannel }

func (t tryChannel) Run(ctx context.Context, op Op) (int, error) {
	select {
	case t.c <- struct{}{}:
	default:
		return 0, errFull
	}
	defer t.c.release()
	return op(ctx)
}

func (t tryChannel) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = t.Run(ctx, op)
	}
}

type ctxChannel struct{ bareChannel }

func (c ctxChannel) acquire(ctx context.Context) error {
	select {
	case c.bareChannel <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c ctxChannel) Run(ctx context.Context, op Op) (int, error) {
	if err := c.acquire(ctx); err != nil {
		return 0, err
	}
	defer c.release()
	return op(ctx)
}

func (c ctxChannel) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = c.Run(ctx, op)
	}
}

func (c ctxChannel) Pairs(ctx context.Context, n int) {
	for range n {
		if c.acquire(ctx) == nil {
			c.release()
		}
	}
}

type timerChannel struct {
	bareChannel
	limit time.Duration
}

func (c timerChannel) acquire(ctx context.Context) error {
	select { // a timer is needed only if the operation waits
	case c.bareChannel <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(c.limit)
	defer timer.Stop()
	select {
	case c.bareChannel <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errFull
	}
}

func (c timerChannel) Run(ctx context.Context, op Op) (int, error) {
	if err := c.acquire(ctx); err != nil {
		return 0, err
	}
	defer c.release()
	return op(ctx)
}

func (c timerChannel) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = c.Run(ctx, op)
	}
}

func (c timerChannel) Pairs(ctx context.Context, n int) {
	for range n {
		if c.acquire(ctx) == nil {
			c.release()
		}
	}
}
