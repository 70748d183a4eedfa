package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/examples/internal/command/commandtest"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asReplica) != "":
		main()
	case os.Getenv(asServer) != "":
		serve(os.Getenv(asServer))
	default:
		commandtest.Main(m, main)
	}
}

// The program itself fails if more calls are inside than the total.
func TestEveryReplicaHasAShareAndTheTotalIsNeverExceeded(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"-duration", "12s", "-total", "20"}, &out, &errs); code != command.OK {
		t.Fatalf("exit code %d: %s\n%s", code, &errs, &out)
	}
	for _, want := range []string{
		`0s  all are busy `, `only a is busy `, `c is killed `, `the store is down `, `the store is back `, `c is back, all busy `,
		`s +4    4    4    4    4       0 `,
		`(?m)^ .* {4}- .*$`,
		`The highest number of calls that were ever inside is \d+, of 20 that are allowed\. \d+ calls were made\.\n$`,
	} {
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestInterruptEndsEveryProcess(t *testing.T) {
	t.Parallel()
	cmd, out, errs := commandtest.Start(t)
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "all are busy") {
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // until the replicas, which have the same standard error, have ended
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != command.Interrupted {
		t.Errorf("exit code %d, want %d: %s", code, command.Interrupted, errs)
	}
}

func TestWrongFlagsAreRejected(t *testing.T) {
	for _, args := range []string{"-duration 1s", "-total 4", "-total 1001", "-store localhost", "-page", "x"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), &out, &errs); code != command.Usage || out.Len() > 0 {
			t.Errorf("%s: exit code %d, %s", args, code, &out)
		}
	}
}

func TestUnknownStoreIsAnError(t *testing.T) {
	for _, url := range []string{"", "redis://127.0.0.1", "nats://127.0.0.1:1"} {
		if _, _, err := openStore(t.Context(), url); err == nil {
			t.Errorf("%q: no error", url)
		}
	}
}
