package bulk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// viaInterface are the methods that the standard library calls: fmt, errors,
// encoding and log/slog. Examples show what they print rather than call them.
var viaInterface = map[string]bool{
	"String": true, "GoString": true, "Format": true, "Error": true, "Is": true, "As": true, "Unwrap": true, "LogValue": true,
	"MarshalText": true, "UnmarshalText": true, "MarshalJSON": true, "UnmarshalJSON": true,
}

// A name counts as shown if an example uses it or is named for it. Of the
// constants of one type, one is enough. Fields are not checked: the documentation
// of their type has them all.
func TestEveryExportedNameAppearsInAnExample(t *testing.T) {
	shown := make(map[string]bool)
	for _, file := range parseFiles(t, "example_*_test.go", "example_test.go") {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				shown[n.Sel.Name] = true
			case *ast.FuncDecl:
				for part := range strings.SplitSeq(strings.TrimPrefix(n.Name.Name, "Example"), "_") {
					shown[part] = true
				}
			}
			return true
		})
	}
	for _, file := range parseFiles(t, "*.go") {
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if name := decl.Name.Name; isPublic(decl) && !shown[name] {
					t.Errorf("no example uses the function or method %s", name)
				}
			case *ast.GenDecl:
				for _, names := range declared(decl) {
					if !anyShown(names, shown) {
						t.Errorf("no example uses %s", strings.Join(names, ", "))
					}
				}
			}
		}
	}
}

// isPublic reports whether users call f: it is exported, and so is the type that
// it is a method of.
func isPublic(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return f.Name.IsExported()
	}
	receiver := f.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	typ, ok := receiver.(*ast.Ident)
	return ok && typ.IsExported() && f.Name.IsExported() && !viaInterface[f.Name.Name]
}

// parseFiles returns the files that match one of the patterns. Test files are left
// out, unless the pattern is for test files.
func parseFiles(t *testing.T, patterns ...string) (files []*ast.File) {
	t.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") != strings.HasSuffix(pattern, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	}
	return files
}

// declared returns the exported names of a declaration, in groups of which an
// example must use at least one: each name by itself, or the constants of a type.
func declared(decl *ast.GenDecl) (groups [][]string) {
	var constants []string
	typed := false
	for _, spec := range decl.Specs {
		var names []*ast.Ident
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			names = append(names, spec.Name)
		case *ast.ValueSpec:
			names = spec.Names
			typed = decl.Tok == token.CONST && (spec.Type != nil || typed && len(spec.Values) == 0)
		}
		for _, name := range names {
			switch {
			case !name.IsExported():
			case typed:
				constants = append(constants, name.Name)
			default:
				groups = append(groups, []string{name.Name})
			}
		}
	}
	if len(constants) > 0 {
		groups = append(groups, constants)
	}
	return groups
}

func anyShown(names []string, shown map[string]bool) bool {
	for _, name := range names {
		if shown[name] {
			return true
		}
	}
	return false
}
