package peers

import "strings"

// Ability is a set of features of a peer.
type Ability uint16

// The features that a user may expect of a limiter. The tests check that each peer has
// the features that it claims, and lacks the others, as far as behavior shows it.
const (
	Limits    Ability = 1 << iota // never runs more operations concurrently than slots
	Rejects                       // rejects immediately when full, if waiting is not allowed
	Bounds                        // bounds the number of waiting operations
	Orders                        // documents FIFO order
	TimesOut                      // bounds the duration of a wait
	Cancels                       // a ctx can end the wait
	Unwinds                       // a panic of the operation releases its slot
	InPlace                       // runs the operation on the caller's goroutine
	Counts                        // has counters
	Reasons                       // errors distinguish full, timeout and canceled
	Announces                     // calls event handlers
	Resizes                       // the number of slots can change
	Drains                        // can be closed, and waits for operations in flight
	Bundled                       // runs a function, so that the release cannot be forgotten

	everything = Bundled<<1 - 1
)

// gaps describes each ability, and its absence.
var gaps = []struct {
	of   Ability
	gap  string
	have string
}{
	{Limits, "bounds nothing", "limits parallelism"},
	{Rejects, "can't reject immediately", "rejects immediately"},
	{Bounds, "no bound on waiting", "bounds the waiting room"},
	{Orders, "no documented order", "documented FIFO order"},
	{TimesOut, "no wait limit", "wait limit"},
	{Cancels, "ctx can't end a wait", "ctx ends a wait"},
	{Unwinds, "a panic loses the slot", "a panic releases the slot"},
	{InPlace, "runs on another goroutine", "runs on the caller's goroutine"},
	{Counts, "no counters", "counters"},
	{Reasons, "no reasons", "reasons in the error"},
	{Announces, "no events", "events"},
	{Resizes, "no resize", "live resize"},
	{Drains, "can't drain", "close and drain"},
	{Bundled, "release by hand", "runs a function"},
}

// Gaps describes the abilities in needed that are not in a.
func (a Ability) Gaps(needed Ability) []string {
	var missing []string
	for _, g := range gaps {
		if needed&g.of != 0 && a&g.of == 0 {
			missing = append(missing, g.gap)
		}
	}
	return missing
}

// Each yields every ability with its description, in the order of the tables.
func Each(yield func(a Ability, words string) bool) {
	for _, g := range gaps {
		if !yield(g.of, g.have) {
			return
		}
	}
}

// String describes the abilities in a.
func (a Ability) String() string {
	var have []string
	for of, words := range Each {
		if a&of != 0 {
			have = append(have, words)
		}
	}
	return strings.Join(have, ", ")
}
