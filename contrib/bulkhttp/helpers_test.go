package bulkhttp_test

import (
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// forEachProtocol runs f with HTTP/1.1 and with HTTP/2.
func forEachProtocol(t *testing.T, f func(t *testing.T, p protocol)) {
	for _, p := range []protocol{http1, http2} {
		t.Run(string(p), func(t *testing.T) { f(t, p) })
	}
}

type protocol string

const (
	http1 protocol = "HTTP/1.1"
	http2 protocol = "HTTP/2.0"
)

// serve starts a real server on loopback, which is closed when the test ends.
func (p protocol) serve(t *testing.T, h http.Handler, configure ...func(*http.Server)) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Proto != string(p) {
			t.Errorf("the request came with %s, want %s", r.Proto, p)
		}
		h.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(t.Output(), "", 0)
	for _, f := range configure {
		f(server.Config)
	}
	if p == http2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// behind wraps the handler with a middleware.
func behind(middleware func(http.Handler) http.Handler, h http.HandlerFunc) http.Handler {
	return middleware(h)
}

// watch returns a bulkhead with one slot, and a channel with its events. The test fails
// if a slot or a goroutine is left when it has ended and its servers are closed: so watch
// is called before the servers start.
func watch(t *testing.T, opts ...bulk.Option) (*bulk.Bulkhead, <-chan bulk.Event) {
	t.Helper()
	events := make(chan bulk.Event, 1000)
	b := bulk.Must(bulk.New("reports", 1, append(opts, bulk.OnEvent(func(e bulk.Event) { events <- e }))...))
	noLeaks(t, b)
	return b, events
}

// await waits for the next event of this kind.
func await(t *testing.T, events <-chan bulk.Event, kind bulk.EventKind) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case e := <-events:
			if e.Kind == kind {
				return
			}
		case <-timeout:
			t.Fatalf("no event %v", kind)
		}
	}
}

// receive returns the next value of a channel.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("nothing came in 30 s\n%s", stacks())
		panic("unreachable")
	}
}

// noLeaks checks at the end of the test that nothing is in flight or waiting in these
// bulkheads, and that the goroutines that the test started have ended.
func noLeaks(t *testing.T, bulkheads ...*bulk.Bulkhead) {
	t.Helper()
	leaktest.Goroutines(t)
	for _, b := range bulkheads {
		t.Cleanup(func() {
			if err := hooks.Check(b); err != nil {
				t.Error(err)
			}
		})
		leaktest.Slots(t, b)
	}
}

// eventually waits until problem returns nothing. It is for what real servers and clients
// do after they have answered, which no event announces.
func eventually(t *testing.T, problem func() string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		p := problem()
		if p == "" {
			return
		}
		if time.Now().After(end) {
			t.Error(p)
			return
		}
	}
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// inUse fails the test unless n slots are in use.
func inUse(t *testing.T, b *bulk.Bulkhead, n int, when string) {
	t.Helper()
	if got := b.Status().InUse; got != n {
		t.Errorf("%s: %d slots in use, want %d", when, got, n)
	}
}

func request(t *testing.T, method, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ownTransport returns a transport with its own connections, which accepts the
// certificates of test servers.
func ownTransport(t *testing.T, p protocol) *http.Transport {
	server := httptest.NewUnstartedServer(nil)
	server.EnableHTTP2 = p == http2
	server.StartTLS()
	defer server.Close()
	return server.Client().Transport.(*http.Transport).Clone()
}

// proxyTo returns a reverse proxy in front of the server.
func proxyTo(t *testing.T, server *httptest.Server, transport http.RoundTripper) http.Handler {
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		ErrorLog:  log.New(t.Output(), "", 0),
	}
}
