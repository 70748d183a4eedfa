package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/examples/internal/command/commandtest"
)

func TestMain(m *testing.M) { commandtest.Main(m, main) }

func TestRunShowsBothPhasesAndLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	ports := new(portsInUse)
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-duration", "500ms", "-rate", "300"}, &out, &errs, ports.listen)
	if code != command.OK || errs.Len() > 0 {
		t.Fatalf("exit code %d, on stderr: %s", code, &errs)
	}
	for _, want := range []string{
		"300 requests per second", "   without bulkheads           with bulkheads\n", "rejected: saturated",
		"What isolation saved\n  fast: ", `Bulkhead "fast": 20 slots`, `Bulkhead "slow": 4 slots`, "now 0 and 0, closed",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output does not contain %q:\n%s", want, &out)
		}
	}
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(line) > 81 { // with its end
			t.Errorf("more than 80 columns: %s", line)
		}
	}
	if strings.Contains(out.String(), "\r") {
		t.Error("progress was shown although nobody watches")
	}
	ports.verifyClosed(t, 4)
	commandtest.VerifyNoGoroutines(t, before)
}

func TestEachServerThatCannotBindEndsTheRun(t *testing.T) {
	for n, want := range []string{"fast", "slow", "fast", "slow"} {
		before := runtime.NumGoroutine()
		ports := &portsInUse{failAt: n + 1}
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"-duration", "100ms", "-rate", "20"}, &out, &errs, ports.listen)
		if code != command.Failure {
			t.Errorf("listener %d fails: exit code %d, want %d", n+1, code, command.Failure)
		}
		if msg := "isolation: can't start the " + want + " server: no port left\n"; errs.String() != msg {
			t.Errorf("listener %d fails: stderr %q, want %q", n+1, &errs, msg)
		}
		ports.verifyClosed(t, n)
		commandtest.VerifyNoGoroutines(t, before)
	}
}

// The interruption comes with the first connection of a phase, so there is at
// least one request on its way.
func TestInterruptionEndsThePhaseAndPrintsWhatThereIs(t *testing.T) {
	const first, second = "   without bulkheads", "   with bulkheads\n"
	for _, tt := range []struct {
		why      string
		servers  int    // interrupt when the last of so many is called
		duration string // with 10m the test would not end without the interruption
		want     []string
		not      []string
	}{
		{"before it begins", 0, "10m", []string{first}, []string{second, "saved", "Bulkhead"}},
		{"in the first phase", 2, "10m", []string{first}, []string{second, "saved", "Bulkhead"}},
		{"in the second phase", 4, "200ms", []string{first, second, "saved", "Bulkhead"}, nil},
	} {
		t.Run(tt.why, func(t *testing.T) {
			before := runtime.NumGoroutine()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.servers == 0 {
				cancel()
			}
			ports := &portsInUse{cancelAt: tt.servers, cancel: cancel}
			var out, errs bytes.Buffer
			code := run(ctx, []string{"-duration", tt.duration}, &out, &errs, ports.listen)
			if code != command.Interrupted {
				t.Errorf("exit code %d, want %d", code, command.Interrupted)
			}
			if !strings.Contains(errs.String(), "isolation: interrupted") {
				t.Errorf("stderr says nothing of it: %q", &errs)
			}
			for _, s := range tt.want {
				if !strings.Contains(out.String(), s) {
					t.Errorf("output does not contain %q:\n%s", s, &out)
				}
			}
			for _, s := range tt.not {
				if strings.Contains(out.String(), s) {
					t.Errorf("output contains %q:\n%s", s, &out)
				}
			}
			ports.verifyClosed(t, max(2, tt.servers))
			commandtest.VerifyNoGoroutines(t, before)
		})
	}
}

func TestSignalEndsTheProgramInAnOrderlyWay(t *testing.T) {
	cmd, out, errs := commandtest.Start(t, "-duration", "10m")
	// From its first word on it is ready for signals.
	first := make([]byte, 1)
	if _, err := io.ReadFull(out, first); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its error is the exit code
	if code := cmd.ProcessState.ExitCode(); code != command.Interrupted {
		t.Errorf("exit code %d, want %d; stderr: %s", code, command.Interrupted, errs)
	}
	if !bytes.Contains(rest, []byte("   without bulkheads\n")) {
		t.Errorf("no table:\n%s", rest)
	}
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	var errs bytes.Buffer
	code := run(t.Context(), []string{"-duration", "100ms", "-rate", "10"}, commandtest.BrokenWriter{}, &errs, loopback)
	if code != command.Failure || !strings.Contains(errs.String(), "disk full") {
		t.Errorf("exit code %d, stderr %q", code, &errs)
	}
}
