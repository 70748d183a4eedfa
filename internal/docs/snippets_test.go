package docs

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A snippet is a fenced block of Go in a page. It is one of three things:
//
//   - a file, if it begins with a package clause;
//   - declarations, if it parses as such; with an import declaration it must
//     import all that it uses;
//   - statements, otherwise: they become the body of a function, in which a
//     variable may be unused.
//
// The declarations and statements of a page are type-checked together, as one
// package. The names that they use and do not declare, and the imports of those
// that have no import declaration, are in testdata: docs/capacity.md has
// testdata/docs_capacity.md.go.
type snippet struct {
	page string // with slashes, from the root of the repository
	line int    // of its first line
	text string
}

const root = "../.."

// modules has the folders and pages that use the libraries of a nested module.
var modules = map[string]string{
	"docs/moving/":     "examples/moving",
	"docs/database.md": "examples/database",
	"docs/metrics.md":  "contrib/bulkprom/generate",
}

func moduleOf(page string) string {
	for folder, module := range modules {
		if strings.HasPrefix(page, folder) {
			return module
		}
	}
	return "."
}

// snippetsOf returns the Go blocks of a page. A fence may be indented, as in a
// list, and may have attributes after the language.
func snippetsOf(page, text string) (found []snippet) {
	var block *snippet
	fence := ""
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case fence != "" && strings.HasPrefix(trimmed, fence) && strings.Trim(trimmed, fence[:1]) == "":
			if block != nil {
				found = append(found, *block)
			}
			block, fence = nil, ""
		case fence != "":
			if block != nil {
				block.text += line + "\n"
			}
		case strings.HasPrefix(trimmed, "```"), strings.HasPrefix(trimmed, "~~~"):
			info := strings.TrimLeft(trimmed, trimmed[:1])
			fence = trimmed[:len(trimmed)-len(info)]
			if words := strings.Fields(info); len(words) > 0 && (words[0] == "go" || words[0] == "golang") {
				block = &snippet{page: page, line: i + 2}
			}
		}
	}
	if block != nil {
		found = append(found, *block) // never closed: to the end of the page
	}
	return found
}

// stubFile returns the name of the file with what the snippets of a page use and
// do not declare.
func stubFile(page string) string {
	return "testdata/" + strings.ReplaceAll(page, "/", "_") + ".go"
}

// check returns what is wrong with the snippets of a page, one line for each
// fault, which begins with file:line of the page. stub is the text of its stub
// file, or empty.
func check(page string, snippets []snippet, stub string, imports types.Importer) (faults []string) {
	fset := token.NewFileSet()
	fault := func(err error) { faults = append(faults, strings.TrimSuffix(err.Error(), "\n")) }
	if stub == "" {
		stub = "package snippets\n"
	}
	stubs, err := parser.ParseFile(fset, stubFile(page), stub, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	files := []*ast.File{stubs}
	statements := map[string]bool{} // file:line of the lines of statements
	typeCheck := func(files []*ast.File) {
		conf := types.Config{Importer: imports, Error: func(err error) {
			at := fset.Position(err.(types.Error).Pos)
			// Unused imports of the stub file, and unused variables of statements.
			if err.(types.Error).Soft && (at.Filename != page || statements[place(at)]) {
				return
			}
			fault(err)
		}}
		_, _ = conf.Check("snippets", fset, files, nil) // its error is the first of those above
	}
	for _, s := range snippets {
		file, isStatements, err := parse(fset, s, stubs)
		if err != nil {
			fault(err)
			continue
		}
		if isStatements {
			for i := range strings.Count(s.text, "\n") {
				statements[place(token.Position{Filename: page, Line: s.line + i})] = true
			}
		}
		if startsWith(s.text, "package") {
			typeCheck([]*ast.File{file})
		} else {
			files = append(files, file)
		}
	}
	typeCheck(files)
	return faults
}

func place(p token.Position) string { return p.Filename + ":" + strconv.Itoa(p.Line) }

// parse returns the file that a snippet becomes. Its positions are those of the
// page.
func parse(fset *token.FileSet, s snippet, stubs *ast.File) (file *ast.File, isStatements bool, err error) {
	at := fmt.Sprintf("//line %s:%d\n", s.page, s.line)
	parse := func(text string) (*ast.File, error) {
		return parser.ParseFile(fset, "snippet.go", text, parser.SkipObjectResolution)
	}
	if startsWith(s.text, "package") {
		file, err = parse(at + s.text)
		return file, false, err
	}
	if startsWith(s.text, "import") {
		file, err = parse("package snippets\n" + at + s.text)
		return file, false, err
	}
	head := "package snippets\n"
	for _, i := range stubs.Imports {
		name := ""
		if i.Name != nil {
			name = i.Name.Name
		}
		head += fmt.Sprintf("import %s %s\n", name, i.Path.Value)
	}
	declarations, err := parse(head + at + s.text)
	if err == nil {
		return declarations, false, nil
	}
	statements, errOfStatements := parse(head + "func _() {\n" + at + s.text + "}\n")
	if errOfStatements == nil {
		return statements, true, nil
	}
	for _, word := range []string{"func", "type", "var", "const"} {
		if startsWith(s.text, word) {
			return nil, false, err
		}
	}
	return nil, true, errOfStatements
}

// startsWith reports whether the first word that is no comment is word.
func startsWith(text, word string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			return strings.Fields(line)[0] == word
		}
	}
	return false
}

// exports returns an importer for the packages that a module has or requires.
// The go command compiles them, or has them in its cache.
func exports(module string, packages []string) (types.Importer, error) {
	files := map[string]string{}
	if len(packages) > 0 {
		args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, packages...)
		cmd := exec.Command("go", args...)
		cmd.Dir = filepath.Join(root, module)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list in %s: %w\n%s", module, err, &stderr)
		}
		for line := range strings.Lines(string(out)) {
			path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
			files[path] = file
		}
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("%s is not a package of the module in %s, nor one that it requires", path, module)
		}
		return os.Open(files[path])
	}), nil
}

// importsOf returns the packages that snippets and their stub file import.
func importsOf(snippets []snippet, stub string) (paths []string) {
	texts := []string{stub}
	for _, s := range snippets {
		texts = append(texts, s.text, "package snippets\n"+s.text)
	}
	for _, text := range texts {
		file, _ := parser.ParseFile(token.NewFileSet(), "", text, parser.ImportsOnly)
		if file == nil {
			continue // check says what is wrong
		}
		for _, i := range file.Imports {
			if path, err := strconv.Unquote(i.Path.Value); err == nil && !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// pages returns README.md and every page in docs, with their texts.
func pages(t *testing.T) map[string]string {
	texts := map[string]string{}
	read := func(name string) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.ToSlash(name)] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	read("README.md")
	err := fs.WalkDir(os.DirFS(root), "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".md") {
			read(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestEveryGoSnippetOfThePagesCompiles(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command to compile what the snippets import")
	}
	texts := pages(t)
	for _, page := range []string{"README.md", "docs/capacity.md", "docs/retries.md", "docs/moving/channel.md"} {
		if len(snippetsOf(page, texts[page])) == 0 {
			t.Errorf("%s has no snippet: is the test still looking at the right files?", page)
		}
	}
	for page, text := range texts {
		snippets := snippetsOf(page, text)
		if len(snippets) == 0 {
			continue
		}
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			module := moduleOf(page)
			stub, err := os.ReadFile(stubFile(page))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			imports, err := exports(module, importsOf(snippets, string(stub)))
			if err != nil && strings.Contains(err.Error(), "requires go >= ") && module != "." {
				t.Skip(err) // the root module needs less than this one
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range check(page, snippets, string(stub), imports) {
				t.Error(f)
			}
			if t.Failed() {
				t.Logf("names and imports that the page does not show are in internal/docs/%s", stubFile(page))
			}
		})
	}
}
