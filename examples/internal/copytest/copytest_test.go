package copytest

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Folders with their own module need their libraries, so they have a test that calls
// CompileAlone.
func TestEachFileToCopyCompilesAlone(t *testing.T) {
	const examples = "../.."
	readme, err := os.ReadFile(filepath.Join(examples, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, set := range Sets(string(readme)) {
		if seen[set.Folder] {
			continue
		}
		seen[set.Folder] = true
		dir := filepath.Join(examples, filepath.FromSlash(set.Folder))
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			CompileAlone(t, examples, set.Folder)
			continue
		}
		if !calls(t, dir, "copytest.CompileAlone(") {
			t.Errorf("%s has no test that calls CompileAlone", set.Folder)
		}
	}
	if len(seen) < 6 {
		t.Errorf("found files to copy in only %d folders: the table has another form", len(seen))
	}
}

// calls reports whether a test in dir contains the text.
func calls(t *testing.T, dir, text string) bool {
	tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range tests {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), text) {
			return true
		}
	}
	return false
}

func TestSets(t *testing.T) {
	got := Sets(`
| I want to … | look at | the file to copy |
|---|---|---|
| **begin** | | |
| see | [a](a): [x.go](a/x.go) | |
| limit | [b](b) | [b.go](b/c/b.go) |
| retry | [d](d) | [p.go](d/p.go) and one of [q.go](d/q.go) (q), [r.go](d/r.go) |
`)
	want := []Set{{"b/c", []string{"b.go"}}, {"d", []string{"p.go", "q.go"}}, {"d", []string{"p.go", "r.go"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFilesThatDoNotCompileAloneAreFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module copied\n\ngo 1.25\n",
		"whole.go":    "package main\n\nfunc whole() int { return 1 }\n",
		"part.go":     "package main\n\nfunc part() int { return whole() }\n",
		"internal.go": "package main\n\nimport _ \"copied/internal/x\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{"whole.go"}, ""},
		{[]string{"whole.go", "part.go"}, ""},
		{[]string{"part.go"}, "undefined: whole"},
		{[]string{"internal.go"}, "which a copy cannot import"},
		{[]string{"none.go"}, "none.go"},
	} {
		err := check(dir, c.files)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, want %q", c.files, err, c.want)
		}
	}
}
