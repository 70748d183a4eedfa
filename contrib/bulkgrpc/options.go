package bulkgrpc

import (
	"context"

	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/option"
)

// Config is what the options of an [Interceptors] set. It has no exported fields.
type Config struct {
	limit    deadline.Limit
	slots    func(ctx context.Context, method string) int // nil: one slot
	onReject func(ctx context.Context, method string, err error) error
}

// Option is an option of [New], [NewSelected] and [NewKeyed].
type Option = option.Option[Config]

func newConfig(opts []Option) Config {
	var c Config
	if err := option.Apply(&c, opts...); err != nil {
		panic("bulkgrpc: " + err.Error())
	}
	return c
}

// Limits bounds how long each call may wait for its slot, in addition to the wait limit
// of the bulkhead: for example, deadline.Reserve(50*time.Millisecond) rejects a call
// whose client would not wait for the answer anyway. A [deadline.Before] is a fixed
// instant, after which every call is rejected.
func Limits(limits ...deadline.Limit) Option {
	limit := deadline.Tightest(limits...)
	return func(c *Config) error {
		c.limit = deadline.Tightest(c.limit, limit)
		return nil
	}
}

// Slots sets the function that returns the number of slots that a call needs, for example
// by its method. The default is one slot. A call gets all its slots or none. See
// [NewSelected] for the arguments of f.
//
// A call for more slots than the parallelism is rejected as oversized. If f returns less
// than 1, the call does not start, and its error is a [*bulk.ConfigError], which does not
// match [bulk.ErrNotStarted], because a retry does not help. Both have the code INTERNAL.
// A nil f panics.
func Slots(f func(ctx context.Context, method string) int) Option {
	mustHave(f != nil, "Slots: nil function")
	return func(c *Config) error {
		c.slots = f
		return nil
	}
}

// slotsOf returns the number of slots that the call needs.
func (c Config) slotsOf(ctx context.Context, method string) int {
	if c.slots == nil {
		return 1
	}
	return c.slots(ctx, method)
}

// OnReject replaces the error of rejected calls: f is given the error of the bulkhead
// and returns that of the call. By default it is [Rejection]. If f returns nil, or an
// error whose status is OK, the error of the call is that of Rejection, because a call
// that did not run must not look like one that succeeded.
//
// The text of Rejection contains the label and the numbers of the bulkhead. Use OnReject
// to hide them from the clients of a public server, or to count rejections by method.
// f runs on the goroutine of the call. A nil f panics.
func OnReject(f func(ctx context.Context, method string, err error) error) Option {
	mustHave(f != nil, "OnReject: nil function")
	return func(c *Config) error {
		c.onReject = f
		return nil
	}
}
