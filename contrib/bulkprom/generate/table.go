package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// row is a row of the table in the documentation of bulk.Report.
type row struct {
	code     bulk.Code
	severity string // as in "warning from 5 %, critical from 20 %"
	when     string
}

// Codes of alerts about members of fleets and adaptive limiters, which have no report.
const (
	codeLeaseLost        bulk.Code = "lease_lost"
	codeLimiterAtMinimum bulk.Code = "limiter_at_minimum"
)

// others are the rows that the table does not have: the finding that only reports of a
// Keyed have, and the alerts that are in no report.
var others = []row{
	{registry.CodeTooManyKeys, "warning", "operations of a Keyed were rejected because maxKeys keys were in use"},
	{codeLeaseLost, "critical", "a member of a fleet has lost its lease and has no new one"},
	{codeLimiterAtMinimum, "warning", "an adaptive limiter is at the lowest limit that it sets, and operations need all of it"},
}

// readTable reads the table from the file that declares bulk.Report, and appends
// others.
func readTable(path string) ([]row, error) {
	source, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var rows []row
	severityColumn, whenColumn := 0, 0 // where the columns begin
	for _, declaration := range source.Decls {
		d, ok := declaration.(*ast.GenDecl)
		if !ok || d.Tok != token.TYPE || d.Specs[0].(*ast.TypeSpec).Name.Name != "Report" {
			continue
		}
		for line := range strings.Lines(d.Doc.Text()) {
			line, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "\t")
			if strings.HasPrefix(line, "code ") {
				severityColumn, whenColumn = strings.Index(line, "severity"), strings.Index(line, "when")
				continue
			}
			if !indented || whenColumn <= 0 {
				continue
			}
			cell := func(from, to int) string {
				runes := []rune(line)
				return strings.TrimSpace(string(runes[min(from, len(runes)):min(to, len(runes))]))
			}
			next := row{bulk.Code(cell(0, severityColumn)), cell(severityColumn, whenColumn), cell(whenColumn, 1000)}
			if next.code != "" {
				rows = append(rows, next)
			} else if len(rows) > 0 { // the row goes on
				last := &rows[len(rows)-1]
				last.severity = strings.TrimSpace(last.severity + " " + next.severity)
				last.when = strings.TrimSpace(last.when + " " + next.when)
			}
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no table of findings in the documentation of Report", path)
	}
	return append(rows, others...), nil
}
