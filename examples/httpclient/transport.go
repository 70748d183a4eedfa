package main

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/bulklink/bulklink-go/bulk"
)

// transport sends requests through a bulkhead. Use it as http.Client.Transport.
//
// A rejected request is never sent. The *url.Error of the client then matches
// bulk.ErrNotStarted and the sentinel of the reason, and is not a timeout. Use
// bulk.NotStarted(err, bulkhead) to decide whether it is safe to send a request
// again; the error of a request that was sent never matches (see sentError). There
// is one exception: when http.Client.Timeout ends the wait, the client may return an
// error of its own, which is a timeout and matches no sentinel. To avoid it, make
// the wait limit shorter than http.Client.Timeout, or bound requests by their
// contexts instead.
//
// A request holds its slot until the body of its response is closed or read to its
// end, because the server may be busy with the answer until then. So close every
// body, as net/http requires. If a body is not closed, its slot is released when the
// context of the request ends, except after 101 Switching Protocols, where the
// connection outlives the context.
//
// A caller that sends a request while it holds the body of another response holds
// one slot and waits for a second one. Set a wait limit, or give nested requests
// another bulkhead. Redirects are not nested: the client closes each body before it
// follows the redirect.
type transport struct {
	bulkhead *bulk.Bulkhead
	base     http.RoundTripper

	// releaseAtHeaders releases the slot when the headers of the response have
	// arrived. Set it if responses are long streams, such as events, logs or large
	// downloads. Then the bulkhead bounds the requests that wait for their headers.
	// It does not bound the number of open streams, and a slow reader does not
	// occupy a slot.
	releaseAtHeaders bool
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	slot, err := t.bulkhead.Acquire(r.Context())
	if err != nil {
		if r.Body != nil {
			r.Body.Close() // a RoundTripper must close it, also on error
		}
		return nil, err
	}
	kept := false
	defer func() {
		if !kept { // an error, a panic, or no body
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

// hold returns b as a body that releases the slot at its end.
func (t *transport) hold(ctx context.Context, b io.ReadCloser, slot bulk.Slot) io.ReadCloser {
	if rwc, ok := b.(io.ReadWriteCloser); ok {
		return &connection{rwc, slot}
	}
	sent := func(err error) error { return t.sent(ctx, err) }
	return &body{b, sent, slot, context.AfterFunc(ctx, slot.Release)}
}

// sent returns err, the error of a request that was sent, so that it does not match
// bulk.ErrNotStarted. It can match because net/http returns the cause of the request's
// context, from RoundTrip and from the body, and that cause can be the rejection of
// another request: errgroup.WithContext cancels all requests of a group with the first
// error. (bulk.Run does the same for its operations.)
//
// If base has a bulkhead of its own, its rejection is returned unchanged.
func (t *transport) sent(ctx context.Context, err error) error {
	if errors.Is(err, bulk.ErrNotStarted) &&
		(bulk.NotStarted(err, t.bulkhead) || errors.Is(context.Cause(ctx), bulk.ErrNotStarted)) {
		return &sentError{err, ctx.Err()}
	}
	return err
}

// sentError has the text of err, and matches only ended, the error of the context.
type sentError struct{ err, ended error }

func (e *sentError) Error() string { return e.err.Error() }
func (e *sentError) Unwrap() error { return e.ended }

// connection is the body of a response with status 101 Switching Protocols. It can be
// written to, and it outlives the context of the request. Only Close releases its
// slot, because one direction can end before the other.
type connection struct {
	io.ReadWriteCloser
	slot bulk.Slot
}

func (c *connection) Close() error {
	defer c.slot.Release()
	return c.ReadWriteCloser.Close()
}

// CloseWrite closes the writing direction only. httputil.ReverseProxy uses it.
func (c *connection) CloseWrite() error {
	if half, ok := c.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}

type body struct {
	io.ReadCloser
	sent func(error) error // see transport.sent
	slot bulk.Slot
	stop func() bool // stops the release when the context ends
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil { // io.EOF, or an error after which the body yields no more data
		b.release()
	}
	return n, b.sent(err)
}

// Close may be called repeatedly, also after the end of the body, because a slot may
// be released repeatedly.
func (b *body) Close() error {
	defer b.release()
	return b.sent(b.ReadCloser.Close())
}

func (b *body) release() {
	b.stop()
	b.slot.Release()
}
