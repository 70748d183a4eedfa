// Package copytest checks that the files to copy named in examples/README.md compile
// without the rest of their programs.
package copytest

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Set is a set of files of one folder that are copied together.
type Set struct {
	Folder string   // path in examples, with slashes
	Files  []string // names in Folder
}

var link = regexp.MustCompile(`\]\(([\w/]+\.go)\)`)

// Sets returns the sets of files named in the last column of the table in readme.
// "a and one of b, c" stands for two sets: a with b, and a with c.
func Sets(readme string) []Set {
	var sets []Set
	for line := range strings.Lines(readme) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 {
			continue
		}
		shared, each, choice := strings.Cut(cells[3], " and one of ")
		if !choice {
			shared, each = "", cells[3]
		}
		for _, file := range link.FindAllStringSubmatch(each, -1) {
			set := Set{Folder: path.Dir(file[1])}
			for _, s := range link.FindAllStringSubmatch(shared, -1) {
				set.Files = append(set.Files, path.Base(s[1]))
			}
			set.Files = append(set.Files, path.Base(file[1]))
			sets = append(sets, set)
		}
	}
	return sets
}

// CompileAlone fails the test unless each set of files to copy from the folder compiles
// by itself, with the requirements of the folder's module.
func CompileAlone(t *testing.T, examples, folder string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(examples, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, set := range Sets(string(readme)) {
		if set.Folder != folder {
			continue
		}
		n++
		if err := check(filepath.Join(examples, filepath.FromSlash(folder)), set.Files); err != nil {
			t.Errorf("%s: %s: %v", folder, strings.Join(set.Files, " and "), err)
		}
	}
	if n == 0 {
		t.Errorf("examples/README.md names no file to copy from %s", folder)
	}
}

func check(dir string, files []string) error {
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, file), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			if slices.Contains(strings.Split(strings.Trim(spec.Path.Value, `"`), "/"), "internal") {
				return fmt.Errorf("%s imports %s, which a copy cannot import", file, spec.Path.Value)
			}
		}
	}
	vet := exec.Command("go", append([]string{"vet"}, files...)...)
	vet.Dir = dir
	if out, err := vet.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
