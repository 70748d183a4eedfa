// Command faults shows that the checks can fail. It makes one small mistake in
// the module, runs the checks, expects them to fail, and goes on to the next
// mistake. The table has the test that caught each fault, after how many
// sequences, and the seconds it took. The command exits with 1 if the checks miss
// a fault, or if a fault no longer applies.
//
// No file of the module is changed: go test gets each fault as an overlay. Don't
// edit the module while the command runs. The faults run concurrently, as many as
// there are processors (see GOMAXPROCS).
//
//	go run ./propcheck/faults                # all of them
//	go run ./propcheck/faults -sample 8      # 8 of them, evenly spread over the list
//	go run ./propcheck/faults -run Release   # those whose name contains a text
//	go run ./propcheck/faults -run registry: # those of registries; "keyed:": of bulkheads per key;
//	                                         # "bulk:" and "fleet:": those that the tests of the package catch
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		if ctx.Err() != nil {
			os.Exit(130) // after Ctrl-C, as shells have it
		}
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	sample := flag.Int("sample", 0, "try only this many faults, evenly spread; 0: all")
	text := flag.String("run", "", "try only faults whose name contains this")
	tests := flag.String("tests", "", "arguments of go test that run the checks; empty: the machine for the package of each fault")
	flag.Parse()
	if flag.NArg() > 0 || *sample < 0 {
		return errors.New("bad arguments: want [-sample N] [-run TEXT] [-tests ARGUMENTS]")
	}
	gomod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return err
	}
	root := filepath.Dir(strings.TrimSpace(string(gomod)))
	s, err := load(root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	var trials []*trial
	for _, fn := range functions {
		for _, f := range fn.faults {
			if strings.Contains(f.name, *text) {
				trials = append(trials, &trial{function: fn, fault: f, done: make(chan struct{})})
			}
		}
	}
	if n := len(trials); *sample > 0 && *sample < n {
		for i := range *sample {
			trials[i] = trials[i*n / *sample]
		}
		trials = trials[:*sample]
	}
	next := make(chan *trial)
	for i := range runtime.GOMAXPROCS(0) {
		go func() {
			for t := range next {
				began := time.Now()
				t.err = t.run(ctx, s, root, filepath.Join(dir, fmt.Sprint(i)), cmp.Or(*tests, testsFor(t.function, t.fault)))
				t.took = time.Since(began)
				close(t.done)
			}
		}()
	}
	go func() {
		for _, t := range trials {
			next <- t
		}
		close(next)
	}()

	const row = "%-65s %-6s %9s %7v  %s\n"
	fmt.Printf(row, "fault", "", "sequences", "seconds", "by")
	began := time.Now()
	var failures []error
	for _, t := range trials {
		<-t.done
		if ctx.Err() != nil {
			return ctx.Err()
		}
		verdict := "caught"
		if t.err != nil {
			verdict, failures = "error", append(failures, fmt.Errorf("fault %q in %v: %w", t.fault.name, t.function, t.err))
		}
		if errors.Is(t.err, errMissed) {
			verdict = "missed"
		}
		fmt.Printf(row, t.fault.name, verdict, t.sequences, t.took.Round(time.Second).Seconds(), t.by)
	}
	fmt.Printf("%d faults, %d caught, %v\n", len(trials), len(trials)-len(failures), time.Since(began).Round(time.Second))
	return errors.Join(failures...)
}

// testsFor returns the arguments of go test that run the machine for the package
// of a fault, with the standard budget. A name that begins with "bulk:" asks for
// the tests of package bulk, because the machine misses the fault: it runs in
// synctest bubbles, where the channel of a record is not used again, none of its
// contexts panics or ends later than its deadline, it seldom abandons the last
// operation of a closed bulkhead, and calls no method of a Status. Or the fault
// panics under the lock, which ends the machine only at its timeout.
func testsFor(fn function, f fault) string {
	machine := "TestBulkheadAgainstModel"
	switch {
	case strings.HasPrefix(f.name, "bulk:"):
		return "./bulk -short -timeout=1m"
	case fn.pkg == "fleet":
		return "./fleet -timeout=2m -rapid.shrinktime=1ms"
	case fn.pkg == "registry" || strings.HasPrefix(f.name, "keyed:"):
		machine = "Test(Registry|Keyed)AgainstModel"
	}
	return "./propcheck -run ^" + machine + "$ -propcheck.sequences=20000 -rapid.shrinktime=1ms"
}

// trial is one fault, and how the checks catch it.
type trial struct {
	function function
	fault    fault
	done     chan struct{} // closed when the fields below are set

	sequences, by string
	took          time.Duration
	err           error
}

var errMissed = errors.New("the checks miss it")

var (
	failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	after  = regexp.MustCompile(`failed after (\d+) tests`)
)

// run makes the fault in an overlay, whose files begin with base, and runs the
// tests with it.
func (t *trial) run(ctx context.Context, s *source, root, base, tests string) error {
	path, text, err := s.replace(t.function, t.fault)
	if err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: base + ".go"}})
	if err := errors.Join(err, os.WriteFile(base+".go", text, 0o644), os.WriteFile(base+".json", overlay, 0o644)); err != nil {
		return err
	}
	args := append([]string{"test", "-overlay=" + base + ".json", "-vet=off", "-count=1", "-failfast", "-timeout=3m"}, strings.Fields(tests)...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	switch {
	case bytes.Contains(out, []byte("[build failed]")) || bytes.Contains(out, []byte("no tests to run")):
		return errors.New(string(out))
	case err == nil:
		return errMissed
	}
	t.by = "the end of the run"
	if names := failed.FindAllSubmatch(out, -1); names != nil {
		t.by = string(names[len(names)-1][1])
	}
	if n := after.FindSubmatch(out); n != nil {
		t.sequences = string(n[1])
	}
	return nil
}
