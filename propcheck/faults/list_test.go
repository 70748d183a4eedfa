package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A fault that can't be made any more, because the code it changes was written
// anew, shows nothing. Most runs of the command make a few of them only.
func TestEachFaultCanBeMade(t *testing.T) {
	names := map[string]bool{}
	for _, f := range faults {
		if names[f.name] {
			t.Errorf("%q: there are two of this name", f.name)
		}
		names[f.name] = true
		code, err := os.ReadFile(filepath.Join("..", "..", f.file))
		if err != nil {
			t.Errorf("%q: %v", f.name, err)
			continue
		}
		if n := strings.Count(string(code), f.right); n != 1 {
			t.Errorf("%q: what it changes stands %d times in %s", f.name, n, f.file)
		}
		if f.right == f.wrong {
			t.Errorf("%q changes nothing", f.name)
		}
	}
}
