// Command faults shows that the checks can fail. It copies the module, makes one
// small mistake in the copy, runs the checks, and expects them to find it; then
// the next. It prints which test caught each fault and after how many sequences,
// and exits with 1 if a fault survives or can no longer be made.
//
//	go run ./propcheck/faults                 # all of them
//	go run ./propcheck/faults -sample 8       # every so many-th, for a quick look
//	go run ./propcheck/faults -run slot       # those whose name contains a word
//	go run ./propcheck/faults -run registry: # those of registries; "keyed:": of bulkheads per key
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	sample := flag.Int("sample", 0, "make only so many faults, evenly spread; 0: all")
	word := flag.String("run", "", "make only faults whose name contains this")
	tests := flag.String("tests", "", "arguments of go test: what must find them; empty: the machine for the package of each")
	flag.Parse()
	if flag.NArg() > 0 || *sample < 0 {
		return fmt.Errorf("bad arguments: want [-sample N] [-run WORD] [-tests ARGUMENTS]")
	}
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copyModule(dir); err != nil {
		return err
	}

	var chosen []fault
	for i, f := range faults {
		if strings.Contains(f.name, *word) && (*sample == 0 || i*(*sample)/len(faults) != (i-1)*(*sample)/len(faults) || i == 0) {
			chosen = append(chosen, f)
		}
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "fault\tcaught by\tsequences\tseconds")
	var failures []error
	for _, f := range chosen {
		began := time.Now()
		found, err := try(ctx, dir, f, cmp.Or(*tests, testsFor(f)))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failures = append(failures, err)
			fmt.Fprintf(table, "%s\t%v\t\t\n", f.name, err)
		default:
			fmt.Fprintf(table, "%s\t%s\t%s\t%.1f\n", f.name, found.test, found.sequences, time.Since(began).Seconds())
		}
		table.Flush()
	}
	fmt.Printf("%d faults, %d caught\n", len(chosen), len(chosen)-len(failures))
	return errors.Join(failures...)
}

// testsFor returns the arguments of go test that run the machine for the package
// of a fault, with the standard budget.
func testsFor(f fault) string {
	machine := "TestBulkheadAgainstModel"
	if strings.HasPrefix(f.file, "registry/") {
		machine = "Test(Registry|Keyed)AgainstModel"
	}
	return "./propcheck -run ^" + machine + "$ -propcheck.sequences=20000 -rapid.shrinktime=1ms"
}

// catch is how a fault was found.
type catch struct{ test, sequences string }

var (
	failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	after  = regexp.MustCompile(`failed after (\d+) tests`)
)

// try makes the fault in the copy, runs the checks, and mends it again.
func try(ctx context.Context, dir string, f fault, tests string) (catch, error) {
	path := filepath.Join(dir, f.file)
	right, err := os.ReadFile(path)
	if err != nil {
		return catch{}, err
	}
	if n := strings.Count(string(right), f.right); n != 1 {
		return catch{}, fmt.Errorf("%q can't be made: what it changes stands %d times in %s", f.name, n, f.file)
	}
	wrong := strings.Replace(string(right), f.right, f.wrong, 1)
	if err := os.WriteFile(path, []byte(wrong), 0o644); err != nil {
		return catch{}, err
	}
	defer os.WriteFile(path, right, 0o644)

	args := append([]string{"test", "-vet=off", "-count=1", "-failfast", "-timeout=3m"}, strings.Fields(tests)...)
	out, err := command(ctx, dir, "go", args...).CombinedOutput()
	switch {
	case err == nil:
		return catch{}, fmt.Errorf("%q survives", f.name)
	case bytes.Contains(out, []byte("[build failed]")):
		return catch{}, fmt.Errorf("%q doesn't compile: %s", f.name, out)
	}
	found := catch{test: "the run ended", sequences: "-"}
	if names := failed.FindAllSubmatch(out, -1); names != nil {
		found.test = string(names[len(names)-1][1])
	}
	if n := after.FindSubmatch(out); n != nil {
		found.sequences = cmp.Or(string(n[1]), "-")
	}
	return found, nil
}

func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	return c
}

// copyModule copies what git would: the module that holds the working directory.
func copyModule(to string) error {
	gomod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(filepath.Dir(strings.TrimSpace(string(gomod)))))
}
