package main

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/bulklink/bulklink-go/bulk"
)

// limit returns next behind b. A request holds its slot until next returns, in
// whatever way: a handler that panics costs no slot.
//
// A request whose client hangs up leaves the waiting room at once. net/http
// notices that only when it has nothing left to read from the client, so for
// one with a body that nobody has read yet it is the wait limit that ends the
// wait: give b one.
func limit(b *bulk.Bulkhead, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slot, err := b.Acquire(r.Context())
		if err != nil {
			refuse(w, err)
			return
		}
		defer slot.Release()
		next.ServeHTTP(w, r)
	})
}

// refuse answers a request that was turned away, always with 503: the handler
// was never called, and another server may do better. Not 429, which says that
// this one client asks too often.
//
// Who hung up does not read it. But a context can also have been ended by
// another middleware, and then somebody does: without an answer of ours
// net/http would send 200.
func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, bulk.ErrOverload):
		// Nobody knows when the load will be lower. It is the chance in it that
		// matters: those who came together should not come back together.
		w.Header().Set("Retry-After", strconv.Itoa(1+rand.IntN(3)))
	case errors.Is(err, bulk.ErrClosed):
		w.Header().Set("Connection", "close") // look for another server
	}
	http.Error(w, "busy", http.StatusServiceUnavailable)
}
