package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/examples/internal/command/commandtest"
)

func TestMain(m *testing.M) { commandtest.Main(m, main) }

// The test starts the program as a process and sends it signals.
func TestHangupsReloadTheFileAndLoseNoOperation(t *testing.T) {
	file := filepath.Join(t.TempDir(), "capacities.json")
	put := func(text string) {
		t.Helper()
		if err := write(file, text); err != nil {
			t.Fatal(err)
		}
	}
	put(`{}`)
	cmd, out, errs := commandtest.Start(t, "-file", file, "-duration", "10m", "-workers", "60")
	lines := bufio.NewScanner(out)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() || !strings.Contains(lines.Text(), want) {
			t.Fatalf("got %q, want %q; stderr: %s", lines.Text(), want, errs)
		}
	}
	expect("payments 4+20, search 4+20")
	for _, c := range []struct{ text, want string }{
		{`{"payments": {"parallelism": 16}}`, "reloaded: payments 16+20, search 4+20"},
		{`{"payments": {"parallelism": 1}, "serch": {}}`, `not reloaded: registry: bulkhead "serch": no such label`},
		{`{"payments": `, "not reloaded: registry: capacities, line 1"},
		{`{"payments": {"parallelism": 1, "waiting_room": 2}, "search": {"parallelism": 30}}`, "reloaded: payments 1+2, search 30+20"},
	} {
		put(c.text)
		if err := cmd.Process.Signal(hangup); err != nil {
			t.Fatal(err)
		}
		expect(c.want)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expect(`"payments": `)
	expect(`"search": `)
	expect(", 0 lost")
	_ = cmd.Wait() // its error reports the exit code, which is checked below
	if code := cmd.ProcessState.ExitCode(); code != command.Interrupted || errs.String() != "reload: interrupted: no operation was lost\n" {
		t.Errorf("exit code %d, want %d; stderr: %s", code, command.Interrupted, errs)
	}
}

func TestRunWithoutAFileMakesATemporaryOne(t *testing.T) {
	before := runtime.NumGoroutine()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-duration", "400ms"}, &out, &errs, make(chan os.Signal, 1))
	if code != command.OK || errs.Len() > 0 {
		t.Fatalf("exit code %d, on stderr: %s", code, &errs)
	}
	for _, want := range []string{"payments 4+20, search 4+20\n", "reloaded: payments 16+30, search 1+20\n", `not reloaded: registry: bulkhead "payments": capacity "paralelism": unknown field`, " 0 lost\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output does not contain %q:\n%s", want, &out)
		}
	}
	if _, err := os.Stat(strings.Fields(strings.SplitN(out.String(), " uses ", 2)[1])[0]); err == nil {
		t.Error("the temporary file was not removed")
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestInvalidFileAtTheStartIsFatal(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	if err := write(bad, "[]"); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{bad, filepath.Join(dir, "none.json"), filepath.Join(dir, "no", "dir")} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{"-file", file}, &out, &errs, nil); code != command.Failure || !strings.HasPrefix(errs.String(), "reload: ") {
			t.Errorf("%s: exit code %d, stderr %s", file, code, &errs)
		}
	}
	if err := write(filepath.Join(dir, "no", "file"), ""); err == nil {
		t.Error("write succeeded in a directory that does not exist")
	}
}

func TestDifferentCountsAreAnError(t *testing.T) {
	r, err := open()
	if err != nil {
		t.Fatal(err)
	}
	var c workers
	c.started.Add(1)
	c.finished.Add(1)
	if err := compare(new(bytes.Buffer), r, &c); err == nil || !strings.Contains(err.Error(), "the counts differ: 1 started, 1 finished") {
		t.Errorf("got %v", err)
	}
	if err := compare(commandtest.BrokenWriter{}, r, new(workers)); err == nil {
		t.Error("no error from a writer that fails")
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-h", command.OK, "Usage: reload"},
		{"-duration 1ms", command.Usage, "-duration 1ms: must be from"},
		{"-workers 1 -duration 48h", command.Usage, "-workers 1: must be from 2"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), &out, &out, nil); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: exit code %d, want %d, output:\n%s", c.args, code, c.code, &out)
		}
	}
}
