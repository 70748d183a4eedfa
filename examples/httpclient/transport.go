package main

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/bulklink/bulklink-go/bulk"
)

// transport sends requests through a bulkhead: use it as http.Client.Transport.
// A request that is rejected is never sent; the *url.Error of the client matches
// bulk.ErrNotStarted and the others, and is no timeout. Decide by
// bulk.NotStarted(err, bulkhead) whether it is safe to send a request again: a
// request that was sent never has an error that says otherwise (see sentError).
// Only where
// http.Client.Timeout ends the wait can the client put an error of its own in
// the place of ours, which is a timeout and matches none of them: so let the
// wait limit be shorter, or bound requests by their context instead.
//
// The slot is held until the body of the response is closed or has been read to
// its end. Until then the other side is busy with the answer, a connection is
// in use, and the caller is not finished: that is what a compartment counts.
// So close every body, as net/http asks for anyway; for one that is forgotten
// the slot comes back when the request's context ends. (Not after 101 Switching
// Protocols: that connection outlives the context, and so does its slot.)
//
// Who sends a request while it holds the body of another one holds one slot and
// waits for a second. Give the bulkhead a wait limit, or nested requests a
// bulkhead of their own. Redirects are not nested: the client closes each body
// before it follows.
type transport struct {
	bulkhead *bulk.Bulkhead
	base     http.RoundTripper

	// releaseAtHeaders frees the slot as soon as the headers of the response
	// are there. Take it if answers are streams that stay open (events, logs,
	// large downloads): it bounds how many requests are being *answered*, and
	// says nothing of how many streams are open. With it set, a caller who
	// reads slowly or forgets to close doesn't hold up the others, and the
	// other side can have any number of half-read answers to keep.
	releaseAtHeaders bool
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	slot, err := t.bulkhead.Acquire(r.Context())
	if err != nil {
		if r.Body != nil {
			r.Body.Close() // a RoundTripper must, also when it fails
		}
		return nil, err
	}
	kept := false
	defer func() {
		if !kept { // an error, a panic, or nothing to read
			slot.Release()
		}
	}()
	resp, err := t.base.RoundTrip(r)
	err = t.sent(r.Context(), err)
	if err != nil || t.releaseAtHeaders || resp.Body == nil || resp.Body == http.NoBody {
		return resp, err
	}
	kept = true
	resp.Body = t.hold(r.Context(), resp.Body, slot)
	return resp, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the base.
func (t *transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// hold returns b as a body with which the slot ends.
func (t *transport) hold(ctx context.Context, b io.ReadCloser, slot bulk.Slot) io.ReadCloser {
	if rwc, ok := b.(io.ReadWriteCloser); ok {
		return &connection{rwc, slot}
	}
	sent := func(err error) error { return t.sent(ctx, err) }
	return &body{b, sent, slot, context.AfterFunc(ctx, slot.Release)}
}

// sent returns the error of a request that was sent. net/http returns the cause of
// the request's context, from RoundTrip and from the body. That can be the
// rejection of another request: errgroup.WithContext cancels all requests of a
// group with the first error. Returned as it is, it would say that this request
// was never sent. (bulk.Run does the same for its operations.)
//
// A rejection by another bulkhead stays as it is if the base has one inside.
func (t *transport) sent(ctx context.Context, err error) error {
	if errors.Is(err, bulk.ErrNotStarted) &&
		(bulk.NotStarted(err, t.bulkhead) || errors.Is(context.Cause(ctx), bulk.ErrNotStarted)) {
		return &sentError{err, ctx.Err()}
	}
	return err
}

// sentError has the text of the error of a request, and matches how the context
// of the request ended.
type sentError struct{ err, ended error }

func (e *sentError) Error() string { return e.err.Error() }
func (e *sentError) Unwrap() error { return e.ended }

// connection is what a body is after 101 Switching Protocols: it can be written
// to, and lives on when the request's context ends. One side's end is not the
// end either: only Close is.
type connection struct {
	io.ReadWriteCloser
	slot bulk.Slot
}

func (c *connection) Close() error {
	defer c.slot.Release()
	return c.ReadWriteCloser.Close()
}

// CloseWrite ends our side alone, for those who ask for it, as
// httputil.ReverseProxy does.
func (c *connection) CloseWrite() error {
	if half, ok := c.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}

type body struct {
	io.ReadCloser
	sent   func(error) error // see transport.sent
	slot   bulk.Slot
	forget func() bool // the context's end
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil { // io.EOF, or an error after which there is nothing more to come
		b.release()
	}
	return n, b.sent(err)
}

// Close may be called again, and after the end: a slot can be released any
// number of times.
func (b *body) Close() error {
	defer b.release()
	return b.sent(b.ReadCloser.Close())
}

func (b *body) release() {
	b.forget()
	b.slot.Release()
}
