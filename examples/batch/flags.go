package main

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

// config selects the items to process: the items in also, then from, from+1, …,
// items-1.
type config struct {
	items, parallelism, from int
	also                     []int
}

const about = `Batch computes the checksums of many small records, a few of them concurrently,
in constant memory. Ctrl-C ends the run early with exit code 130. Items that have
started finish, and the flags with which to resume are printed.`

const maxItems = 100_000_000

func flags(cfg *config) *command.Flags {
	fs := command.New("batch", about)
	fs.IntVar(&cfg.items, "items", 100_000, "how many items there are, numbered from 0")
	fs.IntVar(&cfg.parallelism, "parallelism", 8, "how many items are processed concurrently")
	fs.IntVar(&cfg.from, "from", 0, "the first item")
	fs.Func("also", "`items` before -from that are processed too, as in 17,23", func(list string) (err error) {
		cfg.also, err = numbersOf(list)
		return err
	})
	command.Between(fs, "items", &cfg.items, 1, maxItems)
	command.Between(fs, "parallelism", &cfg.parallelism, 1, 1000)
	fs.Check(func() error {
		if cfg.from < 0 || cfg.from > max(0, cfg.items) {
			return fmt.Errorf("-from %d: must be from 0 to %d, the number of items", cfg.from, max(0, cfg.items))
		}
		return nil
	})
	fs.Check(func() error {
		for i, item := range cfg.also {
			if item < 0 || item >= cfg.from {
				return fmt.Errorf("-also %d: must be from 0 to below %d, the value of -from", item, cfg.from)
			}
			if slices.Contains(cfg.also[:i], item) {
				return fmt.Errorf("-also %d: must be given only once", item)
			}
		}
		return nil
	})
	return fs
}

func numbersOf(list string) ([]int, error) {
	var all []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// all yields the items.
func (c config) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, item := range c.also {
			if !yield(item) {
				return
			}
		}
		numbers(c.from, c.items)(yield)
	}
}

// after returns the items that remain to be processed after a run with the result t.
func (c config) after(t tally) config {
	also := min(t.pulled(), len(c.also))
	c.from += t.pulled() - also
	c.also = slices.Concat(t.left, c.also[also:])
	return c
}

// String returns the flags that parse to c.
func (c config) String() string {
	s := fmt.Sprintf("-items %d -parallelism %d -from %d", c.items, c.parallelism, c.from)
	if len(c.also) > 0 {
		var texts []string
		for _, item := range c.also {
			texts = append(texts, strconv.Itoa(item))
		}
		s += " -also " + strings.Join(texts, ",")
	}
	return s
}
