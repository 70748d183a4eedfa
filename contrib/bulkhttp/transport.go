package bulkhttp

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/registry"
)

// Transport returns a RoundTripper for http.Client.Transport that sends a request with
// base while it holds a slot of b, or several with [Slots]. If base is nil, it is http.DefaultTransport.
//
// A rejected request is never sent, and its body is closed. The *url.Error of the client
// then matches [bulk.ErrNotStarted] and the sentinel of the reason, and is not a timeout.
// The error of a request that was sent never matches them because of b or of the cause of
// its context: bulk.NotStarted(err, b) is exact, as it is for [bulk.Run]. There is one
// exception: when http.Client.Timeout ends the wait, the client may return an error of
// its own, which is a timeout and matches no sentinel. To avoid it, make the wait limit
// shorter than http.Client.Timeout, or bound requests by their contexts instead.
//
// A request holds its slot until the body of its response is closed or read to its end,
// because the server may be busy with the answer until then; [ReleaseAtHeaders] changes
// that. Close every body, as net/http requires. If a body is not closed, its slot is
// released when the context of the request ends, except after 101 Switching Protocols,
// where the connection outlives the context and holds its slot until it is closed.
//
// A caller that sends a request while it holds the body of another response holds one
// slot and waits for a second one. Set a wait limit, or give nested requests another
// bulkhead. Redirects are not nested: the client closes each body before it follows the
// redirect. When base sends a request again, the request keeps its slot.
//
// A nil b panics, unless [Select] chooses the bulkheads.
func Transport(b *bulk.Bulkhead, base http.RoundTripper, opts ...Option) http.RoundTripper {
	c := configure("Transport", opts, "Limits", "Select", "Slots", "ReleaseAtHeaders")
	return newTransport(c, c.acquireFrom("Transport", b), base)
}

// HostTransport is [Transport] with the bulkhead of k for the host of each request, so
// that a slow host cannot use the slots of the others. A key is the host in lower case
// with its port, such as "api.example.com:443", also if the URL has no port. It is the
// host that the request is sent to, which is not the Host header.
//
// If the keys of k are all in use, a request to another host is rejected with an error
// that matches [registry.ErrTooManyKeys]. A nil k panics.
func HostTransport(k *registry.Keyed[string], base http.RoundTripper, opts ...Option) http.RoundTripper {
	mustHave(k != nil, "HostTransport: nil Keyed")
	return keyTransport("HostTransport", k, func(r *http.Request) (string, bool) { return hostOf(r.URL), true }, base, opts)
}

// KeyTransport is [Transport] with the bulkhead of k for the key that keyOf returns, such
// as the tenant for whom the request is sent. If keyOf returns false, the request is not
// limited. A request with a new key is rejected if the keys of k are all in use. A nil k
// or keyOf panics.
func KeyTransport[K comparable](k *registry.Keyed[K], keyOf func(*http.Request) (key K, limited bool), base http.RoundTripper, opts ...Option) http.RoundTripper {
	mustHave(k != nil, "KeyTransport: nil Keyed")
	mustHave(keyOf != nil, "KeyTransport: nil keyOf")
	return keyTransport("KeyTransport", k, keyOf, base, opts)
}

func keyTransport[K comparable](function string, k *registry.Keyed[K], keyOf func(*http.Request) (K, bool), base http.RoundTripper, opts []Option) http.RoundTripper {
	c := configure(function, opts, "Limits", "Slots", "ReleaseAtHeaders")
	return newTransport(c, acquireKey(c, k, keyOf), base)
}

func hostOf(u *url.URL) string {
	if u == nil {
		return "" // base says what is wrong
	}
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

type transport struct {
	acquire   acquire
	base      http.RoundTripper
	atHeaders bool
}

func newTransport(c *Config, acquire acquire, base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{acquire, base, c.releaseAtHeaders}
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the base.
func (t *transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// RoundTrip sends the request with the base transport, or returns the rejection.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	slot, err := t.acquire(r)
	if err != nil {
		if r.Body != nil {
			r.Body.Close() // a RoundTripper must close it, also on error
		}
		return nil, err
	}
	if slot == (bulk.Slot{}) {
		return t.base.RoundTrip(r)
	}
	held := false
	defer func() {
		if !held { // an error, a panic, or no body
			slot.Release()
		}
	}()
	s := sent{r.Context(), slot}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return resp, s.error(err)
	}
	if hasNoBody(r, resp) {
		return resp, nil
	}
	held = !t.atHeaders
	resp.Body = s.body(resp, held)
	return resp, nil
}

// hasNoBody reports whether nothing can be read from the response. HTTP/2 has another
// value for that than http.NoBody. In HTTP/1.1 the length tells nothing, because a
// RoundTripper other than http.Transport may leave it out.
func hasNoBody(r *http.Request, resp *http.Response) bool {
	return resp == nil || resp.Body == nil || resp.Body == http.NoBody || r.Method == http.MethodHead ||
		resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified ||
		resp.ProtoMajor >= 2 && resp.ContentLength == 0
}

// sent is a request that was sent.
type sent struct {
	ctx  context.Context
	slot bulk.Slot
}

// error returns err so that it does not say that the request was not sent. It could,
// because net/http returns the cause of the request's context, from RoundTrip and from
// the body, and that cause can be the rejection of another request: errgroup.WithContext
// cancels all requests of a group with the first error.
//
// If base has a bulkhead of its own, its rejection is returned unchanged.
func (s sent) error(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return hooks.Ran(s.ctx, s.slot, err)
}

// body returns the body of a response. If it is held, it releases the slot at its end.
func (s sent) body(resp *http.Response, held bool) io.ReadCloser {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		if conn, ok := resp.Body.(io.ReadWriteCloser); ok {
			return &connection{conn, s}
		}
	}
	stop := func() bool { return true }
	if held {
		stop = context.AfterFunc(s.ctx, s.slot.Release)
	}
	return &body{resp.Body, s, stop}
}
