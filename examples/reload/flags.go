package main

import (
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

// config is what can be chosen for a run.
type config struct {
	file     string
	own      bool // the file is the program's, and so are the hangups
	duration time.Duration
	workers  int
}

const about = `Reload keeps two bulkheads, payments and search, under load, and reads their
capacities from a JSON file again on each SIGHUP. A file with a mistake changes
nothing. Ctrl-C or SIGTERM ends it early, with exit code 130. It then compares what
its workers saw with what the bulkheads counted: no operation may be lost.`

func flags(cfg *config) *command.Flags {
	fs := command.New("reload", about)
	fs.StringVar(&cfg.file, "file", "", "JSON `file` with capacities of payments and search; without it the program makes its own")
	fs.DurationVar(&cfg.duration, "duration", 3*time.Second, "how long to work")
	fs.IntVar(&cfg.workers, "workers", 40, "how many operations are on their way at once, half of them for each dependency")
	command.Between(fs, "duration", &cfg.duration, 50*time.Millisecond, 24*time.Hour)
	command.Between(fs, "workers", &cfg.workers, 2, 1000)
	return fs
}
