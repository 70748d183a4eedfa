package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// asProgram makes the test binary be the program itself, so that it can be
// started and sent a signal.
const asProgram = "ISOLATION_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestRunShowsBothPhasesAndLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	ports := new(portsInUse)
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-duration", "500ms", "-rate", "300"}, &out, &errs, ports.listen)
	if code != exitOK || errs.Len() > 0 {
		t.Fatalf("exit code %d, on stderr: %s", code, &errs)
	}
	for _, want := range []string{
		"300 requests per second", "\nwithout compartments\n", "\nwith compartments\n", "turned away",
		"What isolation saved\n  fast: ", `Bulkhead "fast": 20 slots`, `Bulkhead "slow": 4 slots`, "now 0 and 0, closed",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output does not contain %q:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "\r") {
		t.Error("progress was shown although nobody watches")
	}
	ports.verifyClosed(t, 4)
	verifyNoGoroutines(t, before)
}

func TestEachServerThatCannotBindEndsTheRun(t *testing.T) {
	for n, want := range []string{"fast", "slow", "fast", "slow"} {
		before := runtime.NumGoroutine()
		ports := &portsInUse{failAt: n + 1}
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"-duration", "100ms", "-rate", "20"}, &out, &errs, ports.listen)
		if code != exitFailure {
			t.Errorf("listener %d fails: exit code %d, want %d", n+1, code, exitFailure)
		}
		if msg := "isolation: can't start the " + want + " server: no port left\n"; errs.String() != msg {
			t.Errorf("listener %d fails: stderr %q, want %q", n+1, &errs, msg)
		}
		ports.verifyClosed(t, n)
		verifyNoGoroutines(t, before)
	}
}

// The interruption comes with the first connection of a phase, so there is at
// least one request on its way.
func TestInterruptionEndsThePhaseAndPrintsWhatThereIs(t *testing.T) {
	const first, second = "\nwithout compartments\n", "\nwith compartments\n"
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
			if code != exitInterrupted {
				t.Errorf("exit code %d, want %d", code, exitInterrupted)
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
			verifyNoGoroutines(t, before)
		})
	}
}

func TestSignalEndsTheProgramInAnOrderlyWay(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't be sent an interrupt there")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-duration", "10m")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
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
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d; stderr: %s", code, exitInterrupted, &errs)
	}
	if !bytes.Contains(rest, []byte("\nwithout compartments\n")) {
		t.Errorf("no table:\n%s", rest)
	}
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	var errs bytes.Buffer
	code := run(t.Context(), []string{"-duration", "100ms", "-rate", "10"}, brokenWriter{}, &errs, loopback)
	if code != exitFailure || !strings.Contains(errs.String(), "disk full") {
		t.Errorf("exit code %d, stderr %q", code, &errs)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }
