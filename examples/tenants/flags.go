package main

import (
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

// config holds the settings of a run.
type config struct {
	duration time.Duration // how long each phase sends requests
	quiet    int           // number of quiet tenants
	noise    int           // concurrent requests of the noisy tenant
}

const about = `Tenants starts an HTTP server on loopback and sends it the requests of some quiet
tenants and of a noisy one, twice: first with one bulkhead for all, which the
noisy tenant fills, then with one for each tenant, where it fills only its own.
It uses only loopback. Ctrl-C ends the run early, prints the results so far, and
exits with code 130.`

func flags(cfg *config) *command.Flags {
	fs := command.New("tenants", about)
	fs.DurationVar(&cfg.duration, "duration", 2*time.Second, "how long each of the two phases sends requests")
	fs.IntVar(&cfg.quiet, "quiet", 4, "how many quiet tenants there are")
	fs.IntVar(&cfg.noise, "noise", 60, "how many concurrent requests the noisy tenant sends")
	command.Between(fs, "duration", &cfg.duration, 50*time.Millisecond, 10*time.Minute)
	command.Between(fs, "quiet", &cfg.quiet, 1, 50)
	command.Between(fs, "noise", &cfg.noise, 1, 500)
	return fs
}
