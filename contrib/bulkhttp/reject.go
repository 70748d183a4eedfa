package bulkhttp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// reject answers a request that was rejected with err.
func (c *Config) reject(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, bulk.ErrOverload):
		if seconds := c.delay(); seconds > 0 {
			w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
		}
	case errors.Is(err, bulk.ErrClosed):
		w.Header().Set("Connection", "close")
	}
	c.onReject(w, r, err)
}

// delay returns the value of Retry-After.
func (c *Config) delay() int64 {
	least, most := wholeSeconds(c.minDelay), wholeSeconds(c.maxDelay)
	return least + rand.Int64N(most-least+1)
}

// wholeSeconds rounds up.
func wholeSeconds(d time.Duration) int64 {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	return seconds
}

// statusClientLeft is the status that nginx logs for a client that closed its
// connection. No client reads it.
const statusClientLeft = 499

// answer is the default of [OnReject].
//
// The status is 503 because the handler was never called, and another server may have
// free slots. 429 would be wrong: it says that this client sends too many requests. A
// canceled request gets a status as well: without one, net/http would send 200.
func answer(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case clientLeft(r, err):
		w.WriteHeader(statusClientLeft)
	case errors.Is(err, bulk.ErrOversized):
		http.Error(w, "the request needs more than there is", http.StatusServiceUnavailable)
	case errors.Is(err, bulk.ErrNotStarted):
		http.Error(w, "busy", http.StatusServiceUnavailable)
	default: // an impossible key or number of slots
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// clientLeft reports whether the request was canceled by net/http, which does so when
// the client closes the connection or resets the stream. A middleware that bounds the
// time of a request ends its context in another way, with a deadline or a cause, and its
// client waits for an answer. A program that cancels the BaseContext of its server without
// a cause cannot be told apart from a client that left.
func clientLeft(r *http.Request, err error) bool {
	return errors.Is(err, bulk.ErrCanceled) && context.Cause(r.Context()) == context.Canceled
}
