package bulk

import "time"

// inBubble reports whether now was read inside a testing/synctest bubble.
//
// A channel or timer made in a bubble belongs to it: touching one from outside
// ends the program. A bulkhead made outside may be used in one bubble after
// another, so what it keeps for later must not come from a bubble. No function
// tells where a goroutine runs, but the clock does: outside a bubble every
// reading of time.Now has a monotonic part, inside none has. Round(0) strips
// that part, so only a reading without one is equal to itself afterwards.
func inBubble(now time.Time) bool { return now == now.Round(0) }
