package adaptive

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// docs/adaptive.md promises the reason for each constant.
func TestPageNamesEveryConstant(t *testing.T) {
	page, err := os.ReadFile("../docs/adaptive.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "## The constants")
	table, _, ends := strings.Cut(table, "\n## ")
	if !found || !ends {
		t.Fatal("the page has no section about the constants")
	}
	file, err := parser.ParseFile(token.NewFileSet(), "constants.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, name := range spec.Names {
				if named++; !strings.Contains(table, "`"+name.Name+"`") {
					t.Errorf("the page does not explain %s", name)
				}
			}
		}
		return true
	})
	if named < 40 {
		t.Errorf("%d constants", named)
	}
}
