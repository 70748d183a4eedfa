package peers

import "strings"

// Ability is a set of things that a peer can do.
type Ability uint16

// What a user may expect of the thing that limits parallelism. The tests check
// each claim, both ways, as far as it shows in behaviour.
const (
	Limits    Ability = 1 << iota // never more at once than there are slots
	Rejects                       // turns away at once when full
	Bounds                        // bounds how many wait
	Orders                        // promises first come, first served
	TimesOut                      // bounds how long one waits
	Cancels                       // a ctx ends the wait
	Unwinds                       // a panic of the operation frees its slot
	InPlace                       // runs the operation on the caller's goroutine
	Counts                        // counts what happened
	Reasons                       // an error that tells full, timeout and canceled apart
	Announces                     // calls handlers on what happens
	Resizes                       // the number of slots can change
	Drains                        // can be closed and waited for
	Bundled                       // runs a function, so that a release can't be forgotten

	everything = Bundled<<1 - 1
)

// gaps are the words for an ability that isn't there.
var gaps = []struct {
	of   Ability
	gap  string
	have string
}{
	{Limits, "bounds nothing", "limits parallelism"},
	{Rejects, "can't turn away at once", "turns away at once"},
	{Bounds, "no bound on waiting", "bounds the waiting room"},
	{Orders, "promises no order", "promises first come, first served"},
	{TimesOut, "no wait limit", "wait limit"},
	{Cancels, "ctx can't end a wait", "ctx ends a wait"},
	{Unwinds, "a panic loses the slot", "a panic frees the slot"},
	{InPlace, "runs on another goroutine", "runs on the caller's goroutine"},
	{Counts, "no counters", "counters"},
	{Reasons, "no reasons", "reasons in the error"},
	{Announces, "no events", "events"},
	{Resizes, "no resize", "live resize"},
	{Drains, "can't drain", "close and drain"},
	{Bundled, "release by hand", "runs a function"},
}

// Gaps names what of needed is not in a.
func (a Ability) Gaps(needed Ability) []string {
	var missing []string
	for _, g := range gaps {
		if needed&g.of != 0 && a&g.of == 0 {
			missing = append(missing, g.gap)
		}
	}
	return missing
}

// Each yields every ability with its words, in the order of tables.
func Each(yield func(a Ability, words string) bool) {
	for _, g := range gaps {
		if !yield(g.of, g.have) {
			return
		}
	}
}

// String names what is in a.
func (a Ability) String() string {
	var have []string
	for of, words := range Each {
		if a&of != 0 {
			have = append(have, words)
		}
	}
	return strings.Join(have, ", ")
}
