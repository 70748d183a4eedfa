package main

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/examples/internal/command/commandtest"
)

func TestRunShowsAllClientsAndStopsEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-duration", "3s", "-rate", "100"}, &out, &errs)
	if code != command.OK || errs.Len() > 0 {
		t.Fatalf("exit code %d, on stderr: %s", code, &errs)
	}
	for _, want := range []string{"100 calls per second", "| adaptive", "\nadaptive  ", "\nlow  ", "\nhigh  ", " served, p99 "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output does not contain %q:\n%s", want, &out)
		}
	}
	commandtest.VerifyNoGoroutines(t, before)
}

func TestAdaptiveClientServesAndIsMeasured(t *testing.T) {
	before := runtime.NumGoroutine()
	c, err := newAdaptive(50)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.dependency.start(); err != nil {
		t.Fatal(err)
	}
	c.count(t.Context())
	if n := c.read(); n.served != 1 || len(n.times) != 1 || n.times[0] < work {
		t.Errorf("%+v", n)
	}
	if err := c.dependency.setCapacity(0); err != nil { // hangs: the call times out
		t.Fatal(err)
	}
	c.count(t.Context())
	if n := c.read(); n.failed != 1 || c.limiter.Status().InFlight != 0 {
		t.Errorf("%+v, %v", n, c.limiter.Status())
	}
	_ = c.bulkhead.Close()
	c.count(t.Context())
	if n := c.read(); n.rejected != 1 {
		t.Errorf("%+v", n)
	}
	closeAll([]*client{c})
	commandtest.VerifyNoGoroutines(t, before)
}

func TestInterruptionPrintsTheTotals(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	var out, errs bytes.Buffer
	code := run(ctx, []string{"-duration", "10m", "-rate", "20"}, &out, &errs)
	if code != command.Interrupted || !strings.Contains(errs.String(), "interrupted") || !strings.Contains(out.String(), "\nadaptive  ") {
		t.Errorf("exit code %d, stderr %s, stdout %s", code, &errs, &out)
	}
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	var errs bytes.Buffer
	code := run(t.Context(), []string{"-duration", "1s", "-rate", "1"}, commandtest.BrokenWriter{}, &errs)
	if code != command.Failure || !strings.Contains(errs.String(), "disk full") {
		t.Errorf("exit code %d, stderr %q", code, &errs)
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-h", command.OK, "Usage: adaptive"},
		{"-duration 1ms", command.Usage, "-duration 1ms: must be from"},
		{"-rate 0 -low 0", command.Usage, "-rate 0: must be from 1 to 2000\n-low 0: must be"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: exit code %d, want %d, output:\n%s", c.args, code, c.code, &out)
		}
	}
}
