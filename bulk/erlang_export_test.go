package bulk

// The formulas, for their tests.
var (
	ErlangB = erlangB
	ErlangC = erlangC
)

// SlotsForC returns how many slots keep the chance of waiting at the target.
func SlotsForC(load, target float64) (int, bool) { return slotsFor(load, target, fromB) }

// SlotsForB returns how many slots keep the chance of being turned away at the
// target.
func SlotsForB(load, target float64) (int, bool) { return slotsFor(load, target, itself) }
