package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// answer is the answer to one request.
type answer struct {
	w     http.ResponseWriter
	id    string
	model string
	body  []byte // of the request
	begun bool   // a part of the answer was written
}

// stream sends the request to p and writes the answer chunk by chunk. RoundTrip follows
// no redirect, and does not repeat a POST of which a part was sent.
func (a *answer) stream(ctx context.Context, p *provider) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(a.body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Request-Id", a.id)
	req.Header.Set("X-Model", a.model)
	resp, err := p.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	a.begun = true
	a.w.Header()["Content-Type"] = resp.Header["Content-Type"]
	a.w.Header().Set("X-Provider", p.name)
	a.w.WriteHeader(resp.StatusCode)
	_, err = io.Copy(chunks{a.w, http.NewResponseController(a.w)}, resp.Body)
	return err
}

// chunks sends each chunk immediately. A client that does not read for readerLimit is
// cut off, so that it does not hold its slots forever.
type chunks struct {
	w io.Writer
	c *http.ResponseController
}

func (c chunks) Write(p []byte) (int, error) {
	if err := c.c.SetWriteDeadline(time.Now().Add(readerLimit)); err != nil {
		return 0, err
	}
	n, err := c.w.Write(p)
	return n, errors.Join(err, c.c.Flush())
}

// rejection says why no provider has started a request.
type rejection struct {
	error        // those of all providers, joined
	byShare bool // all of them are limits of the tenant
}

func (r *rejection) Unwrap() error { return r.error }

// rejectKey answers a request whose API key has too many open requests. Nothing of the
// request was read.
func rejectKey(w http.ResponseWriter, _ *http.Request, err error) { (&rejection{err, true}).answer(w) }

// answer has the status 429 if the tenant has used up what it may have open, or its
// share of all providers, and 503 if a provider is full or cannot be reached, or if the
// gateway shuts down.
func (r *rejection) answer(w http.ResponseWriter) {
	status := http.StatusServiceUnavailable
	switch {
	case errors.Is(r, bulk.ErrOverload):
		if r.byShare && !errors.Is(r, registry.ErrTooManyKeys) {
			status = http.StatusTooManyRequests
		}
		// A random delay: clients that were rejected together do not return together.
		w.Header().Set("Retry-After", strconv.Itoa(1+rand.IntN(3)))
	case errors.Is(r, bulk.ErrClosed):
		w.Header().Set("Connection", "close") // the client connects to another gateway
	}
	http.Error(w, "not started, safe to send again:\n"+r.Error(), status)
}
