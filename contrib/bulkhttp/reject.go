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

// newConfig returns the defaults.
func newConfig() *Config {
	return &Config{onReject: answer, minDelay: time.Second, maxDelay: 3 * time.Second}
}

// Reject answers a request if err matches [bulk.ErrNotStarted], as [Middleware] does
// without options: with 503, and with Retry-After if the overload can pass. It reports
// whether it has. Use it in a handler that puts its calls of a dependency behind a
// bulkhead, before anything is written:
//
//	page, err := bulk.Run(r.Context(), search, find)
//	if bulkhttp.Reject(w, r, err) {
//		return
//	}
//
// The error of a call that was not started can come from fn, which may have done a part of
// its work then: see [bulk.NotStarted].
func Reject(w http.ResponseWriter, r *http.Request, err error) bool {
	if !errors.Is(err, bulk.ErrNotStarted) {
		return false
	}
	newConfig().reject(w, r, err)
	return true
}

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
