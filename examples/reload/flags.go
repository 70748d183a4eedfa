package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// config is what can be chosen for a run.
type config struct {
	file     string
	own      bool // the file is the program's, and so are the hangups
	duration time.Duration
	workers  int
}

const (
	minDuration = 50 * time.Millisecond
	maxDuration = 24 * time.Hour
	maxWorkers  = 1000
)

func flags(cfg *config) *flag.FlagSet {
	fs := flag.NewFlagSet("reload", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // run says what is wrong, once
	fs.Usage = func() {}
	fs.StringVar(&cfg.file, "file", "", "JSON `file` with capacities of payments and search; without it the program makes its own")
	fs.DurationVar(&cfg.duration, "duration", 3*time.Second, "how long to work")
	fs.IntVar(&cfg.workers, "workers", 40, "how many operations are on their way at once, half of them for each dependency")
	return fs
}

// parse returns flag.ErrHelp if help was asked for.
func parse(args []string) (config, error) {
	var cfg config
	fs := flags(&cfg)
	if err := fs.Parse(args); err != nil {
		return config{}, err
	}
	cfg.own = cfg.file == ""
	var errs []error
	if fs.NArg() > 0 {
		errs = append(errs, fmt.Errorf("unexpected arguments: %s", strings.Join(fs.Args(), " ")))
	}
	if cfg.duration < minDuration || cfg.duration > maxDuration {
		errs = append(errs, fmt.Errorf("-duration %v: must be from %v to %v", cfg.duration, minDuration, maxDuration))
	}
	if cfg.workers < 2 || cfg.workers > maxWorkers {
		errs = append(errs, fmt.Errorf("-workers %d: must be from 2 to %d", cfg.workers, maxWorkers))
	}
	return cfg, errors.Join(errs...)
}

func usage(w io.Writer) {
	fmt.Fprint(w, `Usage: reload [flags]

Reload keeps two bulkheads, payments and search, under load, and reads their
capacities from a JSON file again on each SIGHUP. A file with a mistake changes
nothing. SIGINT or SIGTERM ends it in an orderly way. At the end it compares what
its workers saw with what the bulkheads counted: no operation may be lost.

Flags:
`)
	var cfg config
	fs := flags(&cfg)
	fs.SetOutput(w)
	fs.PrintDefaults()
}
