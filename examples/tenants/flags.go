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
	duration time.Duration // how long each phase sends requests
	quiet    int           // tenants that are
	noise    int           // requests that the noisy tenant has on its way at once
}

const (
	minDuration = 50 * time.Millisecond
	maxDuration = 10 * time.Minute
	maxQuiet    = 50
	maxNoise    = 500
)

func flags(cfg *config) *flag.FlagSet {
	fs := flag.NewFlagSet("tenants", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // run says what is wrong, once
	fs.Usage = func() {}
	fs.DurationVar(&cfg.duration, "duration", 2*time.Second, "how long each of the two phases sends requests")
	fs.IntVar(&cfg.quiet, "quiet", 4, "how many quiet tenants there are")
	fs.IntVar(&cfg.noise, "noise", 60, "how many requests the noisy tenant has on its way at once")
	return fs
}

// parse returns flag.ErrHelp if help was asked for.
func parse(args []string) (config, error) {
	var cfg config
	fs := flags(&cfg)
	if err := fs.Parse(args); err != nil {
		return config{}, err
	}
	var errs []error
	if fs.NArg() > 0 {
		errs = append(errs, fmt.Errorf("unexpected arguments: %s", strings.Join(fs.Args(), " ")))
	}
	if cfg.duration < minDuration || cfg.duration > maxDuration {
		errs = append(errs, fmt.Errorf("-duration %v: must be from %v to %v", cfg.duration, minDuration, maxDuration))
	}
	if cfg.quiet < 1 || cfg.quiet > maxQuiet {
		errs = append(errs, fmt.Errorf("-quiet %d: must be from 1 to %d", cfg.quiet, maxQuiet))
	}
	if cfg.noise < 1 || cfg.noise > maxNoise {
		errs = append(errs, fmt.Errorf("-noise %d: must be from 1 to %d", cfg.noise, maxNoise))
	}
	return cfg, errors.Join(errs...)
}

func usage(w io.Writer) {
	fmt.Fprint(w, `Usage: tenants [flags]

Tenants starts an HTTP server on loopback and sends it the requests of some quiet
tenants and of a noisy one, twice: first with one compartment for all, which the
noisy tenant fills, then with one for each tenant, where it fills only its own.
Nothing but loopback is needed. Ctrl-C ends the run early and prints what there
is, with exit code 130.

Flags:
`)
	var cfg config
	fs := flags(&cfg)
	fs.SetOutput(w)
	fs.PrintDefaults()
}
