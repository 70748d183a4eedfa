package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProgramWritesTheFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"bulk", "docs", "contrib/bulkprom/rules", "contrib/bulkprom/dashboard"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"bulk/report.go", "docs/metrics.md"} {
		text, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := run([]string{"-repository", dir}, &out); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "wrote "); n != 4 {
		t.Errorf("%s", &out)
	}
	if err := os.WriteFile(filepath.Join(dir, "docs/metrics.md"), []byte("# Metrics\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-repository", dir}, &out); err == nil || !strings.Contains(err.Error(), "has no marks") {
		t.Errorf("a page without marks: %v", err)
	}
}

func TestHelpAndWrongArguments(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"-h"}, &out); !errors.Is(err, flag.ErrHelp) || !strings.HasPrefix(out.String(), "Usage: ") {
		t.Errorf("%v, %q", err, &out)
	}
	for _, args := range [][]string{{"-nonsense"}, {"nonsense"}} {
		if err := run(args, &out); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), "nonsense") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
