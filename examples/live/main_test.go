package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/examples/internal/command/commandtest"
)

func TestPageShowsTheDependenciesUntilTheProgramIsStopped(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan int)
	var errs bytes.Buffer
	go func() { ended <- run(ctx, nil, in, &errs) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(strings.TrimPrefix(line, "The page is at "))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	for _, d := range dependencies {
		if !strings.Contains(string(text), `bulkhead "`+d.label+`"`) {
			t.Errorf("no %s: %s, %v", d.label, text, err)
		}
	}
	live, err := client.Get(address + "events") // must not delay the end
	if err != nil {
		t.Fatal(err)
	}
	defer live.Body.Close()
	stop()
	if code := <-ended; code != command.OK {
		t.Errorf("exit code %d, on stderr: %s", code, &errs)
	}
	live.Body.Close()
	client.CloseIdleConnections()
	commandtest.VerifyNoGoroutines(t, before)
}

func TestProgramEndsAfterTheDuration(t *testing.T) {
	before := runtime.NumGoroutine()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-duration", "300ms", "-period", "1s"}, &out, &errs)
	if code != command.OK || errs.Len() > 0 || !strings.HasPrefix(out.String(), "The page is at http://127.0.0.1:") && !strings.HasPrefix(out.String(), "The page is at http://[::1]:") {
		t.Errorf("exit code %d, on stdout: %s, on stderr: %s", code, &out, &errs)
	}
	commandtest.VerifyNoGoroutines(t, before)
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-h", command.OK, "Usage: live [flags]\n"},
		{"-duration -1s", command.Usage, "-duration -1s: must be from 0s to 24h0m0s"},
		{"-period 1ms", command.Usage, "-period 1ms: must be from 1s to 1h0m0s"},
		{"-address nowhere", command.Failure, "live: listen tcp"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), &out, &errs); code != c.code || !strings.Contains(out.String()+errs.String(), c.want) {
			t.Errorf("%s: exit code %d, stdout %s, stderr %s", c.args, code, &out, &errs)
		}
	}
}
