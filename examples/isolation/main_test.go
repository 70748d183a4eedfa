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

func TestRunShowsBothPhasesAndStopsEverything(t *testing.T) {
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
		if utf8.RuneCountInString(line) > 81 { // 80 and the newline
			t.Errorf("more than 80 columns: %s", line)
		}
	}
	if strings.Contains(out.String(), "\r") {
		t.Error("progress was shown without a terminal")
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

// The interruption comes with the first connection of a phase, so at least one
// request is in flight.
func TestInterruptionEndsThePhaseAndPrintsItsResults(t *testing.T) {
	const first, second = "   without bulkheads", "   with bulkheads\n"
	for _, tt := range []struct {
		why      string
		servers  int    // interrupt at the first connection to this server
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
				t.Errorf("stderr does not report the interruption: %q", &errs)
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

func TestSignalEndsTheProgramWithItsResults(t *testing.T) {
	cmd, out, errs := commandtest.Start(t, "-duration", "10m")
	// The program handles signals before it prints anything.
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
	_ = cmd.Wait() // its error reports the exit code, which is checked below
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

func TestFlagsOutOfBoundsAreRejected(t *testing.T) {
	for _, tt := range []struct {
		why  string
		args []string
		want string // on stderr
	}{
		{"zero", []string{"-duration", "0s"}, "-duration 0s: must be from 100ms to 10m0s"},
		{"negative", []string{"-duration", "-5s"}, "-duration -5s: must be"},
		{"just below the bound", []string{"-duration", "99ms"}, "-duration 99ms: must be"},
		{"just above the bound", []string{"-duration", "10m0.000000001s"}, "must be from"},
		{"far above the bound", []string{"-duration", "200h"}, "-duration 200h0m0s: must be"},
		{"no requests", []string{"-rate", "0"}, "-rate 0: must be from 1 to 10000 requests per second\nisolation -h explains"},
		{"a negative rate", []string{"-rate", "-1"}, "-rate -1: must be"},
		{"above the bound", []string{"-rate", "10001"}, "-rate 10001: must be"},
		{"more than fits into an int", []string{"-rate", "99999999999999999999"}, "-rate"},
		{"not a number", []string{"-rate", "many"}, `invalid value "many" for flag -rate`},
		{"a negative seed", []string{"-seed", "-1"}, `invalid value "-1" for flag -seed`},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), tt.args, &out, &errs, noListener(t)); code != command.Usage {
				t.Errorf("%s: exit code %d, want %d", tt.why, code, command.Usage)
			}
			if !strings.Contains(errs.String(), tt.want) {
				t.Errorf("%s: stderr %q does not contain %q", tt.why, &errs, tt.want)
			}
			if out.Len() > 0 {
				t.Errorf("on stdout: %s", &out)
			}
		})
	}
}

func TestFlagsAtTheirBoundsAreAccepted(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"-duration", "100ms", "-rate", "1", "-seed", "0"},
		{"-duration", "10m", "-rate", "10000", "-seed", "18446744073709551615"},
	} {
		if err := flags(new(config)).Parse(args); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestHelpExitsWith0(t *testing.T) {
	for _, arg := range []string{"-h", "-help", "--help"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{arg}, &out, &errs, noListener(t)); code != command.OK || errs.Len() > 0 {
			t.Errorf("%s: exit code %d, on stderr: %s", arg, code, &errs)
		}
		for _, want := range []string{"Usage: isolation", "-duration", "default 4s", "-rate", "default 500", "-seed", "loopback"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: help does not contain %q:\n%s", arg, want, &out)
			}
		}
	}
}
