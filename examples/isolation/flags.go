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
	rate     int           // requests per second
	seed     uint64        // of the arrivals
	patience time.Duration // how long a user waits for an answer; no flag
}

// What flags may say. The bounds keep a run within what one machine can send
// and remember.
const (
	minDuration = 100 * time.Millisecond
	maxDuration = 10 * time.Minute
	maxRate     = 10_000
)

func flags(cfg *config) *flag.FlagSet {
	fs := flag.NewFlagSet("isolation", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // run says what is wrong, once
	fs.Usage = func() {}
	fs.DurationVar(&cfg.duration, "duration", 4*time.Second, "how long each of the two phases sends requests")
	fs.IntVar(&cfg.rate, "rate", 500, "requests per second, on average")
	fs.Uint64Var(&cfg.seed, "seed", 1, "seed of the arrival pattern; the same seed sends the same requests")
	return fs
}

// parse returns flag.ErrHelp if help was asked for.
func parse(args []string) (config, error) {
	cfg := config{patience: 1500 * time.Millisecond}
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
	if cfg.rate < 1 || cfg.rate > maxRate {
		errs = append(errs, fmt.Errorf("-rate %d: must be from 1 to %d requests per second", cfg.rate, maxRate))
	}
	return cfg, errors.Join(errs...)
}

func usage(w io.Writer) {
	fmt.Fprint(w, `Usage: isolation [flags]

Isolation sends the same requests through a client program twice. The program
has a fixed number of workers and calls two HTTP servers on loopback, a fast one
and one that becomes slow under load. Without compartments the calls to the slow
one take all the workers, and the fast one fails with it. With one bulkhead per
dependency it does not. Nothing but loopback is needed. Ctrl-C ends the run early
and prints what there is, with exit code 130.

Flags:
`)
	var cfg config
	fs := flags(&cfg)
	fs.SetOutput(w)
	fs.PrintDefaults()
}
