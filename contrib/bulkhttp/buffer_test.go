package bulkhttp_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
)

// stall sends a request and reads only the first line of the answer, until the test calls
// end.
func stall(t *testing.T, p protocol, server *httptest.Server) (end func()) {
	t.Helper()
	if p == http2 {
		resp, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		return func() { resp.Body.Close() }
	}
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Error(err)
	}
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if line, err := bufio.NewReaderSize(conn, 16).ReadSlice(' '); err != nil {
		t.Errorf("%q, %v", line, err)
	}
	return func() { conn.Close() }
}

// larger than what the kernel buffers for a connection
const large = 12 << 20

// writeLarge writes an answer in many pieces, as a template or an encoder does.
func writeLarge(w http.ResponseWriter, _ *http.Request) {
	piece := bytes.Repeat([]byte("x"), 1<<16)
	for range large / len(piece) {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

func TestAStalledReaderHoldsTheSlotUnlessTheAnswerIsBuffered(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		for _, tt := range []struct {
			name string
			opts []bulkhttp.Option
			held bool
		}{
			{"streamed", nil, true},
			{"larger than the buffer", []bulkhttp.Option{bulkhttp.Buffered(large - 1)}, true},
			{"buffered", []bulkhttp.Option{bulkhttp.Buffered(large)}, false},
		} {
			t.Run(tt.name, func(t *testing.T) {
				b, events := watch(t)
				end := stall(t, p, p.serve(t, behind(bulkhttp.Middleware(b, tt.opts...), writeLarge)))
				defer end()
				if !tt.held {
					await(t, events, bulk.EventReleased)
					inUse(t, b, 0, "while the client does not read")
					return
				}
				inUse(t, b, 1, "while the client does not read") // the handler cannot have written all
				end()
				await(t, events, bulk.EventReleased)
			})
		}
	})
}

// A chi throttle was stuck for 15 days, because each of its tokens was held for a client
// that did not read.
func TestStalledReadersDoNotStopABufferedServer(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b, _ := watch(t, bulk.WaitingRoom(100))
		server := p.serve(t, behind(bulkhttp.Middleware(b, bulkhttp.Buffered(large)), writeLarge))
		for range 3 {
			defer stall(t, p, server)()
		}
		client := server.Client()
		if p == http2 { // the stalled streams use up the window of their connection
			own := client.Transport.(*http.Transport).Clone()
			defer own.CloseIdleConnections()
			client = &http.Client{Transport: own}
		}
		resp, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if n, err := io.Copy(io.Discard, resp.Body); n != large || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

// Whatever a handler does, its client must get the same answer with and without the
// buffer, and the handler the same results.
func TestBufferedAnswersAreTheAnswersOfTheHandler(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file.txt")
	if err := os.WriteFile(file, bytes.Repeat([]byte("file "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	handlers := map[string]func(w http.ResponseWriter, r *http.Request, note func(...any)){
		"nothing":     func(http.ResponseWriter, *http.Request, func(...any)) {},
		"status only": func(w http.ResponseWriter, _ *http.Request, _ func(...any)) { w.WriteHeader(418) },
		"small": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			note(fmt.Fprint(w, "<html>small"))
		},
		"pieces": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			for range 100 {
				note(io.WriteString(w, strings.Repeat("piece ", 10)))
				note(w.Write([]byte("byte")))
			}
		},
		"header after the status": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			w.Header().Set("Before", "yes")
			w.WriteHeader(201)
			w.Header().Set("After", "no")
			note(fmt.Fprint(w, "created"))
		},
		"header after the first write": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			note(fmt.Fprint(w, "text"))
			w.Header().Set("After", "no")
		},
		"trailers": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			w.Header().Set("Trailer", "Declared")
			note(fmt.Fprint(w, "text"))
			w.Header().Set("Declared", "1")
			w.Header().Set(http.TrailerPrefix+"Undeclared", "2")
		},
		"early hints": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			note(fmt.Fprint(w, "page"))
		},
		"no content": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			w.WriteHeader(http.StatusNoContent)
			note(fmt.Fprint(w, "too much"))
		},
		"not modified": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			w.WriteHeader(http.StatusNotModified)
			note(fmt.Fprint(w, "too much"))
		},
		"declared length": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			w.Header().Set("Content-Length", "11")
			note(fmt.Fprint(w, "eleven"))
			note(fmt.Fprint(w, "bytes"))
		},
		"more than declared": func(w http.ResponseWriter, r *http.Request, note func(...any)) {
			if r.Method == http.MethodHead {
				return // the server counts what it discards
			}
			w.Header().Set("Content-Length", "6")
			note(fmt.Fprint(w, "eleven"))
			note(fmt.Fprint(w, "bytes"))
		},
		"flush in between": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			note(fmt.Fprint(w, "one "))
			note(http.NewResponseController(w).Flush())
			note(fmt.Fprint(w, "two "))
			w.(http.Flusher).Flush()
			note(fmt.Fprint(w, "three"))
		},
		"copy": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			note(fmt.Fprint(w, "before "))
			note(io.Copy(w, onlyReader{strings.NewReader(strings.Repeat("copied ", 200))}))
			note(fmt.Fprint(w, "after"))
		},
		"copy alone": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			note(io.Copy(w, onlyReader{strings.NewReader("copied")}))
		},
		"copy that fails": func(w http.ResponseWriter, _ *http.Request, note func(...any)) {
			note(io.Copy(w, io.MultiReader(strings.NewReader("half"), failing{})))
		},
		"file": func(w http.ResponseWriter, r *http.Request, _ func(...any)) { http.ServeFile(w, r, file) },
		"range of a file": func(w http.ResponseWriter, r *http.Request, _ func(...any)) {
			r.Header.Set("Range", "bytes=10-29")
			http.ServeFile(w, r, file)
		},
		"error": func(w http.ResponseWriter, _ *http.Request, _ func(...any)) { http.Error(w, "no", 500) },
	}
	type answer struct {
		Status           int
		Header, Trailer  http.Header
		ContentLength    int64
		TransferEncoding []string
		Body             string
		Err              error
		Notes            string
	}
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b, _ := watch(t)
		get := func(h http.Handler, method string, notes *bytes.Buffer) answer {
			notes.Reset()
			returned := make(chan struct{}, 1)
			server := p.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(w, r)
				returned <- struct{}{}
			}))
			defer server.Close()
			resp, err := server.Client().Do(request(t, method, server.URL))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			receive(t, returned)
			resp.Header.Del("Date")
			return answer{resp.StatusCode, resp.Header, resp.Trailer, resp.ContentLength, resp.TransferEncoding, string(body), err, notes.String()}
		}
		for name, handler := range handlers {
			var notes bytes.Buffer
			h := func(w http.ResponseWriter, r *http.Request) {
				handler(w, r, func(v ...any) { fmt.Fprintln(&notes, v...) })
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				want := get(http.HandlerFunc(h), method, &notes)
				for _, max := range []int{1, 5, 6, 11, 500, 5000, 1 << 20, math.MaxInt} {
					got := get(behind(bulkhttp.Middleware(b, bulkhttp.Buffered(max)), h), method, &notes)
					// The server knows the length of a short answer that is written as one piece.
					if want.ContentLength < 0 && got.ContentLength == int64(len(got.Body)) {
						got.Header.Del("Content-Length")
						got.ContentLength, got.TransferEncoding = want.ContentLength, want.TransferEncoding
					}
					if !reflect.DeepEqual(got, want) {
						t.Errorf("%s %s, Buffered(%d):\n%+v\nwant\n%+v", method, name, max, got, want)
					}
				}
			}
		}
	})
}

type onlyReader struct{ io.Reader }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk error") }

// A handler asks for optional interfaces to decide what it can do, so the buffer must have
// those of the writer behind it, and no others.
func TestTheBufferHasTheInterfacesOfTheWriterBehindIt(t *testing.T) {
	type (
		f  struct{ http.Flusher }
		h  struct{ http.Hijacker }
		pu struct{ http.Pusher }
	)
	plain := struct{ http.ResponseWriter }{httptest.NewRecorder()}
	for _, w := range []http.ResponseWriter{
		plain,
		struct {
			http.ResponseWriter
			f
		}{plain, f{}},
		struct {
			http.ResponseWriter
			h
		}{plain, h{}},
		struct {
			http.ResponseWriter
			pu
		}{plain, pu{}},
		struct {
			http.ResponseWriter
			f
			h
		}{plain, f{}, h{}},
		struct {
			http.ResponseWriter
			f
			pu
		}{plain, f{}, pu{}},
		struct {
			http.ResponseWriter
			h
			pu
		}{plain, h{}, pu{}},
		struct {
			http.ResponseWriter
			f
			h
			pu
		}{plain, f{}, h{}, pu{}},
	} {
		b, _ := watch(t)
		interfaces := func(w http.ResponseWriter) [3]bool {
			_, flusher := w.(http.Flusher)
			_, hijacker := w.(http.Hijacker)
			_, pusher := w.(http.Pusher)
			return [3]bool{flusher, hijacker, pusher}
		}
		behind(bulkhttp.Middleware(b, bulkhttp.Buffered(10)), func(buffered http.ResponseWriter, _ *http.Request) {
			if got, want := interfaces(buffered), interfaces(w); got != want {
				t.Errorf("flusher, hijacker, pusher: %v, want %v", got, want)
			}
			unwrapped := buffered.(interface{ Unwrap() http.ResponseWriter }).Unwrap()
			if unwrapped != w {
				t.Error("Unwrap returns another writer")
			}
		}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	}
}

// recording is a ResponseWriter with everything, of which each call is recorded.
type recording struct {
	http.ResponseWriter
	calls []string
}

func (r *recording) Flush() { r.calls = append(r.calls, "flush") }

func (r *recording) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.calls = append(r.calls, "hijack")
	return nil, nil, http.ErrNotSupported
}

func (r *recording) Push(target string, _ *http.PushOptions) error {
	r.calls = append(r.calls, "push "+target)
	return nil
}

func (r *recording) Write(p []byte) (int, error) {
	r.calls = append(r.calls, "write "+string(p))
	return len(p), nil
}

func (r *recording) WriteHeader(status int) { r.calls = append(r.calls, fmt.Sprint("status ", status)) }

// The text of each call is what reaches the server, in this order. The end of the handler
// is marked, because what comes after it is written without a slot.
func TestWhatReachesTheServerAndWhen(t *testing.T) {
	b, _ := watch(t)
	write := func(w http.ResponseWriter, text string) { _, _ = io.WriteString(w, text) }
	for _, tt := range []struct {
		name string
		act  func(http.ResponseWriter)
		want []string
	}{
		{"fits", func(w http.ResponseWriter) { write(w, "12345"); write(w, "67890") },
			[]string{"status 200", "end", "write 1234567890"}},
		{"does not fit", func(w http.ResponseWriter) { write(w, "12345"); write(w, "678901") },
			[]string{"status 200", "write 12345", "write 678901", "end"}},
		{"a copy fits", func(w http.ResponseWriter) { _, _ = io.Copy(w, onlyReader{strings.NewReader("1234567890")}) },
			[]string{"status 200", "end", "write 1234567890"}},
		{"a copy does not fit", func(w http.ResponseWriter) { _, _ = io.Copy(w, onlyReader{strings.NewReader("12345678901")}) },
			[]string{"status 200", "write 12345678901", "end"}},
		{"more is declared than fits", func(w http.ResponseWriter) { w.Header().Set("Content-Length", "11"); write(w, "1") },
			[]string{"status 200", "write 1", "end"}},
		{"an informational status", func(w http.ResponseWriter) { w.WriteHeader(103); w.WriteHeader(201); write(w, "1") },
			[]string{"status 103", "status 201", "end", "write 1"}},
		{"flush", func(w http.ResponseWriter) { write(w, "1"); w.(http.Flusher).Flush(); write(w, "2") },
			[]string{"status 200", "write 1", "flush", "write 2", "end"}},
		{"flush of the headers", func(w http.ResponseWriter) { w.(http.Flusher).Flush(); write(w, "1") },
			[]string{"status 200", "flush", "write 1", "end"}},
		{"hijack", func(w http.ResponseWriter) { write(w, "1"); _, _, _ = w.(http.Hijacker).Hijack(); write(w, "2") },
			[]string{"status 200", "write 1", "hijack", "write 2", "end"}},
		{"push", func(w http.ResponseWriter) { write(w, "1"); _ = w.(http.Pusher).Push("/x", nil); write(w, "2") },
			[]string{"status 200", "push /x", "end", "write 12"}},
	} {
		w := &recording{ResponseWriter: httptest.NewRecorder()}
		behind(bulkhttp.Middleware(b, bulkhttp.Buffered(10)), func(buffered http.ResponseWriter, _ *http.Request) {
			tt.act(buffered)
			w.calls = append(w.calls, "end")
		}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if !reflect.DeepEqual(w.calls, tt.want) {
			t.Errorf("%s:\n%q, want\n%q", tt.name, w.calls, tt.want)
		}
	}
}

// A writer of another middleware may have nothing but Unwrap. The ResponseController of
// the handler must not flush the server past the buffer.
func TestAFlushThroughAWrappedWriterFlushesTheBuffer(t *testing.T) {
	b, _ := watch(t)
	server := &recording{ResponseWriter: httptest.NewRecorder()}
	wrapped := &statusLog{ResponseWriter: server}
	behind(bulkhttp.Middleware(b, bulkhttp.Buffered(10)), func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("a"))
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	}).ServeHTTP(wrapped, httptest.NewRequest(http.MethodGet, "/", nil))
	if want := []string{"status 200", "write a", "flush"}; !reflect.DeepEqual(server.calls, want) {
		t.Errorf("%q, want %q", server.calls, want)
	}
}

func TestAWriterThatCannotFlushKeepsBuffering(t *testing.T) {
	b, _ := watch(t)
	w := &recording{ResponseWriter: httptest.NewRecorder()}
	behind(bulkhttp.Middleware(b, bulkhttp.Buffered(10)), func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("a"))
		if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
		_, _ = w.Write([]byte("b"))
	}).ServeHTTP(struct{ http.ResponseWriter }{w}, httptest.NewRequest(http.MethodGet, "/", nil))
	if want := []string{"status 200", "write ab"}; !reflect.DeepEqual(w.calls, want) {
		t.Errorf("%q, want %q", w.calls, want)
	}
}

// A panic discards the buffer: a client must not take half an answer for a whole one.
func TestAPanicDiscardsTheBuffer(t *testing.T) {
	b, _ := watch(t)
	w := &recording{ResponseWriter: httptest.NewRecorder()}
	func() {
		defer func() {
			if v := recover(); v != "bug" {
				t.Errorf("recovered %v", v)
			}
		}()
		behind(bulkhttp.Middleware(b, bulkhttp.Buffered(10)), func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			panic("bug")
		}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	}()
	if want := []string{"status 200"}; !reflect.DeepEqual(w.calls, want) {
		t.Errorf("%q, want %q", w.calls, want)
	}
}

// Pooled buffers must never carry the answer of one request into another one.
func TestConcurrentBufferedAnswersDoNotMix(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, p protocol) {
		b := bulk.Must(bulk.New("reports", 8, bulk.WaitingRoom(1000)))
		noLeaks(t, b)
		server := p.serve(t, behind(bulkhttp.Middleware(b, bulkhttp.Buffered(3000)), func(w http.ResponseWriter, r *http.Request) {
			for range len(r.URL.Path) * 100 {
				fmt.Fprint(w, r.URL.Path)
			}
		}))
		errs := make(chan error, 16)
		for i := range cap(errs) {
			go func() {
				path := "/" + strings.Repeat(string(rune('a'+i)), i%7)
				for range 20 {
					resp, err := server.Client().Get(server.URL + path)
					if err != nil {
						errs <- err
						return
					}
					got, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil || string(got) != strings.Repeat(path, len(path)*100) {
						errs <- fmt.Errorf("%s: %.40q %w", path, got, err)
						return
					}
				}
				errs <- nil
			}()
		}
		for range cap(errs) {
			if err := receive(t, errs); err != nil {
				t.Error(err)
			}
		}
	})
}
