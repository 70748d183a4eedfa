package adaptive

import "math"

// figures is what one window measured. Latencies are in nanoseconds.
type figures struct {
	seconds    float64 // duration
	served     int     // outcomes: successes
	overloaded int     // outcomes: overload
	latency    float64 // a high quantile of the successes; 0 if there are none
	spread     float64 // difference of the quantiles on both sides of it, as a share of it
	varied     float64 // squared coefficient of variation of the durations of successes
	load       float64 // mean slots in use by measured operations
	fitted     float64 // mean slots in use by operations that succeeded
	contended  bool    // some operation was not admitted immediately
	stalled    bool    // operations are in flight, and none has ended for long
	oversized  bool    // an operation was rejected because it asked for more slots than the limit
	largest    int     // slots of the largest operation of which that was ever true
	joined     bool    // a member of a fleet sets the parallelism
	size       int     // mean slots of the operations in flight, rounded up
}

// noise is the standard error of the latency as a share of it: √(p(1−p)/n)/f for a
// quantile of rank p, where the density f is taken from the quantiles on both sides.
func (f figures) noise() float64 {
	density := 2 * latencySide / max(f.spread, minSpread)
	return math.Sqrt(latencyRank*(1-latencyRank)/float64(max(1, f.served))) / density
}

// queue is how many of the slots in use wait inside the dependency: the estimate of
// TCP Vegas.
func (f figures) queue(baseline float64) float64 {
	return max(0, f.load*(1-baseline/f.latency))
}
