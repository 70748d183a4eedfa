// Report runs the benchmarks several times, one whole run after another, and writes
// their results as tables and charts.
//
//	go run ./report                            # everything, less than 10 minutes on two processors
//	go run ./report -short                     # only the headline, less than a minute
//	go run ./report -only HandOver -o handover # one benchmark
//	go run ./report -from results/raw.txt      # tables and charts of earlier results
//
// It writes raw.txt (for benchstat), results.md, charts as SVG, and README-snippet.md,
// which is the part that README shows, into the folder given with -o.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(report(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// errUsage is wrapped by errors of invalid arguments.
var errUsage = errors.New("report -h explains the flags")

// report returns the exit code: 0 on success and after -h, 2 for invalid arguments, 130
// after Ctrl-C, as in shells, and 1 for other errors.
func report(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := run(ctx, args, stdout, stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(stderr, "report:", err)
	switch {
	case errors.Is(err, errUsage):
		return 2
	case ctx.Err() != nil:
		return 130
	}
	return 1
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // report prints the error once
	out := flags.String("o", "", "folder to write to (default results, results-short, or results-part with -only)")
	from := flags.String("from", "", "read these raw results instead of measuring")
	short := flags.Bool("short", false, "run only the benchmarks of the headline")
	runs := flags.Int("runs", 0, "number of interleaved runs (default 6, or 4 with -short; with fewer, no difference is significant)")
	benchtime := flags.Duration("benchtime", 0, "duration of each benchmark in each run (default 40ms, or 15ms with -short)")
	only := flags.String("only", "", "run only these benchmarks, for example Uncontended,HandOver")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, "Usage: report [flags]\n\n"+
			"Report runs the benchmarks and writes tables and charts of their results.\n\nFlags:\n")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return err
	case err != nil:
		return fmt.Errorf("%w\n%w", err, errUsage)
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected arguments: %s\n%w", strings.Join(flags.Args(), " "), errUsage)
	case *runs < 0:
		return fmt.Errorf("-runs %d: must be at least 1, or 0 for the default\n%w", *runs, errUsage)
	case *benchtime < 0:
		return fmt.Errorf("-benchtime %v: must be more than 0, or 0 for the default\n%w", *benchtime, errUsage)
	}
	p, folder := defaultPlan(*short), "results"
	if *short {
		folder = "results-short"
	}
	if *runs > 0 {
		p.runs = *runs
	}
	if *benchtime > 0 {
		p.benchtime = *benchtime
	}
	if *only != "" {
		p.only = strings.Split(*only, ",")
		for _, bench := range p.only {
			if findWork(bench) == nil {
				return fmt.Errorf("-only: there is no benchmark %q\n%w", bench, errUsage)
			}
		}
	}
	if p.only != nil {
		folder = "results-part" // so that a part never replaces complete results
	}
	if *out != "" {
		folder = *out
	}

	raw, err := rawResults(ctx, p, *from, stderr)
	if err != nil {
		return err
	}
	r, err := parse(bytes.NewReader(raw), "raw results")
	if err != nil {
		return err
	}
	if len(r.cases) == 0 {
		return fmt.Errorf("no results of these benchmarks in %q", *from)
	}
	if err := write(folder, raw, r); err != nil {
		return err
	}
	writeHeadline(stdout, r, command)
	fmt.Fprintf(stdout, "\nWritten to %s: results.md has all tables, raw.txt is for benchstat, and the charts are SVG.\n", folder)
	return nil
}

func defaultPlan(short bool) plan {
	if short {
		return plan{runs: 4, benchtime: 15 * time.Millisecond, short: true}
	}
	return plan{runs: 6, benchtime: 40 * time.Millisecond}
}

// command is the command that README shows.
const command = "cd benchmarks && go run ./report"

func rawResults(ctx context.Context, p plan, from string, progress io.Writer) ([]byte, error) {
	if from != "" {
		return os.ReadFile(from)
	}
	var raw bytes.Buffer
	if err := measure(ctx, p, &raw, progress); err != nil {
		return nil, err
	}
	return raw.Bytes(), nil
}

// write writes all files of a report, and removes charts of an earlier report for which
// this one has no results.
func write(folder string, raw []byte, r *results) error {
	var tables, snippet bytes.Buffer
	writeTables(&tables, r)
	writeSnippet(&snippet, r, command)
	files := map[string][]byte{"raw.txt": raw, "results.md": tables.Bytes(), "README-snippet.md": snippet.Bytes()}
	for _, c := range charts {
		svg, err := c.draw(r)
		if err != nil {
			return fmt.Errorf("%s: %w", c.file, err)
		}
		files[c.file] = svg
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, data := range files {
		path := filepath.Join(folder, name)
		if data == nil {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
