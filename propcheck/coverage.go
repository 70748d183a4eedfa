package propcheck

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// coverage counts how often each corner was reached, over many sequences.
type coverage struct {
	mu        sync.Mutex
	counts    map[string]int
	sequences int
	steps     int
	tried     int
}

// tally counts for one sequence. A nil tally counts nothing.
type tally struct {
	counts map[string]int
	steps  int
	tried  int // the most orders in one step
}

// newTally returns the tally for one sequence, and what takes it in at the end. A
// nil coverage has a nil one.
func (c *coverage) newTally() (t *tally, end func()) {
	if c == nil {
		return nil, func() {}
	}
	t = &tally{counts: make(map[string]int)}
	return t, func() { c.add(t) }
}

func (t *tally) hit(corner string) {
	if t != nil {
		t.counts[corner]++
	}
}

// add takes in what was reached in one sequence.
func (c *coverage) add(t *tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]int)
	}
	for corner, n := range t.counts {
		c.counts[corner] += n
	}
	c.sequences++
	c.steps += t.steps
	c.tried = max(c.tried, t.tried)
}

// missing returns which of the corners were never reached.
func (c *coverage) missing(corners []string) []string {
	return slices.DeleteFunc(slices.Clone(corners), func(corner string) bool { return c.counts[corner] > 0 })
}

func (c *coverage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sequences", c.sequences)
	if c.steps > 0 {
		fmt.Fprintf(&b, ", %d steps, at most %d orders in one step", c.steps, c.tried)
	}
	b.WriteByte('\n')
	for _, corner := range slices.Sorted(maps.Keys(c.counts)) {
		fmt.Fprintf(&b, "%9d  %s\n", c.counts[corner], corner)
	}
	return b.String()
}
