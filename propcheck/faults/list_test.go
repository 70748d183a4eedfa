package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A fault that no longer matches shows nothing, and most runs of the command make
// only a few of the faults.
func TestEachFaultAppliesOnceAndCompiles(t *testing.T) {
	s, err := load(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	imports := importer.ForCompiler(s.files, "gc", exportData(t))
	names := map[string]bool{}
	for _, fn := range functions {
		for _, f := range fn.faults {
			if names[f.name] {
				t.Errorf("fault %q: there are two of this name", f.name)
			}
			names[f.name] = true
			path, text, err := s.replace(fn, f)
			if err != nil {
				t.Errorf("fault %q in %v: %v", f.name, fn, err)
				continue
			}
			faulty, err := parser.ParseFile(s.files, path, text, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files := []*ast.File{faulty}
			for _, file := range s.packages[fn.pkg] {
				if s.files.Position(file.Pos()).Filename != path {
					files = append(files, file)
				}
			}
			config := types.Config{Importer: imports}
			if _, err := config.Check(faulty.Name.Name, s.files, files, nil); err != nil {
				t.Errorf("fault %q in %v doesn't compile: %v\n`%s` instead of `%s`", f.name, fn, err, f.wrong, f.right)
			}
		}
	}
}

// An error says which pattern doesn't apply, and where it would.
func TestFaultThatDoesNotApplyIsAnError(t *testing.T) {
	s, err := load(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, right, wrong, want string }{
		{"Bulkhead.nothing", "inUse - ANY", "", "function that does not exist"},
		{"Bulkhead.Close", "panic(ANY)", "", "`panic(ANY)` matches 0 times"},
		{"Bulkhead.Close", "panic(ANY)", "", "OnEvent"},
		{"Bulkhead.Close", "ANY", "", "times, not once"},
		{"Bulkhead.Close", "if {", "", "missing condition"},
		{"Bulkhead.Close", "!b.closed", "MORE", "lacks MORE"},
		{"Bulkhead.Close", "!b.closed", "", "with replacement ``"},
	} {
		_, _, err := s.replace(function{pkg: "bulk", name: c.name}, fault{right: c.right, wrong: c.wrong})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("`%s` in %s: got %v, want an error with %q", c.right, c.name, err, c.want)
		}
	}
}

// exportData returns a function that opens the compiled form of a package.
func exportData(t *testing.T) importer.Lookup {
	list, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", "../../bulk", "../../registry", "../../fleet").Output()
	if err != nil {
		t.Fatal(err)
	}
	return func(path string) (io.ReadCloser, error) {
		_, rest, _ := strings.Cut("\n"+string(list), "\n"+path+"=")
		file, _, _ := strings.Cut(rest, "\n")
		return os.Open(file)
	}
}
