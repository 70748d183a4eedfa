package bulkhttp

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/option"
)

// Option configures a middleware or a transport. Options are applied in order, so of two
// that set the same value the later one counts. [option.Join] combines several into one.
//
// A function that is given an option that it does not support, or a value that is not
// allowed, panics with a [*bulk.ConfigError], as [bulk.Must] does.
type Option = option.Option[Config]

// Config is what an [Option] changes. It is opaque: use the options of this package.
type Config struct {
	limits           []deadline.Limit
	choose           func(*http.Request) *bulk.Bulkhead
	slots            func(*http.Request) int // nil: one slot
	onReject         func(http.ResponseWriter, *http.Request, error)
	minDelay         time.Duration // in Retry-After
	maxDelay         time.Duration
	maxBuffered      int // 0: not buffered
	releaseAtHeaders bool

	names []string // of the options given
}

// Limits bounds the wait of every request, in addition to the wait limit of the
// bulkhead and to earlier Limits. All functions support it. A [deadline.Before] is a fixed
// instant: every request after it is rejected as expired.
func Limits(limits ...deadline.Limit) Option {
	limit := deadline.Tightest(limits...)
	return func(c *Config) error {
		c.limits = []deadline.Limit{deadline.Tightest(append(c.limits, limit)...)}
		return c.given("Limits", nil)
	}
}

// Select sets the function that chooses the bulkhead of each request. A request is not
// limited if f returns nil. f may be called concurrently. The bulkhead given to
// [Middleware] or [Transport] is then not used, and may be nil.
func Select(f func(*http.Request) *bulk.Bulkhead) Option {
	return func(c *Config) error {
		c.choose = f
		return c.given("Select", mustNotBeNil(f != nil, "Select"))
	}
}

// Slots sets the function that returns the number of slots that a request needs, for
// example by its route or by the model that it asks for. All functions support it. The
// default is one slot. A request gets all its slots or none. f may be called concurrently,
// and must not read the body, unless it puts another one in its place.
//
// A request for more slots than the parallelism is rejected as oversized. If f returns
// less than 1, the request is not started, and its error is a [*bulk.ConfigError]: a
// middleware answers it with 500, a transport returns it. It does not match
// [bulk.ErrNotStarted], because a retry does not help.
func Slots(f func(*http.Request) int) Option {
	return func(c *Config) error {
		c.slots = f
		return c.given("Slots", mustNotBeNil(f != nil, "Slots"))
	}
}

// slotsOf returns the number of slots that the request needs.
func (c *Config) slotsOf(r *http.Request) int {
	if c.slots == nil {
		return 1
	}
	return c.slots(r)
}

// OnReject sets the function that answers rejected requests, instead of 503 with a short
// text. [Middleware] and [KeyMiddleware] support it. The headers Retry-After and
// Connection are already set when f is called, as they are for the default answer; f may
// change them. If f writes nothing, net/http sends 200.
//
// err matches [bulk.ErrNotStarted] and the sentinel of its reason, or [bulk.ErrConfig] if
// [Slots] or keyOf returned an impossible value. f is also called for requests that were
// canceled, usually because their client left: then f may write anything,
// because the answer is not read.
func OnReject(f func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return func(c *Config) error {
		c.onReject = f
		return c.given("OnReject", mustNotBeNil(f != nil, "OnReject"))
	}
}

// RetryAfter sets the delay that a client rejected for overload should wait before it
// sends the request again: a random number of whole seconds from min to max, both
// rounded up. It is random so that clients that were rejected together do not return
// together. The default is from 1 to 3 seconds. RetryAfter(0, 0) sends no header.
// [Middleware] and [KeyMiddleware] support it.
func RetryAfter(min, max time.Duration) Option {
	return func(c *Config) error {
		c.minDelay, c.maxDelay = min, max
		var err error
		if min < 0 || max < min {
			err = badOption(fmt.Sprintf("RetryAfter(%v, %v)", min, max), "want 0 ≤ min ≤ max")
		}
		return c.given("RetryAfter", err)
	}
}

// Buffered releases the slot of a request when its handler returns, before the answer is
// written, so that a client that reads slowly does not hold a slot. The handler writes
// into a buffer of at most max bytes. [Middleware] and [KeyMiddleware] support it.
//
// An answer that is larger than max, or that is flushed or hijacked, is streamed from
// then on, and holds its slot until the handler returns. So do the answers of a handler
// that calls Flush, such as server-sent events. If the handler panics, what is still
// buffered is discarded.
//
// The bulkhead does not limit the answers that are being written. Each has a buffer of up
// to max bytes, which can occupy twice as much memory while it grows: set
// http.Server.WriteTimeout, which ends the answers of stalled clients.
func Buffered(max int) Option {
	return func(c *Config) error {
		c.maxBuffered = max
		var err error
		if max < 1 {
			err = badOption(fmt.Sprintf("Buffered(%d)", max), "max must be at least 1")
		}
		return c.given("Buffered", err)
	}
}

// ReleaseAtHeaders releases the slot of a request when the headers of its response have
// arrived. [Transport], [KeyTransport] and [HostTransport] support it. Use it if responses are long
// streams, such as events, logs or large downloads. The bulkhead then limits the
// requests that wait for their headers. It does not limit open streams.
func ReleaseAtHeaders() Option {
	return func(c *Config) error {
		c.releaseAtHeaders = true
		return c.given("ReleaseAtHeaders", nil)
	}
}

// given notes that an option was given, and returns err.
func (c *Config) given(name string, err error) error {
	c.names = append(c.names, name)
	return err
}

func mustNotBeNil(ok bool, name string) error {
	if ok {
		return nil
	}
	return badOption(name+"(nil)", "the function must not be nil")
}

func badOption(option, problem string) error {
	return &bulk.ConfigError{Field: "option", Value: option, Problem: problem}
}

// configure applies the options of a function that supports only some of them. It
// panics if there is an error.
func configure(function string, opts []Option, supported ...string) *Config {
	c := newConfig()
	err := option.Apply(c, opts...)
	for _, name := range c.names {
		if err == nil && !slices.Contains(supported, name) {
			err = badOption(name, function+" supports only "+strings.Join(supported, ", "))
		}
	}
	if err != nil {
		panic(err)
	}
	return c
}
