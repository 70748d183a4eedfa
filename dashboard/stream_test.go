package dashboard

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func TestHostileLabelsCannotAddAnEventToTheStream(t *testing.T) {
	for _, evil := range []string{
		"a\nb\r\nevent: evil\ndata: {}\n\n", "\r\rdata: x", "\u2028data: x", "\xff\xfe", "\u202egnp\u2066", `"],"f":[],"evil":[1`, `\`, "</script>", strings.Repeat("long", 2500),
	} {
		synctest.Test(t, func(t *testing.T) {
			reg := registry.New()
			h := Handler(reg)
			list, leave := open(t, h, "/events")
			defer leave()
			b, err := reg.Create(evil, 1)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := registry.CreateKeyed[string](reg, evil+"2", 1, 10); err != nil {
				t.Fatal(err)
			}
			for range 30 {
				b.TryAcquire()
			}
			one, leaveOne := open(t, h, fmt.Sprintf("/events?id=%d", b.Status().ID))
			defer leaveOne()
			pass(3 * time.Second)
			for _, s := range []*stream{list, one} {
				s.mu.Lock()
				text := s.text.String()
				s.mu.Unlock()
				if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\u202e\u2066\u2028") {
					t.Errorf("label %.30q: control characters in %.200q", evil, text)
				}
				for line := range strings.SplitSeq(text, "\n") {
					switch name, _, _ := strings.Cut(line, ":"); {
					case line == "", name == "data", line == "event: hello", line == "event: state", line == "event: sample":
					default:
						t.Errorf("label %.30q: line %.80q", evil, line)
					}
					if len(line) > 20_000 {
						t.Errorf("label %.30q: a line of %d bytes", evil, len(line))
					}
				}
				for _, m := range s.messages(t) { // fails if it is not JSON
					for _, r := range m.Rows {
						if r.ID == 0 || r.Label == "" && m.Name == "state" {
							t.Errorf("label %.30q: row %+v", evil, r)
						}
					}
				}
			}
		})
	}
}

// Unlike in the other tests the viewer is at the end of a real connection whose buffers
// fill up.
func TestViewerThatDoesNotReadItsConnectionIsDropped(t *testing.T) {
	reg := registry.New()
	for i := range 300 {
		if _, err := reg.Create(fmt.Sprintf("bulkhead-%d", i), 2); err != nil {
			t.Fatal(err)
		}
	}
	h := Handler(reg).(*dashboard)
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() {
		_ = server.Serve(l)
		close(served)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReaderSize(conn, 16).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("%q, %v", line, err)
	}
	viewers := func() int {
		h.sampler.mu.Lock()
		defer h.sampler.mu.Unlock()
		return len(h.sampler.viewers)
	}
	if viewers() != 1 {
		t.Fatalf("%d viewers", viewers())
	}
	// Each sample sends all rows: far more than the buffers of a connection hold.
	for n := 0; viewers() > 0; n++ {
		if n > 20_000 {
			t.Fatal("the viewer is never dropped")
		}
		for _, b := range reg.All() {
			if slot, ok := b.TryAcquire(); ok {
				slot.Release()
			}
		}
		h.sampler.sample()
		runtime.Gosched()
	}
	h.sampler.mu.Lock()
	running := h.sampler.stop != nil
	h.sampler.mu.Unlock()
	if running {
		t.Error("the sampler still runs")
	}
	_ = conn.Close()
	_ = server.Close()
	<-served
}

func TestHeadOfALivePageHasNoViewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Handler(bulk.Must(bulk.New("payments", 2))).(*dashboard)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/events", nil)) // returns
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != "text/event-stream; charset=utf-8" || w.Body.Len() > 0 {
			t.Errorf("status %d, Content-Type %q, body %q", w.Code, got, w.Body)
		}
		if n := len(h.sampler.viewers); n != 0 {
			t.Errorf("%d viewers", n)
		}
		w = httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/events?id=x", nil))
		if w.Code != http.StatusBadRequest {
			t.Errorf("with a wrong id: status %d", w.Code)
		}
	})
}

func TestLivePageThatIsRequestedDuringAShutdownEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Handler(bulk.Must(bulk.New("payments", 2))).(*dashboard)
		server, other := new(http.Server), new(http.Server)
		request := func(s *http.Server, target string) *http.Request {
			return httptest.NewRequest(http.MethodGet, target, nil).WithContext(context.WithValue(t.Context(), http.ServerContextKey, s))
		}
		h.ServeHTTP(httptest.NewRecorder(), request(server, "/style.css"))
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		ended := make(chan struct{})
		go func() { // a live page of another server
			h.ServeHTTP(httptest.NewRecorder(), request(other, "/events").WithContext(context.WithValue(ctx, http.ServerContextKey, other)))
			close(ended)
		}()
		synctest.Wait()
		if err := server.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(server, "/events")) // returns
		if got := w.Body.String(); w.Code != http.StatusServiceUnavailable || got != "the server is being shut down.\n" || w.Header().Get("Retry-After") == "" {
			t.Errorf("status %d: %s", w.Code, got)
		}
		select {
		case <-ended:
			t.Error("the live page of the other server has ended")
		default:
		}
		leave()
		<-ended
		if n := len(h.sampler.viewers); n != 0 {
			t.Errorf("%d viewers", n)
		}
	})
}

// unflushable is the ResponseWriter of a middleware without Flush and Unwrap.
type unflushable struct{ w http.ResponseWriter }

func (u unflushable) Header() http.Header         { return u.w.Header() }
func (u unflushable) WriteHeader(status int)      { u.w.WriteHeader(status) }
func (u unflushable) Write(p []byte) (int, error) { return u.w.Write(p) }

func TestLivePageBehindAMiddlewareWithoutFlushIsToldWhyItIsNotLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Handler(bulk.Must(bulk.New("payments", 2))).(*dashboard)
		w := httptest.NewRecorder()
		h.ServeHTTP(unflushable{w}, httptest.NewRequest(http.MethodGet, "/events", nil)) // returns
		if got := w.Body.String(); w.Code != http.StatusOK || !strings.HasPrefix(got, "event: hello\n") || !strings.HasSuffix(got, "event: unsupported\ndata: \"Not live: a middleware of the server has no Flush. Snapshot\"\n\n") {
			t.Errorf("status %d: %s", w.Code, got)
		}
		if n := len(h.sampler.viewers); n != 0 {
			t.Errorf("%d viewers", n)
		}
	})
}
