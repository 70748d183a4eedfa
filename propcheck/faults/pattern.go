package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// source is the code of the packages in which faults are made.
type source struct {
	files    *token.FileSet
	text     map[string][]byte      // by path
	packages map[string][]*ast.File // by directory, without tests
}

// load parses the packages of the list, in the module whose root is given.
func load(root string) (*source, error) {
	s := &source{token.NewFileSet(), map[string][]byte{}, map[string][]*ast.File{}}
	for _, fn := range functions {
		if s.packages[fn.pkg] != nil {
			continue
		}
		paths, err := filepath.Glob(filepath.Join(root, fn.pkg, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			if s.text[path], err = os.ReadFile(path); err != nil {
				return nil, err
			}
			file, err := parser.ParseFile(s.files, path, s.text[path], parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			s.packages[fn.pkg] = append(s.packages[fn.pkg], file)
		}
	}
	return s, nil
}

// replace makes a fault. It returns the path of the file concerned and the new
// text of the file.
func (s *source) replace(fn function, f fault) (path string, text []byte, err error) {
	fail := func(format string, args ...any) (string, []byte, error) {
		return "", nil, fmt.Errorf("pattern `%s` %s", f.right, fmt.Sprintf(format, args...))
	}
	right, err := parsePattern(f.right)
	if err != nil {
		return fail("%v", err)
	}
	exists := false
	var found []match
	var others []string // functions that have the pattern
	for _, file := range s.packages[fn.pkg] {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				matches := s.find(right, d.Body)
				if name := nameOf(d); name == fn.name {
					exists, found = true, matches
				} else if matches != nil {
					others = append(others, name)
				}
			}
		}
	}
	if !exists {
		return fail("is for a function that does not exist; functions with the pattern: %v", others)
	}
	if len(found) != 1 {
		return fail("matches %d times, not once; other functions with the pattern: %v", len(found), others)
	}

	m := found[0]
	wrong := variable.ReplaceAllStringFunc(f.wrong, func(name string) string {
		if _, ok := m.vars[name]; !ok {
			err = fmt.Errorf("lacks %s of the replacement", name)
		}
		return m.vars[name]
	})
	if err != nil {
		return fail("%v", err)
	}
	if e, err := parser.ParseExpr(wrong); err == nil {
		wrong = operand(e, wrong)
	}
	from, to := s.files.Position(m.from), s.files.Position(m.to)
	old := string(s.text[from.Filename])
	text, err = format.Source([]byte(old[:from.Offset] + wrong + old[to.Offset:]))
	if err != nil {
		return fail("with replacement `%s`: %v", f.wrong, err)
	}
	return from.Filename, text, nil
}

// nameOf returns Function or Receiver.Method.
func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	receiver, _, _ := strings.Cut(types.ExprString(f.Recv.List[0].Type), "[")
	return strings.TrimPrefix(receiver, "*") + "." + f.Name.Name
}

// operand returns the text of a node, in parentheses if an operator beside it
// could take it apart.
func operand(n ast.Node, text string) string {
	if _, ok := n.(*ast.BinaryExpr); ok {
		return "(" + text + ")"
	}
	return text
}

// parsePattern parses an expression, statements or case clauses.
func parsePattern(text string) ([]ast.Stmt, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p; func _() { switch { default:\n"+text+"\n} }", parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	clauses := file.Decls[0].(*ast.FuncDecl).Body.List[0].(*ast.SwitchStmt).Body.List
	stmts := clauses[0].(*ast.CaseClause).Body
	if len(clauses) > 1 {
		stmts = clauses[1:]
	}
	if len(stmts) == 0 {
		return nil, errors.New("has no statement")
	}
	return stmts, nil
}

// match is a place where a pattern matches.
type match struct {
	source   *source
	from, to token.Pos
	vars     map[string]string // the code that ANY and MORE stand for
}

// find returns the places in body where the pattern matches. A pattern that is
// one expression matches inside expressions too.
func (s *source) find(pattern []ast.Stmt, body ast.Node) (found []match) {
	try := func(pattern, tree any, from, to ast.Node) {
		m := match{s, from.Pos(), to.End(), map[string]string{}}
		if m.matches(reflect.ValueOf(pattern), reflect.ValueOf(tree)) {
			found = append(found, m)
		}
	}
	var expr ast.Expr
	if s, ok := pattern[0].(*ast.ExprStmt); ok && len(pattern) == 1 {
		expr = s.X
	}
	ast.Inspect(body, func(n ast.Node) bool {
		var list []ast.Stmt
		switch n := n.(type) {
		case ast.Expr:
			if expr != nil {
				try(expr, n, n, n)
			}
		case *ast.BlockStmt:
			list = n.List
		case *ast.CaseClause:
			list = n.Body
		case *ast.CommClause:
			list = n.Body
		}
		for ; expr == nil && len(list) > 0; list = list[1:] {
			for i, last := range list {
				try(pattern, list[:i+1], list[0], last)
			}
		}
		return true
	})
	return found
}

var variable = regexp.MustCompile(`\b(ANY|MORE)\d*\b`)

// matches reports whether tree is an instance of pattern. As gofmt -r does, it
// compares everything but positions.
func (m *match) matches(pattern, tree reflect.Value) bool {
	if pattern.Kind() == reflect.Interface {
		pattern, tree = pattern.Elem(), tree.Elem()
	}
	if !pattern.IsValid() || !tree.IsValid() {
		return pattern.IsValid() == tree.IsValid()
	}
	if name := nameIn(pattern); strings.HasPrefix(name, "ANY") {
		return m.bind(name, tree)
	}
	if pattern.Type() != tree.Type() {
		return false
	}
	switch pattern.Kind() {
	case reflect.Pointer:
		return pattern.IsNil() == tree.IsNil() && (pattern.IsNil() || m.matches(pattern.Elem(), tree.Elem()))
	case reflect.Struct:
		for i := range pattern.NumField() {
			if !m.matches(pattern.Field(i), tree.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		at, more := 0, tree.Len()-pattern.Len()+1 // MORE matches as many as the others leave
		for i := range pattern.Len() {
			name := nameIn(pattern.Index(i))
			switch {
			case !strings.HasPrefix(name, "MORE"):
				if at == tree.Len() || !m.matches(pattern.Index(i), tree.Index(at)) {
					return false
				}
				at++
			case more < 0 || !m.bind(name, tree.Slice(at, at+more)):
				return false
			default:
				at += more
			}
		}
		return at == tree.Len()
	default:
		return pattern.Type() == reflect.TypeFor[token.Pos]() || pattern.Equal(tree)
	}
}

// bind sets a variable to the code of a node or a list of nodes. A variable that
// is set matches only the same code again.
func (m *match) bind(name string, tree reflect.Value) bool {
	code, from, to := "", tree, tree
	if tree.Kind() == reflect.Slice && tree.Len() > 0 {
		from, to = tree.Index(0), tree.Index(tree.Len()-1)
	}
	if from.Kind() != reflect.Slice {
		first, last := from.Interface().(ast.Node), to.Interface().(ast.Node)
		start, end := m.source.files.Position(first.Pos()), m.source.files.Position(last.End())
		code = string(m.source.text[start.Filename][start.Offset:end.Offset])
		if tree.Kind() != reflect.Slice {
			code = operand(first, code)
		}
	}
	old, set := m.vars[name]
	m.vars[name] = code
	return !set || old == code
}

// nameIn returns the name of the variable that a pattern consists of, or "".
func nameIn(pattern reflect.Value) string {
	n := pattern.Interface()
	if s, ok := n.(*ast.ExprStmt); ok {
		n = s.X
	}
	if id, ok := n.(*ast.Ident); ok && id != nil && variable.MatchString(id.Name) {
		return id.Name
	}
	return ""
}
