package bulkhttp

import (
	"net/http"
	"sync"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// Middleware returns a function that wraps a handler: the handler runs while its request
// holds a slot of b, or several with [Slots]. The slot is released when the handler returns or panics. Without
// [Buffered] the handler gets the http.ResponseWriter of the server itself, and the
// middleware allocates nothing for a request that is admitted without a wait.
//
// A request that is rejected for overload is answered with 503 and Retry-After. A request
// rejected by a closed bulkhead is answered with 503 and Connection: close, so that the
// client connects to another server. If the client left while its request waited, the
// answer is an empty 499, which only logs see. [OnReject] replaces these answers.
//
// A waiting request leaves the waiting room as soon as net/http notices that its client
// left. With HTTP/1.1, net/http notices it only after the body of the request has been
// read, so a request with an unread body waits until the wait limit. Give b a wait limit.
//
// Put http.TimeoutHandler around the middleware, not inside: it returns at its timeout,
// and the handler that it abandoned would run on without a slot. The same is true of a
// handler that starts a goroutine or hijacks its connection, and returns before that work
// has ended.
//
// A nil b panics, unless [Select] chooses the bulkheads.
func Middleware(b *bulk.Bulkhead, opts ...Option) func(http.Handler) http.Handler {
	c := configure("Middleware", opts, "Limits", "Select", "Slots", "OnReject", "RetryAfter", "Buffered")
	return c.middleware(c.acquireFrom("Middleware", b))
}

// KeyMiddleware is [Middleware] with the bulkhead of k for the key that keyOf returns,
// for example one for each tenant. If keyOf returns false, the request is not limited. A
// request with a new key is rejected for overload if the keys of k are all in use.
//
// Each key that a client can choose freely gets its own slots: use a key that the server
// has verified. A nil k or keyOf panics.
func KeyMiddleware[K comparable](k *registry.Keyed[K], keyOf func(*http.Request) (key K, limited bool), opts ...Option) func(http.Handler) http.Handler {
	mustHave(k != nil, "KeyMiddleware: nil Keyed")
	mustHave(keyOf != nil, "KeyMiddleware: nil keyOf")
	c := configure("KeyMiddleware", opts, "Limits", "Slots", "OnReject", "RetryAfter", "Buffered")
	return c.middleware(acquireKey(c, k, keyOf))
}

// An acquire returns the slots of a request, or the error of its rejection. If the
// request is not limited, it returns the zero Slot.
type acquire func(*http.Request) (bulk.Slot, error)

// acquireFrom returns an acquire for b, or for the bulkheads of Select.
func (c *Config) acquireFrom(function string, b *bulk.Bulkhead) acquire {
	if c.choose == nil {
		mustHave(b != nil, function+": nil bulkhead, and no Select")
		return func(r *http.Request) (bulk.Slot, error) { return b.AcquireN(r.Context(), c.slotsOf(r), c.limits...) }
	}
	return func(r *http.Request) (bulk.Slot, error) {
		b := c.choose(r)
		if b == nil {
			return bulk.Slot{}, nil
		}
		return b.AcquireN(r.Context(), c.slotsOf(r), c.limits...)
	}
}

// acquireKey returns an acquire for the bulkheads of k.
func acquireKey[K comparable](c *Config, k *registry.Keyed[K], keyOf func(*http.Request) (K, bool)) acquire {
	return func(r *http.Request) (bulk.Slot, error) {
		key, limited := keyOf(r)
		if !limited {
			return bulk.Slot{}, nil
		}
		return k.AcquireN(r.Context(), key, c.slotsOf(r), c.limits...)
	}
}

func (c *Config) middleware(acquire acquire) func(http.Handler) http.Handler {
	buffers := new(sync.Pool)
	return func(next http.Handler) http.Handler {
		mustHave(next != nil, "middleware of a nil handler")
		return &handler{c, acquire, next, buffers}
	}
}

type handler struct {
	*Config
	acquire acquire
	next    http.Handler
	buffers *sync.Pool // of *bytes.Buffer
}

// ServeHTTP answers the request with the next handler, or rejects it.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	slot, err := h.acquire(r)
	if err != nil {
		h.reject(w, r, err)
		return
	}
	defer slot.Release()
	// The answer to HEAD has no body, so there is nothing to buffer.
	if h.maxBuffered == 0 || slot == (bulk.Slot{}) || r.Method == http.MethodHead {
		h.next.ServeHTTP(w, r)
		return
	}
	h.serveBuffered(w, r, slot)
}

func mustHave(ok bool, what string) {
	if !ok {
		panic("bulkhttp: " + what)
	}
}
