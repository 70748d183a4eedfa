// Generate writes alert rules for Prometheus, a dashboard for Grafana, and the tables of
// metrics in docs/metrics.md. The rules come from the table of findings in the
// documentation of bulk.Report: its codes, severities and conditions, with an expression
// for each of them in rules.go. Those that are in no report are in table.go.
//
//	go run .
//
// It is a module of its own, so that users of bulkprom do not require the libraries of
// the Prometheus server.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	err := run(os.Args[1:], os.Stdout)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("see generate -h")

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	repository := flags.String("repository", "../../..", "root of the repository")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(out, "Usage: generate [flags]\n\nWrites alert rules, a dashboard and tables of metrics.\n\n")
		flags.SetOutput(out)
		flags.PrintDefaults()
		return err
	} else if err != nil || flags.NArg() > 0 {
		return fmt.Errorf("%w: %w", errors.Join(err, unexpected(flags.Args())), errUsage)
	}
	files, err := generate(*repository)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(*repository, f.name), f.text, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(out, "wrote", f.name)
	}
	return nil
}

func unexpected(args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unexpected argument %q", args[0])
}

// file is a generated file. Its name is a path in the repository.
type file struct {
	name string
	text []byte
}

// generate returns all generated files of the repository.
func generate(repository string) ([]file, error) {
	table, err := readTable(filepath.Join(repository, "bulk/report.go"))
	if err != nil {
		return nil, err
	}
	alerts, err := newAlerts(table)
	if err != nil {
		return nil, err
	}
	dashboard, err := newDashboard(alerts)
	if err != nil {
		return nil, err
	}
	pageName := "docs/metrics.md"
	old, err := os.ReadFile(filepath.Join(repository, pageName))
	if err != nil {
		return nil, err
	}
	page, err := newPage(old, alerts)
	if err != nil {
		return nil, err
	}
	return []file{
		{"contrib/bulkprom/rules/alerts.yml", rulesFile(alerts, false)},
		{"contrib/bulkprom/rules/notices.yml", rulesFile(alerts, true)},
		{"contrib/bulkprom/dashboard/bulkheads.json", dashboard},
		{pageName, page},
	}, nil
}
