package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stream is a ResponseWriter of a live page in a bubble.
type stream struct {
	header  http.Header
	mu      sync.Mutex
	text    strings.Builder
	blocked chan struct{} // if not nil, Write blocks until it is closed
}

func (s *stream) Header() http.Header { return s.header }
func (s *stream) WriteHeader(int)     {}
func (s *stream) Flush()              {}
func (s *stream) Write(p []byte) (int, error) {
	if s.blocked != nil {
		<-s.blocked
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// message is an event that a live page got.
type message struct {
	Name   string
	N      int64    `json:"n"`
	Counts []int    `json:"counts"`
	Gone   []uint64 `json:"gone"`
	Said   []string `json:"said"`
	Keys   [][]string
	Rows   []struct {
		ID     uint64 `json:"id"`
		Label  string `json:"label"`
		Fields []any  `json:"f"`
		Point  []any  `json:"p"`
	} `json:"rows"`
	Cards []struct {
		ID       uint64         `json:"id"`
		Findings []shownFinding `json:"findings"`
		Changes  []shownChange  `json:"changes"`
	} `json:"cards"`
}

// messages returns what the page got so far, and forgets it.
func (s *stream) messages(t testing.TB) (all []message) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := bufio.NewScanner(strings.NewReader(s.text.String()))
	lines.Buffer(nil, 10<<20)
	name := ""
	for lines.Scan() {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = event
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var m message
			if err := json.Unmarshal([]byte(data), &m); err != nil {
				t.Fatalf("%v: %s", err, data)
			}
			m.Name = name
			all = append(all, m)
		}
	}
	s.text.Reset()
	return all
}

// open opens a live page of h in a bubble. The page is open when open returns.
func open(t testing.TB, h http.Handler, target string) (s *stream, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	s = &stream{header: http.Header{}}
	done := make(chan struct{})
	go func() {
		h.ServeHTTP(s, r)
		close(done)
	}()
	synctest.Wait()
	return s, func() {
		cancel()
		<-done
	}
}

// texts returns the texts in a row of a message, by name.
func texts(fields []any) map[string]string {
	m := make(map[string]string)
	for i := 0; i+1 < len(fields); i += 2 {
		m[fieldNames[int(fields[i].(float64))]] = fields[i+1].(string)
	}
	return m
}

// pass lets time pass in a bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
