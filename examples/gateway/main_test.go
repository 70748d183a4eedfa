package main

import (
	"bytes"
	"context"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/examples/internal/command/commandtest"
)

func TestDemonstrationLosesNoRequestAndChargesNoneTwice(t *testing.T) {
	before := runtime.NumGoroutine()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-duration", "400ms", "-noise", "30"}, &out, &errs); code != command.OK || errs.Len() > 0 {
		t.Fatalf("exit code %d, on stderr: %s", code, &errs)
	}
	for _, want := range []string{
		`\nAlpha answers in 540 ms\.\n`,
		`Shutdown with [1-9]\d* requests in flight and \d+ waiting: 0 cut off,\n0 rejected because of it, 0 in flight afterwards\.\n`,
		`\n  alpha  .* 0\n  beta  .* 0\n$`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("output does not match %q:\n%s", want, &out)
		}
	}
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("more than 80 columns: %s", line)
		}
	}
	commandtest.VerifyNoGoroutines(t, before)
}

func TestInterruptionEndsTheDemonstrationGracefully(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	var out, errs bytes.Buffer
	code := run(ctx, []string{"-duration", "10m"}, &out, &errs)
	if code != command.Interrupted || !strings.Contains(errs.String(), "interrupted") || !strings.Contains(out.String(), "\nShutdown ") {
		t.Errorf("exit code %d, stderr %s, stdout %s", code, &errs, &out)
	}
	commandtest.VerifyNoGoroutines(t, before)
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-h", command.OK, "Usage: gateway [flags]\n"},
		{"-nonsense", command.Usage, "flag provided but not defined: -nonsense"},
		{"-duration 1ms", command.Usage, "-duration 1ms: must be from 100ms to 10m0s"},
		{"-noise 0", command.Usage, "-noise 0: must be from 1 to 500 requests"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), &out, &errs); code != c.code || !strings.Contains(out.String()+errs.String(), c.want) {
			t.Errorf("%s: exit code %d, stdout %s, stderr %s", c.args, code, &out, &errs)
		}
	}
}
