package main

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

// lockedBuffer is a buffer that is read while the program writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestPageShowsTheBulkheadsOfTheSecondPhase(t *testing.T) {
	var out, errs lockedBuffer
	ended := make(chan int)
	go func() {
		ended <- run(t.Context(), []string{"-http", "localhost:0", "-duration", "1s"}, &out, &errs, loopback)
	}()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var first, last string
	for code := -1; code < 0; {
		select {
		case code = <-ended:
			if code != command.OK {
				t.Errorf("exit code %d, on stderr: %s", code, &errs)
			}
		case <-time.After(20 * time.Millisecond):
			url := regexp.MustCompile(`http://\S+`).FindString(out.String())
			if url == "" {
				continue
			}
			answer, err := client.Get(url)
			if err != nil {
				continue // the program has ended
			}
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if last = string(text); first == "" {
				first = last
			}
		}
	}
	if !strings.HasPrefix(first, "The phase without bulkheads is running.") {
		t.Errorf("first: %s", first)
	}
	if !strings.Contains(last, `bulkhead "fast"`) || !strings.Contains(last, `bulkhead "slow"`) {
		t.Errorf("last: %s", last)
	}
}

func TestPageThatCannotBeServedIsAnError(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-http", "nowhere"}, &out, &errs, loopback)
	if code != command.Failure || !strings.Contains(errs.String(), "isolation: can't serve the page: ") {
		t.Errorf("exit code %d, on stderr: %s", code, &errs)
	}
}
