package simdep

import (
	"slices"
	"time"
)

// Goodput returns the operations per second that were served in the seconds.
func Goodput(seconds []Second) float64 {
	n := 0
	for _, s := range seconds {
		n += s.Outcomes[Served]
	}
	return float64(n) / float64(max(1, len(seconds)))
}

// P99 returns the latency that 99 % of the served operations did not exceed.
func P99(seconds []Second) time.Duration {
	var all []time.Duration
	for _, s := range seconds {
		all = append(all, s.Latencies...)
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

// Count returns how many operations ended with an outcome.
func Count(seconds []Second, o Outcome) int {
	n := 0
	for _, s := range seconds {
		n += s.Outcomes[o]
	}
	return n
}

// SettledAfter returns the number of the first second from which on the limit is from
// low to high for good, but for the given share of the seconds after it; -1 if it never
// is. With a share of 0.1 a limit that leaves the range one second in ten is settled.
func SettledAfter(seconds []Second, low, high, share float64) int {
	for i, s := range seconds {
		if !within(s, low, high) {
			continue
		}
		outside := 0
		for _, later := range seconds[i:] {
			if !within(later, low, high) {
				outside++
			}
		}
		if float64(outside) <= share*float64(len(seconds)-i) {
			return i + 1
		}
	}
	return -1
}

func within(s Second, low, high float64) bool {
	return low <= float64(s.Limit) && float64(s.Limit) <= high
}
