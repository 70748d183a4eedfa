package main

import (
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

// config holds the settings of a run.
type config struct {
	file     string
	own      bool // the program made the file, and sends the hangups itself
	duration time.Duration
	workers  int
}

const about = `Reload keeps two bulkheads, payments and search, under load, and reloads their
capacities from a JSON file on each SIGHUP. A file with a mistake changes nothing.
At the end it compares the counts of its workers with those of the bulkheads: no
operation may be lost. Ctrl-C or SIGTERM ends it early, with exit code 130.`

func flags(cfg *config) *command.Flags {
	fs := command.New("reload", about)
	fs.StringVar(&cfg.file, "file", "", "JSON `file` with capacities of payments and search; without it the program makes a temporary file")
	fs.DurationVar(&cfg.duration, "duration", 3*time.Second, "how long to run")
	fs.IntVar(&cfg.workers, "workers", 40, "how many operations run or wait concurrently, half of them for each dependency")
	command.Between(fs, "duration", &cfg.duration, 50*time.Millisecond, 24*time.Hour)
	command.Between(fs, "workers", &cfg.workers, 2, 1000)
	return fs
}
