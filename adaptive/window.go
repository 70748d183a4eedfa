package adaptive

import "time"

// window collects what happens between two decisions. The lock of the limiter is held
// in all its methods.
type window struct {
	start      int64 // instant; 0: no operation yet
	ages       int64 // sum of the ages of the operations in flight at the start
	latencies  histogram
	overloaded int
	ended      int     // operations with any outcome
	hold       int64   // sum of all durations
	servedHold int64   // sum of the durations of successes
	squares    float64 // sum of the squares of these
}

// add counts an operation that ended.
func (w *window) add(o Outcome, hold time.Duration) {
	w.ended++
	w.hold += int64(hold)
	switch o {
	case Success:
		w.latencies.add(hold)
		w.servedHold += int64(hold)
		w.squares += float64(hold) * float64(hold)
	case Overload:
		w.overloaded++
	}
}

// due reports whether the window has enough time and operations. What is enough time
// depends on how long a success takes, and on how long one that is in flight still takes:
// half of (1 + varied) times the mean, by the inspection paradox of renewal processes. It
// counts as at least the mean.
func (w *window) due(now int64, baseline float64) bool {
	age := time.Duration(now - w.start)
	if age < windowTime {
		return false
	}
	usual := baseline
	if n := w.latencies.total; n > 0 {
		usual = max(usual, float64(w.servedHold)/float64(n)*min(maxRest, max(1, (1+w.varied())/2)))
	}
	least := max(windowTime, time.Duration(windowHolds*usual))
	samples := w.latencies.total + w.overloaded
	return age >= least && (samples >= windowSamples || age/windowsAtMost >= least)
}

// stallTime returns for how long nothing may end before the dependency hangs, given
// its usual latency.
func stallTime(usual float64) time.Duration {
	if usual <= 0 { // it is not known what is long
		return noStall
	}
	return max(stallTimeMin, time.Duration(stallHolds*usual))
}

const noStall = 1 << 62

// figures returns what the window measured, as if each operation had one slot. ages is
// the sum of the ages of the operations in flight.
func (w *window) figures(now, ages int64) figures {
	duration := float64(max(1, now-w.start))
	// Each operation was in flight for its duration, but for what it aged before the
	// window, and for what those aged that are still in flight.
	load := max(0, float64(w.hold)+float64(ages)-float64(w.ages)) / duration
	fitted := 0.0
	if w.hold > 0 {
		fitted = load * float64(w.servedHold) / float64(w.hold)
	}
	latency := w.latencies.quantile(latencyRank)
	spread := w.latencies.quantile(latencyRank+latencySide) - w.latencies.quantile(latencyRank-latencySide)
	return figures{
		seconds: duration / float64(time.Second), served: w.latencies.total, overloaded: w.overloaded,
		latency: latency, spread: spread / max(1, latency), load: load, fitted: fitted, varied: w.varied(),
	}
}

// varied returns the squared coefficient of variation of the durations of successes.
func (w *window) varied() float64 {
	n := float64(w.latencies.total)
	if w.servedHold == 0 {
		return 0
	}
	mean := float64(w.servedHold) / n
	return max(0, w.squares/n/(mean*mean)-1)
}
