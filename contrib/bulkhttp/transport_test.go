package bulkhttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// clientOf returns a client of the server whose requests go through the bulkhead.
func clientOf(server *httptest.Server, b *bulk.Bulkhead, opts ...bulkhttp.Option) *http.Client {
	return &http.Client{Transport: bulkhttp.Transport(b, server.Client().Transport, opts...)}
}

func writePage(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) }

func TestASlotIsReleasedAtTheEndOfTheBody(t *testing.T) {
	closeIt := func(r *http.Response) error { return r.Body.Close() }
	readAll := func(r *http.Response) error {
		_, err := io.Copy(io.Discard, r.Body)
		return err
	}
	for _, tt := range []struct {
		why     string
		handler http.HandlerFunc
		method  string
		opts    []bulkhttp.Option
		end     func(*http.Response) error // nil: the slot is already released
	}{
		{"closed without reading", writePage, http.MethodGet, nil, closeIt},
		{"read to the end and never closed", writePage, http.MethodGet, nil, readAll},
		{"read in part and closed", writePage, http.MethodGet, nil, func(r *http.Response) error {
			if _, err := io.ReadFull(r.Body, make([]byte, 10)); err != nil {
				return err
			}
			return r.Body.Close()
		}},
		{"aborted by the server", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(page)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, http.MethodGet, nil, func(r *http.Response) error {
			if err := readAll(r); err == nil {
				return errors.New("no error of an aborted body")
			}
			return nil
		}},
		{"shorter than declared", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "half of it")
		}, http.MethodGet, nil, func(r *http.Response) error {
			if err := readAll(r); err == nil {
				return errors.New("no error of a body that is too short")
			}
			return nil
		}},
		{"trailers", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "Checksum")
			_, _ = w.Write(page)
			w.Header().Set("Checksum", "17")
		}, http.MethodGet, nil, func(r *http.Response) error {
			if err := readAll(r); err != nil || r.Trailer.Get("Checksum") != "17" {
				return fmt.Errorf("trailer %v, %w", r.Trailer, err)
			}
			return nil
		}},
		{"compressed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "no gzip")
		}, http.MethodGet, nil, func(r *http.Response) error {
			if err := readAll(r); err == nil {
				return errors.New("no error of a body that cannot be decompressed")
			}
			return nil
		}},
		{"HEAD", writePage, http.MethodHead, nil, nil},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, http.MethodGet, nil, nil},
		{"304", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, http.MethodGet, nil, nil},
		{"empty", func(http.ResponseWriter, *http.Request) {}, http.MethodGet, nil, nil},
		{"ReleaseAtHeaders", writePage, http.MethodGet, []bulkhttp.Option{bulkhttp.ReleaseAtHeaders()}, nil},
	} {
		t.Run(tt.why, func(t *testing.T) {
			forEachProtocol(t, func(t *testing.T, p protocol) {
				b, _ := watch(t)
				server := p.serve(t, tt.handler)
				resp, err := clientOf(server, b, tt.opts...).Do(request(t, tt.method, server.URL))
				if err != nil {
					t.Fatal(err)
				}
				if tt.end != nil {
					inUse(t, b, 1, "before the end")
					if err := tt.end(resp); err != nil {
						t.Error(err)
					}
				}
				inUse(t, b, 0, "after the end")
				other, ok := b.TryAcquire()
				if !ok {
					t.Fatal("no slot is free for the next request")
				}
				// Later calls on the body must not release the slot of another request.
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				_ = resp.Body.Close()
				inUse(t, b, 1, "after the body was closed again")
				other.Release()
			})
		})
	}
}

func TestAForgottenBodyReleasesItsSlotWhenTheContextEnds(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b, events := watch(t)
		server := p.serve(t, http.HandlerFunc(writePage))
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := clientOf(server, b).Do(request(t, http.MethodGet, server.URL).WithContext(ctx)); err != nil { //nolint:bodyclose // the test needs an unclosed body
			t.Fatal(err)
		}
		inUse(t, b, 1, "the body is forgotten")
		cancel()
		await(t, events, bulk.EventReleased)
	})
}

// counting counts the functions that wait for the end of a context.
type counting struct {
	context.Context
	n *int
}

func (c counting) AfterFunc(f func()) func() bool {
	*c.n++
	stop := context.AfterFunc(c.Context, f)
	return func() bool {
		*c.n--
		return stop()
	}
}

func (c counting) Value(any) any { return nil } // hides that it has a context of package context

// The context of a request may live as long as the program.
func TestNothingIsLeftInTheContextAfterTheBody(t *testing.T) {
	b, _ := watch(t)
	base := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{Body: io.NopCloser(strings.NewReader("text"))}, nil
	})
	n := 0
	resp, err := bulkhttp.Transport(b, base).RoundTrip(request(t, http.MethodGet, "http://localhost").WithContext(counting{t.Context(), &n}))
	if err != nil || n != 1 {
		t.Fatal(err, n)
	}
	if err := resp.Body.Close(); err != nil || n != 0 {
		t.Errorf("%v, %d functions wait for the end of the context", err, n)
	}
}

// closeCounter is a request body that counts calls of Close.
type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

func TestARejectedRequestIsNeverSent(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b, _ := watch(t, bulk.WaitingRoom(1))
		server := p.serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request was sent") }))
		slot, _ := b.TryAcquire()
		defer slot.Release()
		upload := &closeCounter{Reader: strings.NewReader("upload")}
		_, err := clientOf(server, b, bulkhttp.Limits(deadline.NoWait())).Post(server.URL, "text/plain", upload) //nolint:bodyclose // it fails
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
	})
}

// Unlike http.Client.Timeout, a deadline of the context does not replace the error.
func TestAContextDeadlineDuringTheWaitIsNotATimeout(t *testing.T) {
	b, _ := watch(t, bulk.WaitingRoom(1))
	slot, _ := b.TryAcquire()
	defer slot.Release()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	client := &http.Client{Transport: bulkhttp.Transport(b, nil)}
	_, err := client.Do(request(t, http.MethodGet, "http://localhost").WithContext(ctx)) //nolint:bodyclose // it fails
	var asURL *url.Error
	if !errors.Is(err, bulk.ErrCanceled) || !errors.As(err, &asURL) || asURL.Timeout() {
		t.Error(err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAnErrorOrPanicOfTheBaseReleasesTheSlot(t *testing.T) {
	b, _ := watch(t)
	for _, base := range []roundTripper{
		func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		func(*http.Request) (*http.Response, error) { panic("bug") },
		func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil }, // a stub without a body
		func(*http.Request) (*http.Response, error) { return nil, nil },                             // a bug that http.Client reports
	} {
		func() {
			defer func() { _ = recover() }()
			_, _ = bulkhttp.Transport(b, base).RoundTrip(request(t, http.MethodGet, "http://localhost")) //nolint:bodyclose // none
		}()
		inUse(t, b, 0, "after the error")
	}
}

func TestRedirectsNeedOnlyOneSlot(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b, _ := watch(t)
		server := p.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/here" {
				http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
				return
			}
			if text, err := io.ReadAll(r.Body); string(text) != "upload" {
				t.Errorf("%q, %v", text, err)
			}
			writePage(w, r)
		}))
		resp, err := clientOf(server, b).Post(server.URL, "text/plain", strings.NewReader("upload"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if s := b.Status(); s.Totals.Finished != 2 || s.Totals.Rejected() != 0 {
			t.Error(s)
		}
	})
}

// The server closes the connection that the client kept. net/http then sends the request
// again on a new one, with the body from GetBody.
func TestARequestThatTheTransportSendsAgainKeepsItsSlot(t *testing.T) {
	b, _ := watch(t)
	var requests atomic.Int64
	server := http1.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 2 {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
			return
		}
		text, err := io.ReadAll(r.Body)
		if string(text) != "upload" {
			t.Errorf("%q, %v", text, err)
		}
	}))
	client := clientOf(server, b)
	for range 2 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, strings.NewReader("upload"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Idempotency-Key", "7")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if s := b.Status(); s.Totals.Finished != 2 || requests.Load() != 3 {
		t.Errorf("%d requests reached the server, %v", requests.Load(), s)
	}
}

func TestTheBodyOfARequestIsNotSentBeforeItsServerWantsIt(t *testing.T) {
	b, _ := watch(t)
	server := http1.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	server.Client().Transport.(*http.Transport).ExpectContinueTimeout = time.Hour
	for path, sent := range map[string]int{"/yes": 6, "/no": 0} {
		upload := &countingReader{Reader: strings.NewReader("upload")}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, upload)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Expect", "100-continue")
		resp, err := clientOf(server, b).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if upload.n != sent {
			t.Errorf("%s: %d bytes sent, want %d", path, upload.n, sent)
		}
		inUse(t, b, 0, path)
	}
}

// After 101 the body is an io.ReadWriteCloser. It must remain one behind the bulkhead,
// and it holds its slot until it is closed, however much of it was read.
func TestAnUpgradedConnectionHoldsItsSlotUntilClosed(t *testing.T) {
	b, _ := watch(t)
	server := http1.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		text, _ := io.ReadAll(rw) // until the client closes its direction
		fmt.Fprintf(conn, "echo %s", text)
	}))
	ctx, cancelHandshake := context.WithCancel(t.Context())
	r := request(t, http.MethodGet, server.URL).WithContext(ctx)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "echo")
	resp, err := clientOf(server, b).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if !ok || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%s with a %T", resp.Status, resp.Body)
	}
	cancelHandshake() // many clients do so; the connection outlives the context
	fmt.Fprint(conn, "hello")
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		t.Error(err)
	}
	if text, err := bufio.NewReader(conn).ReadString(0); text != "echo hello" || err != io.EOF {
		t.Errorf("%q, %v", text, err)
	}
	inUse(t, b, 1, "open")
	for range 2 {
		_ = conn.Close()
		inUse(t, b, 0, "closed")
	}
}

func TestAReverseProxyUpgradesThroughTheTransport(t *testing.T) {
	b, events := watch(t)
	backend := http1.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		fmt.Fprint(conn, "echo "+line)
	}))
	proxy := http1.serve(t, proxyTo(t, backend, bulkhttp.Transport(b, backend.Client().Transport)))
	r := request(t, http.MethodGet, proxy.URL)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "echo")
	resp, err := proxy.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		t.Fatalf("%s with a %T", resp.Status, resp.Body)
	}
	inUse(t, b, 1, "open")
	fmt.Fprintln(conn, "hello")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "echo hello\n" {
		t.Errorf("%q, %v", line, err)
	}
	conn.Close()
	await(t, events, bulk.EventReleased)
}

func TestAHostDoesNotUseTheSlotsOfAnother(t *testing.T) {
	noLeaks(t)
	hosts, err := registry.NewKeyed[string]("hosts", 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	servers := []*httptest.Server{http1.serve(t, http.HandlerFunc(writePage)), http1.serve(t, http.HandlerFunc(writePage)), http1.serve(t, http.HandlerFunc(writePage))}
	client := &http.Client{Transport: bulkhttp.HostTransport(hosts, ownTransport(t, http1))}
	defer client.CloseIdleConnections()
	slow, err := client.Get(servers[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Get(servers[0].URL) //nolint:bodyclose // it fails
	if !errors.Is(err, bulk.ErrSaturated) || !hosts.NotStarted(err) {
		t.Errorf("the busy host: %v", err)
	}
	other, err := client.Get(servers[1].URL)
	if err != nil {
		t.Fatalf("the other host: %v", err)
	}
	_, err = client.Get(servers[2].URL) //nolint:bodyclose // it fails
	if !errors.Is(err, registry.ErrTooManyKeys) || !hosts.NotStarted(err) {
		t.Errorf("a third host: %v", err)
	}
	slow.Body.Close()
	other.Body.Close()
	if s := hosts.Status(); s.InUse != 0 || s.Keys != 2 {
		t.Error(s)
	}
}

func TestAKeyDoesNotUseTheSlotsOfAnotherToSendRequests(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		noLeaks(t)
		tenants, err := registry.NewKeyed[string]("tenants", 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		server := p.serve(t, http.HandlerFunc(writePage))
		client := &http.Client{Transport: bulkhttp.KeyTransport(tenants, tenantOf, server.Client().Transport)}
		as := func(tenant string) (*http.Response, error) {
			r := request(t, http.MethodGet, server.URL)
			r.Header.Set("Tenant", tenant)
			return client.Do(r)
		}
		var open []*http.Response
		for _, tenant := range []string{"busy", "quiet", "", ""} { // without a tenant there is no limit
			resp, err := as(tenant)
			if err != nil {
				t.Fatalf("%q: %v", tenant, err)
			}
			open = append(open, resp)
		}
		if _, err := as("busy"); !errors.Is(err, bulk.ErrSaturated) || !tenants.NotStarted(err) { //nolint:bodyclose // it fails
			t.Errorf("the busy tenant: %v", err)
		}
		if _, err := as("new"); !errors.Is(err, registry.ErrTooManyKeys) || !tenants.NotStarted(err) { //nolint:bodyclose // it fails
			t.Errorf("a third tenant: %v", err)
		}
		for _, resp := range open {
			resp.Body.Close()
		}
		if s := tenants.Status(); s.InUse != 0 || s.Keys != 2 || s.Totals.Admitted != 2 {
			t.Error(s)
		}
	})
}

func TestAHostIsTheAddressThatARequestIsSentTo(t *testing.T) {
	hosts, err := registry.NewKeyed[string]("hosts", 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	base := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("not sent") })
	tr := bulkhttp.HostTransport(hosts, base)
	for _, tt := range []struct {
		url  string
		keys int // after it
	}{
		{"https://API.example.com/a", 1},
		{"https://api.example.com:443/b", 1},
		{"http://api.example.com", 2},
		{"http://api.example.com:80", 2},
		{"http://[::1]:8080/x", 3},
		{"http://[::1]:8080/y", 3},
	} {
		r := request(t, http.MethodGet, tt.url)
		r.Host = "other.example.com"
		_, _ = tr.RoundTrip(r) //nolint:bodyclose // it fails
		if n := hosts.Status().Keys; n != tt.keys {
			t.Errorf("%d keys after %s, want %d", n, tt.url, tt.keys)
		}
	}
	_, _ = tr.RoundTrip(&http.Request{}) //nolint:bodyclose // base says what is wrong
	for _, key := range []string{"", "[::1]:8080", "api.example.com:443", "api.example.com:80"} {
		if !hosts.Evict(key) {
			t.Errorf("no key %q", key)
		}
	}
	if s := hosts.Status(); s.Keys != 0 {
		t.Errorf("other keys: %v", s)
	}
}

func TestARequestToSendHoldsTheSlotsThatItNeedsUntilTheEndOfTheBody(t *testing.T) {
	byModel := bulkhttp.Slots(func(r *http.Request) int { n, _ := strconv.Atoi(r.Header.Get("Weight")); return n })
	forEachProtocol(t, func(t *testing.T, p protocol) {
		models := bulk.Must(bulk.New("models", 4))
		noLeaks(t, models)
		hosts, err := registry.NewKeyed[string]("hosts", 4, 10)
		if err != nil {
			t.Fatal(err)
		}
		var sent atomic.Int64
		server := p.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sent.Add(1); writePage(w, r) }))
		for name, transport := range map[string]http.RoundTripper{
			"Transport":     bulkhttp.Transport(models, server.Client().Transport, byModel),
			"HostTransport": bulkhttp.HostTransport(hosts, server.Client().Transport, byModel),
		} {
			client := &http.Client{Transport: transport}
			before := sent.Load()
			send := func(weight string) (*http.Response, error) {
				r := request(t, http.MethodPost, server.URL)
				body := &closeCounter{Reader: strings.NewReader("question")}
				r.Body = body
				r.Header.Set("Weight", weight)
				resp, err := client.Do(r)
				if err != nil && body.closed == 0 {
					t.Errorf("%s: the body of a request for %s slots is not closed", name, weight)
				}
				return resp, err
			}
			resp, err := send("3")
			if err != nil {
				t.Fatal(err)
			}
			if n := models.Status().InUse + hosts.Status().InUse; n != 3 {
				t.Errorf("%s: %d slots in use before the end of the body", name, n)
			}
			for weight, want := range map[string]error{"2": bulk.ErrSaturated, "5": bulk.ErrOversized, "0": bulk.ErrConfig, "-1": bulk.ErrConfig} {
				_, err := send(weight) //nolint:bodyclose // it fails
				if !errors.Is(err, want) || errors.Is(err, bulk.ErrNotStarted) != (want != bulk.ErrConfig) {
					t.Errorf("%s: a request for %s slots: %v", name, weight, err)
				}
			}
			resp.Body.Close()
			if n := models.Status().InUse + hosts.Status().InUse; n != 0 {
				t.Errorf("%s: %d slots in use after the body", name, n)
			}
			if n := sent.Load() - before; n != 1 {
				t.Errorf("%s: %d requests were sent", name, n)
			}
		}
	})
}

func TestSelectChoosesTheBulkheadOfARequestToSend(t *testing.T) {
	b, _ := watch(t)
	slot, _ := b.TryAcquire()
	defer slot.Release()
	server := http1.serve(t, http.HandlerFunc(writePage))
	client := clientOf(server, nil, bulkhttp.Select(func(r *http.Request) *bulk.Bulkhead {
		if r.URL.Path == "/free" {
			return nil
		}
		return b
	}))
	resp, err := client.Get(server.URL + "/free")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := client.Get(server.URL + "/limited"); !errors.Is(err, bulk.ErrSaturated) { //nolint:bodyclose // it fails
		t.Error(err)
	}
}

// A group cancels all its requests with the first error. If that error is a rejection,
// net/http also returns it from the requests in flight and from bodies that are being
// read.
func TestTheErrorOfASentRequestNeverMatchesNotStarted(t *testing.T) {
	for _, wrap := range []func(error) error{
		func(err error) error { return err },
		func(err error) error { return fmt.Errorf("sibling: %w", err) },
		func(err error) error { return errors.Join(io.ErrUnexpectedEOF, err) },
	} {
		for _, tt := range []struct {
			name    string
			headers bool // the group is canceled while the body is being read
			opts    []bulkhttp.Option
		}{
			{"before the headers", false, nil},
			{"in the body", true, nil},
			{"in the body, released at the headers", true, []bulkhttp.Option{bulkhttp.ReleaseAtHeaders()}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				forEachProtocol(t, func(t *testing.T, p protocol) {
					b, _ := watch(t)
					reached, stop := make(chan struct{}), make(chan struct{})
					server := p.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						if tt.headers {
							w.WriteHeader(http.StatusOK)
							_ = http.NewResponseController(w).Flush()
						}
						close(reached)
						<-stop
					}))
					defer close(stop)
					client := clientOf(server, b, tt.opts...)
					group, cancel := context.WithCancelCause(t.Context())
					inBody := make(chan struct{}, 1)
					post := func() error {
						resp, err := client.Do(request(t, http.MethodPost, server.URL).WithContext(group))
						if err != nil {
							return err
						}
						defer resp.Body.Close()
						inBody <- struct{}{}
						_, err = io.ReadAll(resp.Body)
						return err
					}
					sent := make(chan error)
					go func() { sent <- post() }()
					receive(t, reached)
					if tt.headers {
						receive(t, inBody)
					}
					rejected := rejectionOf(t, b)
					cancel(wrap(rejected))
					err := receive(t, sent)
					// net/http returns the cause from HTTP/1.1, and the error of the context from
					// HTTP/2.
					if !errors.Is(err, rejected) && !errors.Is(err, context.Canceled) {
						t.Errorf("%v doesn't match the end of its context", err)
					}
					mustNotSayNotStarted(t, err, b)
				})
			})
		}
	}
}

// rejectionOf returns the error of an operation that b rejected.
func rejectionOf(t *testing.T, b *bulk.Bulkhead) error {
	t.Helper()
	if slot, ok := b.TryAcquire(); ok {
		defer slot.Release()
	}
	_, err := b.Acquire(t.Context(), deadline.NoWait())
	if !bulk.NotStarted(err, b) {
		t.Fatal(err)
	}
	return err
}

func mustNotSayNotStarted(t *testing.T, err error, b *bulk.Bulkhead) {
	t.Helper()
	var admission *bulk.AdmissionError
	if err == nil || errors.Is(err, bulk.ErrNotStarted) || errors.Is(err, bulk.ErrOverload) || bulk.NotStarted(err, b) || errors.As(err, &admission) {
		t.Errorf("a request that was sent failed with %v", err)
	}
}

// The key of a Keyed does not matter: the error of a request in flight must not say that
// any request of the Keyed was not sent.
func TestTheErrorOfARequestSentToOneHostIsNotARejectionOfAnother(t *testing.T) {
	hosts, err := registry.NewKeyed[string]("hosts", 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	var nested error
	client := &http.Client{Transport: bulkhttp.HostTransport(hosts, roundTripper(func(*http.Request) (*http.Response, error) {
		_, nested = hosts.Acquire(t.Context(), "another host")
		return nil, nested
	}))}
	_, err = client.Get("http://localhost") //nolint:bodyclose // it fails
	if !errors.Is(nested, registry.ErrTooManyKeys) || errors.Is(err, bulk.ErrNotStarted) || hosts.NotStarted(err) {
		t.Errorf("%v, nested %v", err, nested)
	}
}

// What comes through a connection that outlives its context can be the cause as well.
func TestTheErrorOfAnUpgradedConnectionNeverMatchesNotStarted(t *testing.T) {
	b, _ := watch(t)
	rejected := rejectionOf(t, b)
	base := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusSwitchingProtocols, Body: broken{rejected}}, nil
	})
	resp, err := bulkhttp.Transport(b, base).RoundTrip(request(t, http.MethodGet, "http://localhost"))
	if err != nil {
		t.Fatal(err)
	}
	conn := resp.Body.(io.ReadWriteCloser)
	_, errRead := conn.Read(nil)
	_, errWrite := conn.Write(nil)
	inUse(t, b, 1, "open")
	for _, err := range []error{errRead, errWrite, conn.Close()} {
		mustNotSayNotStarted(t, err, b)
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); !errors.Is(err, http.ErrNotSupported) {
		t.Error(err)
	}
}

// A base for tests or a cache can answer with a file, which can be written, too.
func TestABodyThatCanBeWrittenIsNoConnectionWithoutAnUpgrade(t *testing.T) {
	b, _ := watch(t)
	base := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: broken{io.EOF}}, nil
	})
	resp, err := bulkhttp.Transport(b, base).RoundTrip(request(t, http.MethodGet, "http://localhost"))
	if err != nil {
		t.Fatal(err)
	}
	inUse(t, b, 1, "before the end of the body")
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Error(err)
	}
	inUse(t, b, 0, "at the end of the body")
}

// broken is a connection that fails with err.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error)  { return 0, b.err }
func (b broken) Write([]byte) (int, error) { return 0, b.err }
func (b broken) Close() error              { return b.err }

// An inner bulkhead, for example one for each host, rejects a request that the outer one
// has admitted. The request was not sent, and the error names the inner bulkhead.
func TestTheRejectionByAnInnerBulkheadStaysVisible(t *testing.T) {
	outer, _ := watch(t)
	inner, _ := watch(t)
	slot, _ := inner.TryAcquire()
	defer slot.Release()
	client := &http.Client{Transport: bulkhttp.Transport(outer, bulkhttp.Transport(inner, nil))}
	_, err := client.Get("http://localhost") //nolint:bodyclose // it fails
	if !errors.Is(err, bulk.ErrSaturated) || bulk.NotStarted(err, outer) || !bulk.NotStarted(err, inner) {
		t.Error(err)
	}
}

func TestClosingIdleConnectionsReachesTheBase(t *testing.T) {
	b, _ := watch(t)
	closed := 0
	client := &http.Client{Transport: bulkhttp.Transport(b, idleCloser{roundTripper(nil), &closed})}
	client.CloseIdleConnections()
	(&http.Client{Transport: bulkhttp.Transport(b, roundTripper(nil))}).CloseIdleConnections() // has none
	if closed != 1 {
		t.Errorf("%d calls", closed)
	}
}

type idleCloser struct {
	roundTripper
	n *int
}

func (c idleCloser) CloseIdleConnections() { *c.n++ }
