package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func start(t *testing.T, h http.HandlerFunc) *httptest.Server {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// clientOf returns a client with its own connections, which are closed when the test ends.
func clientOf(t *testing.T, tr *transport) *http.Client {
	if tr.base == nil {
		tr.base = http.DefaultTransport.(*http.Transport).Clone()
	}
	client := &http.Client{Transport: tr}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func page(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("page ", 1000)) }

func TestSlotIsReleasedAtTheEndOfTheBody(t *testing.T) {
	for _, tt := range []struct {
		why       string
		handler   http.HandlerFunc
		method    string
		atHeaders bool
		end       func(*http.Response) error // nil: the slot is already released
	}{
		{"closed without reading", page, http.MethodGet, false, func(r *http.Response) error { return r.Body.Close() }},
		{"read to the end and never closed", page, http.MethodGet, false, func(r *http.Response) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		}},
		{"body that breaks off", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "half of it")
		}, http.MethodGet, false, func(r *http.Response) error {
			if _, err := io.ReadAll(r.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("read: %w", err)
			}
			return nil
		}},
		{"no body: HEAD", page, http.MethodHead, false, nil},
		{"no body: 204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, http.MethodGet, false, nil},
		{"releaseAtHeaders", page, http.MethodGet, true, nil},
	} {
		t.Run(tt.why, func(t *testing.T) {
			b := bulk.Must(bulk.New("server", 1))
			server := start(t, tt.handler)
			client := clientOf(t, &transport{bulkhead: b, releaseAtHeaders: tt.atHeaders})
			request, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if tt.end != nil {
				if n := b.Status().InUse; n != 1 {
					t.Errorf("before the end: %d slots in use", n)
				}
				if err := tt.end(resp); err != nil {
					t.Error(err)
				}
			}
			if n := b.Status().InUse; n != 0 {
				t.Errorf("after the end: %d slots in use", n)
			}
			other, ok := b.TryAcquire()
			if !ok {
				t.Fatal("no slot is free for the next request")
			}
			// Later calls on the body must not release the slot of another request.
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			_ = resp.Body.Close()
			if n := b.Status().InUse; n != 1 {
				t.Errorf("%d slots in use, want 1: the slot of another request was released", n)
			}
			other.Release()
		})
	}
}

func TestUnclosedBodyReleasesItsSlotWhenTheContextEnds(t *testing.T) {
	released := make(chan struct{}, 1)
	b := bulk.Must(bulk.New("server", 1, bulk.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventReleased {
			released <- struct{}{}
		}
	})))
	server := start(t, page)
	client := clientOf(t, &transport{bulkhead: b})
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(request); err != nil { //nolint:bodyclose // the test needs an unclosed body
		t.Fatal(err)
	}
	cancel()
	select {
	case <-released:
	case <-time.After(30 * time.Second):
		t.Error("the slot was not released")
	}
}

// closeCounter is a request body that counts calls of Close.
type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

func TestRejectedRequestIsNeverSent(t *testing.T) {
	server := start(t, func(http.ResponseWriter, *http.Request) { t.Error("the request was sent") })
	b := bulk.Must(bulk.New("server", 1))
	b.TryAcquire()
	client := clientOf(t, &transport{bulkhead: b})
	upload := &closeCounter{Reader: strings.NewReader("upload")}
	_, err := client.Post(server.URL, "text/plain", upload)
	if !errors.Is(err, bulk.ErrSaturated) || !bulk.NotStarted(err, b) {
		t.Error(err)
	}
	var asURL *url.Error
	if !errors.As(err, &asURL) || asURL.Timeout() {
		t.Errorf("%v looks like a timeout of the server", err)
	}
	if upload.closed == 0 {
		t.Error("the body of the request was not closed")
	}
}

func TestErrorOrPanicOfTheBaseReleasesTheSlot(t *testing.T) {
	b := bulk.Must(bulk.New("server", 1))
	for _, base := range []roundTripper{
		func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		func(*http.Request) (*http.Response, error) { panic("bug") },
		func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil }, // a stub without a body
	} {
		func() {
			defer func() { _ = recover() }()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			_, _ = (&transport{bulkhead: b, base: base}).RoundTrip(request)
		}()
		if n := b.Status().InUse; n != 0 {
			t.Errorf("%d slots in use", n)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRedirectsNeedOnlyOneSlot(t *testing.T) {
	server := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/here" {
			http.Redirect(w, r, "/here", http.StatusFound)
			return
		}
		page(w, r)
	})
	b := bulk.Must(bulk.New("server", 1))
	resp, err := clientOf(t, &transport{bulkhead: b}).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if s := b.Status(); s.Totals.Finished != 2 || s.InUse != 0 {
		t.Errorf("%d finished, %d in use", s.Totals.Finished, s.InUse)
	}
}

// After 101 the body is an io.ReadWriteCloser. It must remain one behind the bulkhead,
// and it holds its slot until it is closed, however much of it was read.
func TestUpgradedConnectionHoldsItsSlotUntilClosed(t *testing.T) {
	server := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString("echo " + line)
		_ = rw.Flush()
	})
	b := bulk.Must(bulk.New("server", 1))
	ctx, cancelHandshake := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "echo")
	resp, err := clientOf(t, &transport{bulkhead: b}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if !ok || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%s with a %T", resp.Status, resp.Body)
	}
	cancelHandshake() // many clients do so; the connection outlives the context
	fmt.Fprintln(conn, "hello")
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("%q, %v", line, err)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if n := b.Status().InUse; n != 1 {
		t.Errorf("open: %d slots in use", n)
	}
	for range 2 {
		_ = conn.Close()
		if n := b.Status().InUse; n != 0 {
			t.Errorf("closed: %d slots in use", n)
		}
	}
}

// half is a connection whose writing direction can be closed.
type half struct {
	io.ReadWriteCloser
	closed bool
}

func (h *half) CloseWrite() error { h.closed = true; return nil }

func TestCloseWriteReachesTheConnection(t *testing.T) {
	b := bulk.Must(bulk.New("server", 1))
	conn := &half{}
	base := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusSwitchingProtocols, Body: conn}, nil
	})
	resp, err := (&transport{bulkhead: b, base: base}).RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := resp.Body.(interface{ CloseWrite() error }); !ok || c.CloseWrite() != nil || !conn.closed {
		t.Errorf("a %T hides CloseWrite", resp.Body)
	}
	if n := b.Status().InUse; n != 1 {
		t.Errorf("%d slots in use", n)
	}
}

// Unlike http.Client.Timeout, a deadline of the context does not replace the error.
func TestContextDeadlineDuringTheWaitIsNotATimeout(t *testing.T) {
	b := bulk.Must(bulk.New("server", 1, bulk.WaitingRoom(1)))
	b.TryAcquire()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = clientOf(t, &transport{bulkhead: b}).Do(request)
	var asURL *url.Error
	if !errors.Is(err, bulk.ErrCanceled) || !errors.As(err, &asURL) || asURL.Timeout() {
		t.Error(err)
	}
}

func TestOutput(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	const want = `First request: the response has arrived, its body is unread: 1 slot in use.
Second request: saturated; never sent: true.
First request: its body "catalogue" is read: 0 slots in use.
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
}

// A group cancels all its requests with the first error. If that error is a
// rejection, net/http also returns it from the requests in flight and from bodies
// that are being read.
func TestErrorOfASentRequestNeverMatchesNotStarted(t *testing.T) {
	for _, tt := range []struct {
		name    string
		headers bool // the group is canceled while the body is being read
		wrap    func(error) error
	}{
		{"before the headers", false, func(err error) error { return err }},
		{"before the headers, wrapped", false, func(err error) error { return fmt.Errorf("sibling: %w", err) }},
		{"before the headers, joined", false, func(err error) error { return errors.Join(io.ErrUnexpectedEOF, err) }},
		{"in the body", true, func(err error) error { return err }},
		{"in the body, wrapped", true, func(err error) error { return fmt.Errorf("sibling: %w", err) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reached, stop := make(chan struct{}), make(chan struct{})
			server := start(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.headers {
					w.WriteHeader(http.StatusOK)
					_ = http.NewResponseController(w).Flush()
				}
				close(reached)
				<-stop
			})
			defer close(stop)
			b := bulk.Must(bulk.New("server", 1))
			client := clientOf(t, &transport{bulkhead: b})
			group, cancel := context.WithCancelCause(t.Context())
			post := func() error {
				request, err := http.NewRequestWithContext(group, http.MethodPost, server.URL, nil)
				if err != nil {
					return err
				}
				response, err := client.Do(request)
				if err != nil {
					return err
				}
				defer response.Body.Close()
				_, err = io.ReadAll(response.Body)
				return err
			}
			sent := make(chan error)
			go func() { sent <- post() }()
			<-reached
			rejected := post()
			if !bulk.NotStarted(rejected, b) {
				t.Fatalf("the other request: %v", rejected)
			}
			cancel(tt.wrap(rejected))
			err := <-sent
			var admission *bulk.AdmissionError
			if err == nil || errors.Is(err, bulk.ErrNotStarted) || errors.Is(err, bulk.ErrOverload) || bulk.NotStarted(err, b) || errors.As(err, &admission) {
				t.Errorf("a request that reached the server failed with %v", err)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v doesn't match the error of its context", err)
			}
		})
	}
}

// An inner bulkhead, for example one for each host, rejects a request that the outer
// one has admitted. The request was not sent, and the error names the inner bulkhead.
func TestRejectionByAnInnerBulkheadStaysVisible(t *testing.T) {
	outer, inner := bulk.Must(bulk.New("tenant", 1)), bulk.Must(bulk.New("host", 1))
	inner.TryAcquire()
	client := clientOf(t, &transport{bulkhead: outer, base: &transport{bulkhead: inner, base: http.DefaultTransport}})
	_, err := client.Get("http://localhost")
	if !errors.Is(err, bulk.ErrSaturated) || bulk.NotStarted(err, outer) || !bulk.NotStarted(err, inner) {
		t.Error(err)
	}
}
