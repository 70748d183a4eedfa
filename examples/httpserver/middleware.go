package main

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/bulklink/bulklink-go/bulk"
)

// limit returns a handler that calls next while it holds a slot of b. The slot is
// released when next returns or panics.
//
// A request leaves the waiting room as soon as net/http notices that its client
// hung up. net/http notices it only after the body of the request has been read, so
// a request with an unread body waits until the wait limit. Give b a wait limit.
func limit(b *bulk.Bulkhead, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slot, err := b.Acquire(r.Context())
		if err != nil {
			reject(w, err)
			return
		}
		defer slot.Release()
		next.ServeHTTP(w, r)
	})
}

// reject answers a rejected request. The status is always 503, because the handler
// was never called and another server may have free capacity. 429 would be wrong:
// it says that this client sends too many requests.
//
// A canceled request gets an answer too. If its client hung up, nobody reads it. But
// another middleware may have ended the context, and without an answer from here
// net/http would send 200.
func reject(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, bulk.ErrOverload):
		// It is unknown when the load falls. The delay is random so that clients
		// rejected together do not return together.
		w.Header().Set("Retry-After", strconv.Itoa(1+rand.IntN(3)))
	case errors.Is(err, bulk.ErrClosed):
		w.Header().Set("Connection", "close") // so that the client connects to another server
	}
	http.Error(w, "busy", http.StatusServiceUnavailable)
}
