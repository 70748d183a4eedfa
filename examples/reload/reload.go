package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// open creates the bulkheads. Their capacities stay in effect where the file has no
// other values.
func open() (*registry.Registry, error) {
	r := registry.New(bulk.WaitingRoom(20), bulk.WaitLimit(250*time.Millisecond))
	_, first := r.Create("payments", 4)
	_, second := r.Create("search", 4)
	return r, errors.Join(first, second)
}

// load applies the whole file. If any value is invalid, it changes nothing.
func load(r *registry.Registry, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return r.ApplyJSON(data)
}

// watch loads the file on each hangup, until ctx ends. If the file is invalid, watch
// prints the error and the capacities stay unchanged.
func watch(ctx context.Context, r *registry.Registry, file string, hangups <-chan os.Signal, out io.Writer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if err := load(r, file); err != nil {
				fmt.Fprintf(out, "not reloaded: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
				continue
			}
			fmt.Fprintf(out, "reloaded: %s\n", capacities(r))
		}
	}
}

// capacities returns the capacities of all members in one line.
func capacities(r *registry.Registry) string {
	var all []string
	for label, b := range r.All() {
		c := b.Capacity()
		all = append(all, fmt.Sprintf("%s %d+%d", label, c.Parallelism, c.WaitingRoom))
	}
	return strings.Join(all, ", ")
}
