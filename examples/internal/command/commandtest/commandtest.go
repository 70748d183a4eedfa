// Package commandtest has helpers for the tests of the example programs.
package commandtest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// asProgram is an environment variable. If it is set, a test binary runs the program
// instead of its tests, so that a test can start the program and send it a signal.
const asProgram = "EXAMPLE_AS_PROGRAM"

// Main runs the tests, or program in a process that [Start] started. A TestMain needs
// to call only Main.
func Main(m *testing.M, program func()) {
	if os.Getenv(asProgram) != "" {
		program()
		return
	}
	os.Exit(m.Run())
}

// Start starts the program with args. To send it a signal, first read from stdout: the
// program handles signals when it has printed something. stderr may be read after
// cmd.Wait.
func Start(t *testing.T, args ...string) (cmd *exec.Cmd, stdout io.Reader, stderr *bytes.Buffer) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("processes cannot receive signals on windows")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	stdout, err = cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, stdout, stderr
}

// VerifyNoGoroutines waits until at most as many goroutines run as before. It waits
// because goroutines of closed connections take a moment to end.
func VerifyNoGoroutines(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(time.Millisecond)
	}
}

// BrokenWriter is a writer whose Write always fails.
type BrokenWriter struct{}

func (BrokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }
