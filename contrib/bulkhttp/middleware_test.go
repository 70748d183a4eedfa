package bulkhttp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

var none = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func TestHandlerHoldsASlotWhileItRuns(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b, _ := watch(t)
		server := p.serve(t, behind(bulkhttp.Middleware(b), func(w http.ResponseWriter, r *http.Request) {
			inUse(t, b, 1, "in the handler")
			w.Header().Set("Trailer", "Checksum")
			n, err := io.Copy(w, r.Body)
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Checksum", strconv.FormatInt(n, 10))
		}))
		const text = "a body of some length"
		for range 3 {
			resp, err := server.Client().Post(server.URL, "text/plain", strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(got) != text || err != nil || resp.Trailer.Get("Checksum") != "21" {
				t.Errorf("%q, %v, trailer %v", got, err, resp.Trailer)
			}
		}
	})
}

func TestAnswerToARejectedRequest(t *testing.T) {
	full := bulk.Must(bulk.New("full", 1))
	slot, _ := full.TryAcquire()
	defer slot.Release()
	room := bulk.Must(bulk.New("room", 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Nanosecond)))
	slot, _ = room.TryAcquire()
	defer slot.Release()
	closed := bulk.Must(bulk.New("closed", 1))
	closed.Close()

	tenants, err := registry.NewKeyed[string]("tenants", 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	slot, err = tenants.Acquire(t.Context(), "busy")
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	quotas, err := registry.NewKeyed[float64]("quotas", 1, 1)
	if err != nil {
		t.Fatal(err)
	}

	free := bulk.Must(bulk.New("free", 2))
	partly := bulk.Must(bulk.New("partly", 2))
	slot, _ = partly.TryAcquire()
	defer slot.Release()

	left, leave := context.WithCancel(t.Context())
	leave()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	ended, end := context.WithCancelCause(t.Context())
	end(errors.New("the service stops"))

	for _, tt := range []struct {
		why        string
		middleware func(http.Handler) http.Handler
		ctx        context.Context
		status     int
		retryAfter bool
		connection string
	}{
		{"saturated", bulkhttp.Middleware(full), t.Context(), 503, true, ""},
		{"expired", bulkhttp.Middleware(room), t.Context(), 503, true, ""},
		{"saturated, no delay wanted", bulkhttp.Middleware(full, bulkhttp.RetryAfter(0, 0)), t.Context(), 503, false, ""},
		{"closed", bulkhttp.Middleware(closed), t.Context(), 503, false, "close"},
		{"closed, buffered", bulkhttp.Middleware(closed, bulkhttp.Buffered(10)), t.Context(), 503, false, "close"},
		{"the client left", bulkhttp.Middleware(full), left, 499, false, ""},
		{"another middleware bounds the time", bulkhttp.Middleware(full), late, 503, false, ""},
		{"another middleware ended the context", bulkhttp.Middleware(full), ended, 503, false, ""},
		{"key without a free slot", bulkhttp.KeyMiddleware(tenants, func(*http.Request) (string, bool) { return "busy", true }), t.Context(), 503, true, ""},
		{"too many keys", bulkhttp.KeyMiddleware(tenants, func(*http.Request) (string, bool) { return "new", true }), t.Context(), 503, true, ""},
		{"impossible key", bulkhttp.KeyMiddleware(quotas, func(*http.Request) (float64, bool) { return math.NaN(), true }), t.Context(), 500, false, ""},
		{"no slots", bulkhttp.Middleware(free, slots(0)), t.Context(), 500, false, ""},
		{"fewer than no slots", bulkhttp.Middleware(nil, slots(-1), bulkhttp.Select(func(*http.Request) *bulk.Bulkhead { return free })), t.Context(), 500, false, ""},
		{"no slots of a key", bulkhttp.KeyMiddleware(tenants, func(*http.Request) (string, bool) { return "new", true }, slots(0)), t.Context(), 500, false, ""},
		{"more slots than there are", bulkhttp.Middleware(free, slots(3)), t.Context(), 503, false, ""},
		{"more slots than are free", bulkhttp.Middleware(partly, slots(2)), t.Context(), 503, true, ""},
	} {
		t.Run(tt.why, func(t *testing.T) {
			w := httptest.NewRecorder()
			behind(tt.middleware, func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }).
				ServeHTTP(w, httptest.NewRequestWithContext(tt.ctx, http.MethodGet, "/", nil))
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			if got := w.Header().Get("Retry-After"); (got != "") != tt.retryAfter {
				t.Errorf("Retry-After %q", got)
			}
			if got := w.Header().Get("Connection"); got != tt.connection {
				t.Errorf("Connection %q", got)
			}
			if tt.status == 499 && w.Body.Len() > 0 {
				t.Errorf("body %q", w.Body)
			}
		})
	}
}

func TestRetryAfterIsSpreadOverItsWholeRange(t *testing.T) {
	b := bulk.Must(bulk.New("full", 1))
	slot, _ := b.TryAcquire()
	defer slot.Release()
	for _, tt := range []struct {
		opts []bulkhttp.Option
		want []string
	}{
		{nil, []string{"1", "2", "3"}},
		{[]bulkhttp.Option{bulkhttp.RetryAfter(0, 1)}, []string{"", "1"}}, // rounded up
		{[]bulkhttp.Option{bulkhttp.RetryAfter(1500*time.Millisecond, 4*time.Second)}, []string{"2", "3", "4"}},
		{[]bulkhttp.Option{bulkhttp.RetryAfter(time.Hour, time.Hour)}, []string{"3600"}},
	} {
		got := map[string]bool{}
		h := bulkhttp.Middleware(b, tt.opts...)(none)
		for range 500 { // each value is missed with a probability below 1e-80
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			got[w.Header().Get("Retry-After")] = true
		}
		if len(got) != len(tt.want) {
			t.Errorf("%v, want %v", got, tt.want)
		}
		for _, w := range tt.want {
			if !got[w] {
				t.Errorf("%v, want %v", got, tt.want)
			}
		}
	}
}

func TestOnRejectReplacesTheAnswerAndMayKeepTheHeaders(t *testing.T) {
	b, _ := watch(t)
	slot, _ := b.TryAcquire()
	defer slot.Release()
	var got error
	h := bulkhttp.Middleware(b, bulkhttp.RetryAfter(5*time.Second, 5*time.Second),
		bulkhttp.OnReject(func(w http.ResponseWriter, r *http.Request, err error) {
			got = err
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, r.URL.Path)
		}))(none)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/path", nil))
	if w.Code != 429 || w.Body.String() != "/path" || w.Header().Get("Retry-After") != "5" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if !bulk.NotStarted(got, b) || !errors.Is(got, bulk.ErrSaturated) {
		t.Error(got)
	}
}

func TestSelectChoosesTheBulkheadOfEachRequest(t *testing.T) {
	b, _ := watch(t)
	slot, _ := b.TryAcquire()
	defer slot.Release()
	for _, opts := range [][]bulkhttp.Option{nil, {bulkhttp.Buffered(10)}} {
		h := bulkhttp.Middleware(nil, append(opts, bulkhttp.Select(func(r *http.Request) *bulk.Bulkhead {
			if r.URL.Path == "/healthz" {
				return nil
			}
			return b
		}))...)(none)
		for path, status := range map[string]int{"/healthz": 200, "/report": 503} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			if w.Code != status {
				t.Errorf("%s: %d, want %d", path, w.Code, status)
			}
		}
	}
}

// slots is the option for requests that all need n slots.
func slots(n int) bulkhttp.Option { return bulkhttp.Slots(func(*http.Request) int { return n }) }

func TestARequestHoldsTheSlotsThatItNeeds(t *testing.T) {
	byRoute := bulkhttp.Slots(func(r *http.Request) int {
		if r.URL.Path == "/large" {
			return 3
		}
		return 1
	})
	forEachProtocol(t, func(t *testing.T, p protocol) {
		reports := bulk.Must(bulk.New("reports", 4))
		noLeaks(t, reports)
		tenants, err := registry.NewKeyed[string]("tenants", 4, 10)
		if err != nil {
			t.Fatal(err)
		}
		for name, middleware := range map[string]func(http.Handler) http.Handler{
			"Middleware":    bulkhttp.Middleware(reports, byRoute),
			"Select":        bulkhttp.Middleware(nil, byRoute, bulkhttp.Select(func(*http.Request) *bulk.Bulkhead { return reports })),
			"KeyMiddleware": bulkhttp.KeyMiddleware(tenants, func(*http.Request) (string, bool) { return "shop", true }, byRoute),
		} {
			server := p.serve(t, behind(middleware, func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, reports.Status().InUse+tenants.Status().InUse)
			}))
			for path, want := range map[string]string{"/small": "1", "/large": "3"} {
				resp, err := server.Client().Do(request(t, http.MethodGet, server.URL+path))
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(text) != want {
					t.Errorf("%s%s: %q slots in use, want %s", name, path, text, want)
				}
			}
		}
		eventually(t, func() string {
			if n := reports.Status().InUse + tenants.Status().InUse; n != 0 {
				return fmt.Sprint(n, " slots in use at the end")
			}
			return ""
		})
	})
}

func TestLimitsBoundTheWaitOfTheRequest(t *testing.T) {
	b, _ := watch(t, bulk.WaitingRoom(1))
	slot, _ := b.TryAcquire()
	defer slot.Release()
	h := bulkhttp.Middleware(b, bulkhttp.Limits(deadline.NoWait()), bulkhttp.Limits(deadline.Within(time.Hour)))(none)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != 503 || b.Status().Totals.Saturated != 1 {
		t.Errorf("%d, %v", w.Code, b.Status())
	}
}

// tenantOf returns the key of a request. Without a tenant it is not limited.
func tenantOf(r *http.Request) (string, bool) {
	tenant := r.Header.Get("Tenant")
	return tenant, tenant != ""
}

func TestABusyKeyDoesNotAffectAnother(t *testing.T) {
	noLeaks(t)
	tenants, err := registry.NewKeyed[string]("tenants", 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := make(chan struct{}), make(chan struct{})
	h := bulkhttp.KeyMiddleware(tenants, tenantOf)(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				running <- struct{}{}
				<-stop
			}
		}))
	status := func(tenant, path string) int {
		r, w := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
		r.Header.Set("Tenant", tenant)
		h.ServeHTTP(w, r)
		return w.Code
	}
	slow := make(chan int)
	go func() { slow <- status("noisy", "/slow") }()
	receive(t, running)
	if n, q, o := status("noisy", "/fast"), status("quiet", "/fast"), status("", "/fast"); n != 503 || q != 200 || o != 200 {
		t.Errorf("the busy tenant got %d, the other one %d, a request without a tenant %d", n, q, o)
	}
	if n := tenants.Status().Keys; n != 2 {
		t.Errorf("%d keys", n)
	}
	close(stop)
	if s := receive(t, slow); s != 200 || tenants.Status().InUse != 0 {
		t.Errorf("%d, %v", s, tenants.Status())
	}
}

func TestAClientThatLeavesWhileItWaitsLeavesTheWaitingRoom(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b, events := watch(t, bulk.WaitingRoom(1))
		statuses := make(chan int, 1)
		limited := behind(bulkhttp.Middleware(b), func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
		server := p.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			logged := &statusLog{ResponseWriter: w}
			limited.ServeHTTP(logged, r)
			statuses <- logged.status
		}))
		slot, _ := b.TryAcquire()
		defer slot.Release()
		ctx, leave := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			resp, err := server.Client().Do(request(t, http.MethodGet, server.URL).WithContext(ctx))
			if err == nil {
				resp.Body.Close()
			}
			failed <- err
		}()
		await(t, events, bulk.EventQueued)
		leave()
		await(t, events, bulk.EventCanceled)
		if err := receive(t, failed); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if status := receive(t, statuses); status != 499 {
			t.Errorf("the log says %d, want 499", status)
		}
	})
}

type statusLog struct {
	http.ResponseWriter
	status int
}

func (l *statusLog) WriteHeader(status int) {
	l.status = status
	l.ResponseWriter.WriteHeader(status)
}

func (l *statusLog) Unwrap() http.ResponseWriter { return l.ResponseWriter }

func TestAClientThatLeavesWhileTheHandlerRunsReleasesTheSlotWhenTheHandlerReturns(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b, events := watch(t)
		reached, noticed := make(chan struct{}), make(chan struct{})
		server := p.serve(t, behind(bulkhttp.Middleware(b), func(_ http.ResponseWriter, r *http.Request) {
			close(reached)
			<-r.Context().Done()
			inUse(t, b, 1, "after the client left")
			close(noticed)
		}))
		ctx, leave := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := server.Client().Do(request(t, http.MethodGet, server.URL).WithContext(ctx)) //nolint:bodyclose // it fails
			failed <- err
		}()
		receive(t, reached)
		leave()
		if err := receive(t, failed); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		receive(t, noticed)
		await(t, events, bulk.EventReleased)
	})
}

func TestAClosedBulkheadMakesTheClientConnectAnew(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b, _ := watch(t)
		closed := make(chan struct{}, 10)
		server := p.serve(t, bulkhttp.Middleware(b)(none), func(s *http.Server) {
			s.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateClosed {
					closed <- struct{}{}
				}
			}
		})
		b.Close()
		for range 2 {
			reused := false
			r := request(t, http.MethodGet, server.URL)
			r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
				GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused },
			}))
			resp, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 503 || reused {
				t.Errorf("%s, connection reused: %v", resp.Status, reused)
			}
			receive(t, closed) // by the server
		}
	})
}

func TestAHandlerThatPanicsReleasesItsSlot(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		for _, opts := range [][]bulkhttp.Option{nil, {bulkhttp.Buffered(1000)}, {bulkhttp.Buffered(1)}} {
			b, _ := watch(t)
			calls := 0 // one slot: never concurrent
			server := p.serve(t, behind(bulkhttp.Middleware(b, opts...), func(w http.ResponseWriter, r *http.Request) {
				calls++
				switch r.URL.Path {
				case "/abort":
					fmt.Fprint(w, "half an answ")
					panic(http.ErrAbortHandler)
				case "/bug":
					fmt.Fprint(w, "half an answ")
					panic("bug")
				}
			}))
			for range 3 {
				for _, path := range []string{"/abort", "/bug", "/"} {
					// The client gets the answer, or its end, after the slot was released.
					resp, err := server.Client().Get(server.URL + path)
					if err == nil {
						_, err = io.ReadAll(resp.Body)
						resp.Body.Close()
					}
					if path == "/" && (err != nil || resp.StatusCode != 200) || path != "/" && err == nil {
						t.Errorf("%s: %v, %v", path, resp, err)
					}
				}
			}
			if err := b.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if totals := b.Status().Totals; totals.Finished != uint64(calls) || totals.Rejected() != 0 {
				t.Errorf("%d calls, %v", calls, b.Status())
			}
		}
	})
}

func TestAHandlerThatEndsItsGoroutineReleasesItsSlot(t *testing.T) {
	for _, opts := range [][]bulkhttp.Option{nil, {bulkhttp.Buffered(10)}} {
		b, _ := watch(t)
		h := behind(bulkhttp.Middleware(b, opts...), func(http.ResponseWriter, *http.Request) { runtime.Goexit() })
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		}()
		receive(t, done)
		inUse(t, b, 0, "after Goexit")
	}
}

// countingReader is the body of a request. It counts what is read.
type countingReader struct {
	io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func TestARejectedClientThatExpects100ContinueDoesNotSendItsBody(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b, _ := watch(t)
		server := p.serve(t, behind(bulkhttp.Middleware(b), func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n, err)
		}))
		server.Client().Transport.(*http.Transport).ExpectContinueTimeout = time.Hour
		post := func() (status int, text string, sent int) {
			body := &countingReader{Reader: strings.NewReader(strings.Repeat("x", 1000))}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Expect", "100-continue")
			resp, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			answer, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Error(err)
			}
			return resp.StatusCode, string(answer), body.n
		}
		if status, text, _ := post(); status != 200 || text != "1000 <nil>" {
			t.Errorf("admitted: %d %q", status, text)
		}
		slot, _ := b.TryAcquire()
		defer slot.Release()
		if status, _, sent := post(); status != 503 || sent != 0 {
			t.Errorf("rejected: %d, %d bytes sent", status, sent)
		}
	})
}

func TestAHijackedConnectionHoldsTheSlotUntilTheHandlerReturns(t *testing.T) {
	for _, opts := range [][]bulkhttp.Option{nil, {bulkhttp.Buffered(1000)}} {
		b, events := watch(t)
		server := http1.serve(t, behind(bulkhttp.Middleware(b, opts...), func(w http.ResponseWriter, _ *http.Request) {
			hijacker, ok := w.(http.Hijacker)
			if !ok {
				t.Errorf("a %T is no Hijacker", w)
				return
			}
			conn, rw, err := hijacker.Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if _, err := fmt.Fprint(w, "x"); !errors.Is(err, http.ErrHijacked) {
				t.Errorf("writing to a hijacked connection: %v", err)
			}
			fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			_ = rw.Flush()
			line, _ := rw.ReadString('\n')
			fmt.Fprint(conn, "echo "+line)
		}))
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		reader := bufio.NewReader(conn)
		resp, err := http.ReadResponse(reader, nil)
		if err != nil || resp.StatusCode != 101 {
			t.Fatal(resp, err)
		}
		inUse(t, b, 1, "connected")
		fmt.Fprint(conn, "hello\n")
		if line, err := reader.ReadString('\n'); line != "echo hello\n" {
			t.Errorf("%q, %v", line, err)
		}
		await(t, events, bulk.EventReleased)
		conn.Close()
	}
}

func TestServerSentEventsArriveWhileTheHandlerRuns(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		for _, opts := range [][]bulkhttp.Option{nil, {bulkhttp.Buffered(1000)}} {
			b, events := watch(t)
			next := make(chan string)
			server := p.serve(t, behind(bulkhttp.Middleware(b, opts...), func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				w.(http.Flusher).Flush() // the headers
				for text := range next {
					fmt.Fprintf(w, "data: %s\n\n", text)
					w.(http.Flusher).Flush()
				}
			}))
			resp, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(resp.Body)
			for i := range 3 {
				next <- strconv.Itoa(i)
				line, err := lines.ReadString('\n')
				if want := fmt.Sprintf("data: %d\n", i); line != want || err != nil {
					t.Errorf("%q, %v", line, err)
				}
				_, _ = lines.ReadString('\n')
				inUse(t, b, 1, "an open stream")
			}
			close(next)
			_, _ = io.Copy(io.Discard, lines)
			resp.Body.Close()
			await(t, events, bulk.EventReleased)
		}
	})
}

func TestResponseControllerWorksBehindTheMiddleware(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		for _, opts := range [][]bulkhttp.Option{nil, {bulkhttp.Buffered(1000)}} {
			b, _ := watch(t)
			server := p.serve(t, behind(bulkhttp.Middleware(b, opts...), func(w http.ResponseWriter, _ *http.Request) {
				rc := http.NewResponseController(w)
				duplex := rc.EnableFullDuplex()
				if p == http2 && errors.Is(duplex, http.ErrNotSupported) {
					duplex = nil // HTTP/2 is full duplex, and old versions say so with this error
				}
				err := errors.Join(rc.SetReadDeadline(time.Now().Add(time.Hour)), rc.SetWriteDeadline(time.Now().Add(time.Hour)), duplex)
				fmt.Fprint(w, "ok")
				if err := errors.Join(err, rc.Flush()); err != nil {
					t.Error(err)
				}
			}))
			resp, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(text) != "ok" || err != nil {
				t.Errorf("%q, %v", text, err)
			}
		}
	})
}

func TestATimeoutHandlerAroundEndsTheWaitAndKeepsTheSlotOfARunningHandler(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		for _, opts := range [][]bulkhttp.Option{nil, {bulkhttp.Buffered(1000)}} {
			b, _ := watch(t, bulk.WaitingRoom(1))
			stop := make(chan struct{})
			limited := behind(bulkhttp.Middleware(b, opts...), func(http.ResponseWriter, *http.Request) { <-stop })
			server := p.serve(t, http.TimeoutHandler(limited, time.Millisecond, "too slow"))
			get := func() {
				t.Helper()
				resp, err := server.Client().Get(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 503 || string(text) != "too slow" {
					t.Errorf("%s %q %v", resp.Status, text, err)
				}
			}
			get() // it runs, or the timeout came before it started
			eventually(t, func() string {
				if s := b.Status(); s.Totals.Arrivals() == 0 {
					return "the request did not arrive"
				}
				return ""
			})
			if b.Status().Totals.Admitted == 1 {
				inUse(t, b, 1, "the abandoned handler runs")
			}
			slot, _ := b.TryAcquire()
			get() // it waits
			close(stop)
			slot.Release()
			if err := b.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// The documentation says so, and advises against it.
func TestATimeoutHandlerInsideReleasesTheSlotOfARunningHandler(t *testing.T) {
	b, _ := watch(t)
	stop := make(chan struct{})
	ended := make(chan struct{})
	server := http1.serve(t, bulkhttp.Middleware(b)(http.TimeoutHandler(http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) { <-stop; close(ended) }), time.Millisecond, "")))
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := b.Shutdown(t.Context()); err != nil || resp.StatusCode != 503 {
		t.Error(resp.Status, err)
	}
	close(stop)
	receive(t, ended)
}

func TestAdmissionAllocatesNothing(t *testing.T) {
	b := bulk.Must(bulk.New("reports", 1, bulk.WaitingRoom(5), bulk.WaitLimit(time.Second)))
	tenants, err := registry.NewKeyed[string]("tenants", 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	w, r := &discard{header: http.Header{}}, httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Tenant", "shop")
	writes := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) })
	for _, tt := range []struct {
		name       string
		middleware func(http.Handler) http.Handler
		want       float64
	}{
		{"Middleware", bulkhttp.Middleware(b), 0},
		{"Limits", bulkhttp.Middleware(b, bulkhttp.Limits(deadline.Within(time.Second))), 0},
		{"Slots", bulkhttp.Middleware(b, slots(1)), 0},
		{"Select", bulkhttp.Middleware(nil, bulkhttp.Select(func(*http.Request) *bulk.Bulkhead { return b })), 0},
		{"KeyMiddleware", bulkhttp.KeyMiddleware(tenants, tenantOf), 0},
		{"Buffered", bulkhttp.Middleware(b, bulkhttp.Buffered(1<<16)), 1}, // the writer; the body is in a pool
	} {
		h := tt.middleware(writes)
		h.ServeHTTP(w, r) // fills the pools
		if got := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); got > tt.want && !raceEnabled {
			t.Errorf("%s: %v allocations for each request, want %v", tt.name, got, tt.want)
		}
	}
}

var page = bytes.Repeat([]byte("page "), 1000)

// discard is a ResponseWriter that allocates nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func TestBadArgumentsPanic(t *testing.T) {
	b := bulk.Must(bulk.New("reports", 1))
	tenants, err := registry.NewKeyed[string]("tenants", 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	key := tenantOf
	for _, tt := range []struct {
		want string
		f    func()
	}{
		{`bulkhttp: Middleware: nil bulkhead, and no Select`, func() { bulkhttp.Middleware(nil) }},
		{`bulkhttp: Transport: nil bulkhead, and no Select`, func() { bulkhttp.Transport(nil, nil) }},
		{`bulkhttp: KeyMiddleware: nil Keyed`, func() { bulkhttp.KeyMiddleware(nil, key) }},
		{`bulkhttp: KeyMiddleware: nil keyOf`, func() { bulkhttp.KeyMiddleware(tenants, nil) }},
		{`bulkhttp: KeyTransport: nil Keyed`, func() { bulkhttp.KeyTransport(nil, key, nil) }},
		{`bulkhttp: KeyTransport: nil keyOf`, func() { bulkhttp.KeyTransport(tenants, nil, nil) }},
		{`bulk: option "Select": KeyTransport supports only Limits, Slots, ReleaseAtHeaders`, func() {
			bulkhttp.KeyTransport(tenants, key, nil, bulkhttp.Select(func(*http.Request) *bulk.Bulkhead { return b }))
		}},
		{`bulkhttp: HostTransport: nil Keyed`, func() { bulkhttp.HostTransport(nil, nil) }},
		{`bulkhttp: middleware of a nil handler`, func() { bulkhttp.Middleware(b)(nil) }},
		{`bulk: option "Buffered(0)": max must be at least 1`, func() { bulkhttp.Middleware(b, bulkhttp.Buffered(0)) }},
		{`bulk: option "RetryAfter(2s, 1s)": want 0 ≤ min ≤ max`, func() { bulkhttp.Middleware(b, bulkhttp.RetryAfter(2*time.Second, time.Second)) }},
		{`bulk: option "RetryAfter(-1s, 1s)": want 0 ≤ min ≤ max`, func() { bulkhttp.Middleware(b, bulkhttp.RetryAfter(-time.Second, time.Second)) }},
		{`bulk: option "Select(nil)": the function must not be nil`, func() { bulkhttp.Middleware(b, bulkhttp.Select(nil)) }},
		{`bulk: option "Slots(nil)": the function must not be nil`, func() { bulkhttp.Transport(b, nil, bulkhttp.Slots(nil)) }},
		{`bulk: option "OnReject(nil)": the function must not be nil`, func() { bulkhttp.Middleware(b, bulkhttp.OnReject(nil)) }},
		{`option: nil option`, func() { bulkhttp.Middleware(b, nil) }},
		{`bulk: option "ReleaseAtHeaders": Middleware supports only Limits, Select, Slots, OnReject, RetryAfter, Buffered`, func() { bulkhttp.Middleware(b, bulkhttp.ReleaseAtHeaders()) }},
		{`bulk: option "Select": KeyMiddleware supports only Limits, Slots, OnReject, RetryAfter, Buffered`, func() {
			bulkhttp.KeyMiddleware(tenants, key, bulkhttp.Select(func(*http.Request) *bulk.Bulkhead { return b }))
		}},
		{`bulk: option "Buffered": Transport supports only Limits, Select, Slots, ReleaseAtHeaders`, func() { bulkhttp.Transport(b, nil, bulkhttp.Buffered(1)) }},
		{`bulk: option "OnReject": HostTransport supports only Limits, Slots, ReleaseAtHeaders`, func() {
			bulkhttp.HostTransport(tenants, nil, bulkhttp.OnReject(func(http.ResponseWriter, *http.Request, error) {}))
		}},
	} {
		func() {
			defer func() {
				v := recover()
				if got := fmt.Sprint(v); got != tt.want {
					t.Errorf("panicked with %q, want %q", got, tt.want)
				}
				if err, ok := v.(error); ok && strings.HasPrefix(tt.want, "bulk:") && !errors.Is(err, bulk.ErrConfig) {
					t.Errorf("%v doesn't match bulk.ErrConfig", err)
				}
			}()
			tt.f()
		}()
	}
}

func TestRejectAnswersOnlyWhatWasNotStarted(t *testing.T) {
	b := bulk.Must(bulk.New("search", 1))
	slot, _ := b.TryAcquire()
	defer slot.Release()
	_, full := b.Acquire(t.Context())
	_, oversized := b.AcquireN(t.Context(), 2)
	closed := bulk.Must(bulk.New("closed", 1))
	_ = closed.Close()
	_, shut := closed.Acquire(t.Context())
	for _, c := range []struct {
		name       string
		err        error
		status     int // 0: not answered
		retryAfter bool
		connection string
	}{
		{"saturated", fmt.Errorf("search: %w", full), 503, true, ""},
		{"oversized", oversized, 503, false, ""},
		{"closed", shut, 503, false, "close"},
		{"no error", nil, 0, false, ""},
		{"another error", io.ErrUnexpectedEOF, 0, false, ""},
		{"not allowed", bulk.ErrConfig, 0, false, ""},
	} {
		w := httptest.NewRecorder()
		w.Code = 0
		answered := bulkhttp.Reject(w, httptest.NewRequest("GET", "/", nil), c.err)
		h := w.Header()
		if answered != (c.status != 0) || w.Code != c.status || (h.Get("Retry-After") != "") != c.retryAfter || h.Get("Connection") != c.connection {
			t.Errorf("%s: answered %t with %d, %v", c.name, answered, w.Code, h)
		}
	}
}
