package bulk

// How many slots a load needs, by the formulas of A. K. Erlang ("Solution of
// some problems in the theory of probabilities of significance in automatic
// telephone exchanges", 1917). Both assume random (Poisson) arrivals and one
// slot each. B, without a waiting room, holds for holds of any distribution. C
// assumes exponential ones, and a waiting room without end in which everybody
// stays.

const (
	waitingTarget   = 0.05 // the chance of waiting that a load should have at most, with a waiting room
	rejectionTarget = 0.01 // the chance of being turned away, without one

	mostSlots = 1 << 20 // beyond, counting up takes longer than a report should
)

// erlangB returns the chance that an arrival finds all n slots in use and is
// turned away, under the offered load. The recurrence
//
//	B(0) = 1, B(n) = load·B(n−1) / (n + load·B(n−1))
//
// stays within 0 and 1 where factorials and powers would overflow.
func erlangB(n int, load float64) float64 {
	b := 1.0
	for k := 1; k <= n; k++ {
		b = nextB(k, load, b)
	}
	return b
}

// slotsFor returns the smallest number of slots that keeps the chance at the
// target or below it. It is not ok if that is more than anybody has.
func slotsFor(load, target float64, chance formula) (n int, ok bool) {
	b := 1.0
	for n = 1; n <= mostSlots; n++ {
		b = nextB(n, load, b)
		if chance(n, load, b) <= target {
			return n, true
		}
	}
	return 0, false
}

// formula returns a chance from B(n).
type formula func(n int, load, b float64) float64

func itself(_ int, _, b float64) float64 { return b }

func nextB(n int, load, b float64) float64 { return load * b / (float64(n) + load*b) }

// erlangC returns the chance that an arrival finds all n slots in use and must
// wait, under the offered load: 1 if the load is n or more, when the queue
// grows without end.
func erlangC(n int, load float64) float64 { return fromB(n, load, erlangB(n, load)) }

func fromB(n int, load, b float64) float64 {
	if load >= float64(n) {
		return 1
	}
	return float64(n) * b / (float64(n) - load*(1-b))
}
