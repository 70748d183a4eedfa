package docs

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The check finds what does not compile, and says where it stands in the page.
func TestABrokenSnippetIsReportedWithItsLine(t *testing.T) {
	const stub = `package snippets
import ("errors"; "strings")
var text string
func fails() error { return errors.New("") }`
	for _, c := range []struct {
		name, page string
		want       []string
	}{
		{"statements, good", "```go\nn := strings.Count(text, \"\")\n```\n", nil},
		{"declarations, good", "```go\nfunc f() error { return fails() }\n```\n\n```go\nerr := f()\n```\n", nil},
		{"a file, good", "```go\npackage p\n\nimport \"strings\"\n\nvar _ = strings.ToUpper\n```\n", nil},
		{"another language", "```java\nint n\n```\n~~~\n```go\nno fence\n~~~\n", nil},
		{"statements, unknown name", "one\n\n```go\nn := 1\nm := nowhere\n```\n", []string{"p.md:5: undefined: nowhere"}},
		{"statements, unknown function of a package", "```go\nstrings.Nope(text)\n```\n", []string{"p.md:2: undefined: strings.Nope"}},
		{"statements, wrong type", "```go\nvar n int = text\n```\n", []string{"p.md:2: cannot use text (variable of type string) as int value in variable declaration"}},
		{"statements that don't parse", "```go\nn := := 1\n```\n", []string{"p.md:2: expected operand, found ':=' (and 1 more errors)"}},
		{"declarations, unused variable", "```go\nfunc f() {\n\tn := 1\n}\n```\n", []string{"p.md:3: declared and not used: n"}},
		{"declarations that don't parse", "\n```go\nfunc f( {\n}\n```\n", []string{"p.md:3: expected ')', found '{' (and 1 more errors)"}},
		{"declared twice", "```go\nvar n = 1\n```\n```go\nvar n = 2\n```\n", []string{"p.md:5: n redeclared in this block", "p.md:2: \tother declaration of n"}},
		{"its imports are not all", "```go\nimport \"errors\"\n\nvar e = errors.New(strings.ToUpper(text))\n```\n", []string{"p.md:4: undefined: strings"}},
		{"an import is unused", "```go\nimport \"errors\"\n\nvar s = text\n```\n", []string{`p.md:2: "errors" imported and not used`}},
		{"a file, unknown name", "```go\npackage p\n\nvar s = text\n```\n", []string{"p.md:4: undefined: text"}},
		{"in a list, with attributes", "- so:\n\n  ```go title=x\n  n := nowhere\n  ```\n", []string{"p.md:4: undefined: nowhere"}},
		{"never closed", "```go\nn := nowhere\n", []string{"p.md:2: undefined: nowhere"}},
	} {
		snippets := snippetsOf("p.md", c.page)
		imports, err := exports(".", importsOf(snippets, stub))
		if err != nil {
			t.Fatal(err)
		}
		got := check("p.md", snippets, stub, imports)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %s", c.name, cmp.Diff(c.want, got))
		}
	}
}

func TestAnImportThatTheModuleDoesNotRequireIsReported(t *testing.T) {
	snippets := snippetsOf("p.md", "```go\nimport \"example.invalid/nowhere\"\n\nvar n = nowhere.N\n```\n")
	if _, err := exports(".", importsOf(snippets, "")); err == nil {
		t.Error("no error")
	}
}
