package main

import (
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

// config is what can be chosen for a run.
type config struct {
	duration time.Duration // how long each phase sends requests
	rate     int           // requests per second
	seed     uint64        // of the arrivals
	patience time.Duration // how long a user waits for an answer; no flag
}

const about = `Isolation sends the same requests through a client program twice. The program
has a fixed number of workers and calls two HTTP servers on loopback, a fast one
and one that becomes slow under load. Without bulkheads the calls to the slow
one take all the workers, and the fast one fails with it. With one bulkhead per
dependency it does not. Nothing but loopback is needed. Ctrl-C ends the run early
and prints what there is, with exit code 130.`

func flags(cfg *config) *command.Flags {
	fs := command.New("isolation", about)
	fs.DurationVar(&cfg.duration, "duration", 4*time.Second, "how long each of the two phases sends requests")
	fs.IntVar(&cfg.rate, "rate", 500, "requests per second, on average")
	fs.Uint64Var(&cfg.seed, "seed", 1, "seed of the arrival pattern; the same seed sends the same requests")
	// A run stays within what one machine can send and remember.
	command.Between(fs, "duration", &cfg.duration, 100*time.Millisecond, 10*time.Minute)
	command.Between(fs, "rate", &cfg.rate, 1, 10_000, "requests per second")
	return fs
}
