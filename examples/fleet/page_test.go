package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

func TestPageHasTheDashboardOfEachReplica(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	in, out := io.Pipe()
	var errs bytes.Buffer
	ended := make(chan int)
	go func() {
		code := run(ctx, []string{"-duration", "1h", "-total", "20", "-http", "127.0.0.1:0"}, out, &errs)
		out.Close()
		ended <- code
	}()
	lines := bufio.NewScanner(in)
	var url string
	for lines.Scan() && url == "" {
		_, url, _ = strings.Cut(lines.Text(), "The page is at ")
	}
	go func() { _, _ = io.Copy(io.Discard, in) }()
	for _, c := range []struct{ path, want string }{
		{"", `<a href="a/">Replica a</a> has 4<`},
		{"a/?format=text", `(?s)Fleet payments, member a\n.*Own share +4\n.*Shares of others +b 4, c 4, d 4, e 4\n`},
		{"e/?format=json", `"Own share","value":"4"`},
		{"a/?format=html", `(?i)<!doctype html>(.*\n)*.*Own share`},
		{"a/style.css", `body`},
	} {
		waitFor(t, url+c.path, regexp.MustCompile(c.want))
	}
	cancel(command.ErrInterrupted)
	if code := <-ended; code != command.Interrupted {
		t.Errorf("exit code %d: %s", code, &errs)
	}
}

// waitFor waits until the answer matches: the replicas need some refreshes.
func waitFor(t *testing.T, url string, want *regexp.Regexp) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err == nil && response.StatusCode == http.StatusOK && want.Match(text) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: status %d, no %q in\n%s", url, response.StatusCode, want, text)
		}
	}
}

func TestPageOfAReplicaThatDoesNotRun(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	c := &conductor{}
	c.setReplica(1, &process{last: report{Page: gone.Listener.Addr().String()}}) // it was killed and is not noticed yet
	for path, want := range map[string]int{
		"/": http.StatusOK, "/a/": http.StatusServiceUnavailable, "/b/": http.StatusServiceUnavailable, "/f/": http.StatusNotFound,
	} {
		w := httptest.NewRecorder()
		c.pages().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: status %d, want %d: %s", path, w.Code, want, w.Body)
		}
	}
}

func TestPageThatCannotBeServedIsAnError(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-http", "nowhere"}, &out, &errs); code != command.Failure || !strings.Contains(errs.String(), "can't serve the page") {
		t.Errorf("exit code %d: %s", code, &errs)
	}
}
