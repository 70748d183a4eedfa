package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/examples/internal/command/commandtest"
)

// upstream is a provider whose answers end when the test says so.
type upstream struct {
	*httptest.Server
	calls  atomic.Int64
	left   atomic.Int64 // calls that the gateway canceled
	ended  chan struct{}
	finish func() // ends all answers
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{ended: make(chan struct{})}
	u.finish = sync.OnceFunc(func() { close(u.ended) })
	u.Server = httptest.NewServer(u)
	t.Cleanup(u.Close)
	t.Cleanup(u.finish)
	return u
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	u.calls.Add(1)
	fmt.Fprint(w, "data: token\n\n")
	_ = http.NewResponseController(w).Flush()
	select {
	case <-u.ended:
		fmt.Fprint(w, end)
	case <-r.Context().Done():
		u.left.Add(1)
	}
}

// openPerKey is the number of requests that an API key of a test may have open.
const openPerKey = 60

// harness is a gateway that serves the tenant t. At the end of the test it is shut down,
// and no operation and no goroutine may be left.
type harness struct {
	*gateway
	t      *testing.T
	url    string
	client *http.Client
	key    string // of the requests
}

func newHarness(t *testing.T, share int) *harness {
	before := runtime.NumGoroutine()
	t.Cleanup(func() { commandtest.VerifyNoGoroutines(t, before) }) // after all other cleanups
	g, err := newGateway(map[string]string{"t-key": "t", "other-key": "other"}, openPerKey, share)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go g.server.Serve(l)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	h := &harness{g, t, "http://" + l.Addr().String(), client, "t-key"}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := g.shutdown(ctx); err != nil { // names operations that are left
			t.Error(err)
		}
	})
	return h
}

func (h *harness) provider(name, url string, slots int) *provider {
	p, err := h.addProvider(name, url, slots)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *harness) post(ctx context.Context, model string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+"/chat", strings.NewReader(fmt.Sprintf(`{"model": %q}`, model)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+h.key)
	req.Header.Set("X-Request-Id", fmt.Sprint(lastID.Add(1)))
	return h.client.Do(req)
}

// ask returns the response with its whole body.
func (h *harness) ask(model string) (*http.Response, string, error) {
	resp, err := h.post(context.Background(), model)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func status(resp *http.Response) string {
	if resp == nil {
		return "no response"
	}
	return resp.Status
}

// begin returns when the first chunk of an answer has arrived.
func (h *harness) begin(ctx context.Context, model string) *http.Response {
	h.t.Helper()
	resp, err := h.post(ctx, model)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { resp.Body.Close() })
	if _, err := io.ReadFull(resp.Body, make([]byte, len("data: token\n\n"))); err != nil || resp.StatusCode != http.StatusOK {
		h.t.Fatal(resp.Status, err)
	}
	return resp
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("not in 30 s: " + what)
		}
	}
}

// patient lets many operations wait for long, so that only slots decide.
func patient(t *testing.T, b *bulk.Bulkhead) {
	if err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		c.WaitingRoom, c.WaitLimit = 1000, time.Minute
		return c
	}); err != nil {
		t.Fatal(err)
	}
}

// With the tenant alone as the key, the requests for the slow provider use up all slots
// of the tenant.
func TestSlowProviderDoesNotHarmTheUseOfHealthyOnesByTheSameTenant(t *testing.T) {
	slow, healthy := newUpstream(t), newFake(0)
	t.Cleanup(healthy.Close)
	h := newHarness(t, 4)
	h.models["slow"] = model{1, []*provider{h.provider("slow", slow.URL, 16)}}
	h.models["healthy"] = model{1, []*provider{h.provider("healthy", healthy.URL, 16)}}

	var stuck, others sync.WaitGroup
	for range 12 { // more than in flight and waiting
		stuck.Go(func() { h.ask("slow") })
	}
	eventually(t, "the slow provider has as many requests as the tenant may send", func() bool { return slow.calls.Load() == 4 })
	var answered atomic.Int64
	for range 4 {
		others.Go(func() {
			for range 25 {
				resp, body, err := h.ask("healthy")
				if err != nil || resp.StatusCode != http.StatusOK || !strings.HasSuffix(body, end) {
					t.Errorf("healthy provider: %s %q, %v", status(resp), body, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	others.Wait()
	t.Logf("healthy provider: %d of 100 answered", answered.Load())
	slow.finish()
	stuck.Wait()
}

// With the slots of the provider outside, each request that waits for the share of its
// tenant holds some, and nobody else gets them.
func TestTenantThatWaitsForItsShareHoldsNoSlotOfTheProvider(t *testing.T) {
	u := newUpstream(t)
	h := newHarness(t, 1)
	p := h.provider("p", u.URL, 2)
	h.models["m"] = model{1, []*provider{p}}
	if err := h.domains.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		c.WaitingRoom, c.WaitLimit = 10, time.Minute
		return c
	}); err != nil {
		t.Fatal(err)
	}
	h.begin(t.Context(), "m")
	var waiting sync.WaitGroup
	for range 10 {
		waiting.Go(func() { h.ask("m") })
	}
	eventually(t, "ten requests wait", func() bool { return h.domains.Status().Waiting == 10 })
	if n := p.slots.Status().InUse; n != 1 {
		t.Errorf("%d slots of the provider are in use", n)
	}
	h.key = "other-key"
	h.begin(t.Context(), "m")
	u.finish()
	waiting.Wait()
}

// With the bulkheads closed before the server has drained, the waiting requests get 503.
func TestAcceptedRequestsAreAnsweredAfterTheShutdownSignal(t *testing.T) {
	u := newUpstream(t)
	h := newHarness(t, 100)
	p := h.provider("p", u.URL, 4)
	patient(t, p.slots)
	h.models["m"] = model{1, []*provider{p}}

	var clients sync.WaitGroup
	for range 24 {
		clients.Go(func() {
			resp, body, err := h.ask("m")
			if err != nil || resp.StatusCode != http.StatusOK || !strings.HasSuffix(body, end) {
				t.Errorf("accepted request: %s %q, %v", status(resp), body, err)
			}
		})
	}
	eventually(t, "4 requests in flight and 20 waiting", func() bool { s := p.slots.Status(); return s.InFlight == 4 && s.Waiting == 20 })

	stopped := make(chan error, 1)
	go func() { stopped <- h.shutdown(context.Background()) }()
	eventually(t, "the gateway accepts no connection", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	u.finish()
	clients.Wait()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if s := p.slots.Status(); !s.Closed || s.InUse != 0 || s.Totals.Finished != 24 {
		t.Errorf("after the shutdown: %v", s)
	}
}

func TestShutdownCutsOffStreamsWhenItsTimeIsOver(t *testing.T) {
	u := newUpstream(t)
	h := newHarness(t, 1)
	p := h.provider("p", u.URL, 1)
	h.models["m"] = model{1, []*provider{p}}
	resp := h.begin(t.Context(), "m")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.shutdown(over); !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "requests are cut off: ") {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the client takes a part of the answer for the whole")
	}
	if s := p.slots.Status(); s.InUse != 0 || !s.Closed {
		t.Errorf("after the shutdown: %v", s)
	}
}

func TestStreamHoldsTheSlotsOfItsModelUntilItEnds(t *testing.T) {
	u := newUpstream(t)
	h := newHarness(t, 10)
	p := h.provider("p", u.URL, 4)
	h.models["large"] = model{3, []*provider{p}}
	resp := h.begin(t.Context(), "large")
	if s := p.slots.Status(); s.InUse != 3 || h.domains.Status().InFlight != 1 {
		t.Errorf("during the stream: %v", s)
	}
	if resp, _, err := h.ask("large"); err != nil || resp.StatusCode != http.StatusServiceUnavailable || u.calls.Load() != 1 {
		t.Errorf("a request that does not fit beside it: %s, %v", status(resp), err)
	}
	u.finish()
	if rest, err := io.ReadAll(resp.Body); string(rest) != end || err != nil {
		t.Errorf("rest of the stream: %q, %v", rest, err)
	}
	eventually(t, "no slot in use", func() bool { return p.slots.Status().InUse == 0 && h.domains.Status().InFlight == 0 })
}

func TestClientThatLeavesReleasesItsSlots(t *testing.T) {
	u := newUpstream(t)
	h := newHarness(t, 10)
	p := h.provider("p", u.URL, 1)
	patient(t, p.slots)
	h.models["m"] = model{1, []*provider{p}}
	reading, leave := context.WithCancel(t.Context())
	h.begin(reading, "m")
	waiting, leaveQueue := context.WithCancel(t.Context())
	go h.post(waiting, "m")
	eventually(t, "a request waits", func() bool { return p.slots.Status().Waiting == 1 })
	leaveQueue()
	eventually(t, "no request waits", func() bool { return p.slots.Status().Waiting == 0 && h.domains.Status().InFlight == 1 })
	leave()
	eventually(t, "no slot in use", func() bool { return p.slots.Status().InUse == 0 && h.domains.Status().InFlight == 0 })
	eventually(t, "the call of the provider is canceled", func() bool { return u.left.Load() == 1 })
	if n := u.calls.Load(); n != 1 {
		t.Errorf("the provider got %d requests", n)
	}
}

func TestNextProviderIsTriedIfTheFirstDidNotStartTheRequest(t *testing.T) {
	for _, c := range []struct {
		full  string
		share int
	}{{"the provider", 10}, {"the share of the tenant", 1}} {
		t.Run(c.full, func(t *testing.T) {
			a, b := newUpstream(t), newFake(0)
			t.Cleanup(b.Close)
			h := newHarness(t, c.share)
			slots := 1
			if c.share == 1 {
				slots = 100
			}
			alpha, beta := h.provider("alpha", a.URL, slots), h.provider("beta", b.URL, 1)
			h.models["alpha"] = model{1, []*provider{alpha}}
			h.models["m"] = model{1, []*provider{alpha, beta}}
			h.begin(t.Context(), "alpha")
			resp, body, err := h.ask("m")
			if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("X-Provider") != "beta" || !strings.HasSuffix(body, end) {
				t.Errorf("%s %q, %v", status(resp), body, err)
			}
			if n := a.calls.Load(); n != 1 {
				t.Errorf("alpha got %d requests", n)
			}
			a.finish()
		})
	}
}

// unreachable returns a URL that refuses connections. Its port is that of a client of the
// server, so that no listener can get it during the test.
func unreachable(t *testing.T, server *fake) string {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return "http://" + conn.LocalAddr().String()
}

func TestProviderThatCannotBeReachedDidNotStartTheRequest(t *testing.T) {
	healthy := newFake(0)
	t.Cleanup(healthy.Close)
	h := newHarness(t, 10)
	alpha, beta := h.provider("alpha", unreachable(t, healthy), 1), h.provider("beta", healthy.URL, 1)
	h.models["m"] = model{1, []*provider{alpha, beta}}
	h.models["alpha"] = model{1, []*provider{alpha}}
	for range 3 {
		if resp, body, err := h.ask("m"); err != nil || resp.StatusCode != http.StatusOK || !strings.HasSuffix(body, end) {
			t.Errorf("%s %q, %v", status(resp), body, err)
		}
	}
	resp, body, err := h.ask("alpha")
	if want := "not started, safe to send again:\nprovider alpha cannot be reached\n"; err != nil || resp.StatusCode != http.StatusServiceUnavailable || body != want {
		t.Errorf("%s %q, %v, want %q", status(resp), body, err, want)
	}
}

func TestRequestThatReachedAProviderIsNotRepeated(t *testing.T) {
	for _, c := range []struct {
		name   string
		handle http.HandlerFunc
		status int // 0: the connection is aborted
	}{
		{"fails without an answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, http.StatusBadGateway},
		{"fails within its answer", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "data: token\n\n")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 0},
		{"rejects", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, http.StatusTooManyRequests},
		{"redirects", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
		}, http.StatusTemporaryRedirect},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls, others atomic.Int64
			a := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { calls.Add(1); c.handle(w, r) }))
			t.Cleanup(a.Close)
			b := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { others.Add(1) }))
			t.Cleanup(b.Close)
			h := newHarness(t, 10)
			h.models["m"] = model{1, []*provider{h.provider("alpha", a.URL, 4), h.provider("beta", b.URL, 4)}}
			resp, body, err := h.ask("m")
			switch {
			case c.status == 0 && err == nil:
				t.Errorf("the client takes a part of the answer for the whole: %q", body)
			case c.status != 0 && (err != nil || resp.StatusCode != c.status):
				t.Errorf("%s %q, %v; want status %d", status(resp), body, err, c.status)
			}
			if calls.Load() != 1 || others.Load() != 0 {
				t.Errorf("alpha got %d requests, beta %d; want 1 and 0", calls.Load(), others.Load())
			}
		})
	}
}

// Providers fail, clients leave, requests are rejected: no request reaches providers
// more than once, and no slot is left (see newHarness).
func TestNoRequestIsChargedTwiceUnderLoad(t *testing.T) {
	var mu sync.Mutex
	charged := map[string]int{}
	var turn atomic.Int64
	flaky := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		charged[r.Header.Get("X-Request-Id")]++
		mu.Unlock()
		n := turn.Add(1)
		if n%3 == 0 {
			panic(http.ErrAbortHandler)
		}
		sleep(r.Context(), time.Duration(n%5)*10*time.Millisecond)
		fmt.Fprint(w, end)
	})
	h := newHarness(t, 6)
	var ps []*provider
	for _, name := range []string{"alpha", "beta"} {
		s := httptest.NewServer(flaky)
		t.Cleanup(s.Close)
		ps = append(ps, h.provider(name, s.URL, 4))
	}
	h.models["m"] = model{1, ps}
	h.models["large"] = model{3, []*provider{ps[1], ps[0]}}
	var clients sync.WaitGroup
	var answered, rejected, failed atomic.Int64
	for i := range 40 {
		clients.Go(func() {
			for n := range 10 {
				ctx := t.Context()
				if (i+n)%7 == 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
					defer cancel()
				}
				resp, err := h.post(ctx, []string{"m", "large"}[i%2])
				if err != nil {
					failed.Add(1)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusOK:
					answered.Add(1)
				case http.StatusBadGateway:
					failed.Add(1)
				default:
					rejected.Add(1)
				}
			}
		})
	}
	clients.Wait()
	t.Logf("%d answered, %d rejected, %d failed or left", answered.Load(), rejected.Load(), failed.Load())
	if answered.Load() == 0 || rejected.Load() == 0 || failed.Load() == 0 {
		t.Error("the load does not have every outcome")
	}
	mu.Lock()
	defer mu.Unlock()
	for id, n := range charged {
		if n != 1 {
			t.Errorf("request %s was charged %d times", id, n)
		}
	}
}

func TestRejections(t *testing.T) {
	u := newUpstream(t)
	h := newHarness(t, 2)
	full := h.provider("full", u.URL, 1)
	free := h.provider("free", u.URL, 100)
	h.models["full"] = model{1, []*provider{full}}
	h.models["free"] = model{1, []*provider{free}}
	h.models["both"] = model{1, []*provider{free, full}}
	h.models["oversized or full"] = model{2, []*provider{full, h.provider("busy", u.URL, 2)}}
	h.models["busy"] = model{1, h.models["oversized or full"].providers[1:]}
	h.models["oversized"] = model{2, []*provider{full}}
	h.begin(t.Context(), "full")
	h.begin(t.Context(), "busy")
	h.begin(t.Context(), "free")
	h.begin(t.Context(), "free") // the share of the tenant
	for _, c := range []struct {
		model      string
		status     int
		retryAfter bool
	}{
		{"full", http.StatusServiceUnavailable, true},
		{"free", http.StatusTooManyRequests, true},
		{"both", http.StatusServiceUnavailable, true},
		{"oversized or full", http.StatusServiceUnavailable, true},
		{"oversized", http.StatusServiceUnavailable, false},
		{"unknown", http.StatusNotFound, false},
	} {
		resp, body, err := h.ask(c.model)
		if err != nil {
			t.Fatal(err)
		}
		delay := resp.Header.Get("Retry-After")
		if resp.StatusCode != c.status || c.retryAfter != (delay >= "1" && delay <= "3") {
			t.Errorf("%s: %s, Retry-After %q, %s", c.model, resp.Status, delay, body)
		}
		if strings.Contains(body, "t-key") {
			t.Errorf("%s: the answer contains the API key: %s", c.model, body)
		}
	}
	// Each asks in two rounds, but "oversized" in one.
	if s := full.slots.Status().Totals; s.Expired != 4 || s.OversizedAtArrival != 3 {
		t.Errorf("rejections of the full provider: %+v", s)
	}
	full.slots.Close()
	if resp, _, err := h.ask("full"); err != nil || resp.StatusCode != http.StatusServiceUnavailable || !resp.Close || resp.Header.Get("Retry-After") != "" {
		t.Errorf("closed: %s, %v", status(resp), err)
	}
	resp, err := h.client.Post(h.url+"/chat", "", nil)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Fatalf("without an API key: %s, %v", status(resp), err)
	}
	resp.Body.Close()
	u.finish()
}

func TestAdminPagesShowTheProvidersAndNoTenant(t *testing.T) {
	u := newUpstream(t)
	h := newHarness(t, 2)
	h.models["m"] = model{3, []*provider{h.provider("p", u.URL, 4)}}
	h.begin(t.Context(), "m")
	pages := httptest.NewServer(h.admin.Handler)
	t.Cleanup(pages.Close)
	for path, wants := range map[string][]string{
		"/metrics":                      {`bulkhead_slots_in_use{bulkhead="p"} 3`, `bulkhead_keys{bulkhead="tenants"} 1`, `bulkhead_operations_in_flight{bulkhead="API keys"} 1`},
		"/debug/bulkheads/?format=text": {`"p"`, `"tenants"`, `"API keys"`},
		"/debug/bulkheads/?format=json": {`"p"`, `"in_use":3`},
	} {
		resp, err := h.client.Get(pages.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s, %v", path, resp.Status, err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %q in\n%s", path, want, text)
			}
		}
		if strings.Contains(string(text), "t-key") {
			t.Errorf("%s contains an API key", path)
		}
	}
	u.finish()
}

// The rejected client gets its answer before it has sent its body. Another key is served.
func TestAPIKeyWithTooManyOpenRequestsIsRejectedBeforeItsBodyIsRead(t *testing.T) {
	u := newUpstream(t)
	h := newHarness(t, openPerKey)
	h.models["m"] = model{1, []*provider{h.provider("p", u.URL, 2*openPerKey)}}
	var clients sync.WaitGroup
	for range openPerKey {
		clients.Go(func() {
			if resp, _, err := h.ask("m"); err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("an open request: %s, %v", status(resp), err)
			}
		})
	}
	eventually(t, "as many open requests as a key may have", func() bool { return u.calls.Load() == openPerKey })
	unsent, write := io.Pipe()
	defer write.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/chat", unsent)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key    string
		body   io.Reader
		status int
	}{{"t-key", unsent, http.StatusTooManyRequests}, {"other-key", strings.NewReader(`{"model": "unknown"}`), http.StatusNotFound}} {
		req.Header.Set("Authorization", "Bearer "+c.key)
		req.Body = io.NopCloser(c.body)
		resp, err := h.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status || (resp.Header.Get("Retry-After") != "") != (c.status == http.StatusTooManyRequests) {
			t.Errorf("%s: %s, Retry-After %q; want status %d", c.key, resp.Status, resp.Header.Get("Retry-After"), c.status)
		}
	}
	u.finish()
	clients.Wait()
}
