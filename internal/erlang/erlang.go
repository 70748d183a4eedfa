// Package erlang has the formulas of A. K. Erlang ("Solution of some problems in
// the theory of probabilities of significance in automatic telephone exchanges",
// 1917). They tell how many slots an offered load needs: arrivals per second ×
// mean time in flight, in seconds.
//
// Both formulas assume random (Poisson) arrivals and one slot for each
// operation. B is for bulkheads without a waiting room, and holds for times in
// flight of any distribution. C assumes exponential times in flight, and an
// unlimited waiting room that no operation leaves before it is admitted.
package erlang

import "iter"

// maxSlots bounds the time that Slots takes to a few milliseconds.
const maxSlots = 1 << 20

// B yields, for n = 0, 1, 2, …, the probability that an arrival finds all n
// slots in use and is rejected. It yields without end. The recurrence
//
//	B(0) = 1, B(n) = load·B(n−1) / (n + load·B(n−1))
//
// stays between 0 and 1 where factorials and powers would overflow.
func B(load float64) iter.Seq2[int, float64] {
	return func(yield func(int, float64) bool) {
		b := 1.0
		for n := 0; yield(n, b); {
			n++
			b = load * b / (float64(n) + load*b)
		}
	}
}

// C yields, for n = 0, 1, 2, …, the probability that an arrival finds all n
// slots in use and must wait: 1 while the load is n or more, because the queue
// then grows without end. It yields without end.
func C(load float64) iter.Seq2[int, float64] {
	return func(yield func(int, float64) bool) {
		for n, b := range B(load) {
			slots, c := float64(n), 1.0
			if load < slots {
				c = slots * b / (slots - load*(1-b))
			}
			if !yield(n, c) {
				return
			}
		}
	}
}

// Slots returns the smallest n whose probability is at most target. ok is false
// if n would be more than 1,048,576.
func Slots(probabilities iter.Seq2[int, float64], target float64) (n int, ok bool) {
	for n, p := range probabilities {
		if n > maxSlots {
			break
		}
		if p <= target {
			return n, true
		}
	}
	return 0, false
}
