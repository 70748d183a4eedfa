package main

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// own holds the contents of the temporary file: the first at the start, then one for
// each hangup. The third one has a mistake.
var own = []string{
	`{"payments": {"parallelism": 4}}`,
	`{"payments": {"parallelism": 16, "waiting_room": 30}, "search": {"parallelism": 1}}`,
	`{"payments": {"paralelism": 2}}`,
	`{"payments": {"parallelism": 1}, "search": {"parallelism": 10, "wait_limit": "1s"}}`,
}

func ownFile() (file string, clean func(), err error) {
	dir, err := os.MkdirTemp("", "reload")
	if err != nil {
		return "", nil, err
	}
	file = filepath.Join(dir, "capacities.json")
	return file, func() { _ = os.RemoveAll(dir) }, write(file, own[0])
}

// write replaces the file atomically, so that a reader gets the old content or the
// new one.
func write(file, text string) error {
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// hangup is syscall.SIGHUP, which has no name on js/wasm.
const hangup = syscall.Signal(1)

// hangUp replaces the file and sends a hangup several times, evenly spread over
// cfg.duration.
func hangUp(ctx context.Context, cfg config, hangups chan<- os.Signal) {
	each := time.NewTicker(cfg.duration / time.Duration(len(own)))
	defer each.Stop()
	for _, text := range own[1:] {
		select {
		case <-ctx.Done():
			return
		case <-each.C:
		}
		if write(cfg.file, text) != nil {
			return // the directory was removed: the program is ending
		}
		select {
		case <-ctx.Done():
			return
		case hangups <- hangup:
		}
	}
}
