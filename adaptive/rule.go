package adaptive

import "math"

// figures is what one window measured. Latencies are in nanoseconds.
type figures struct {
	seconds    float64 // duration
	served     int     // outcomes: successes
	overloaded int     // outcomes: overload
	latency    float64 // a high quantile of the successes; 0 if there are none
	spread     float64 // difference of the quantiles on both sides of it, as a share of it
	load       float64 // mean slots in use by measured operations
	fitted     float64 // mean slots in use by operations that succeeded
	contended  bool    // some operation was not admitted immediately
	stalled    bool    // operations are in flight, and none has ended for long
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

// point is a load and the throughput that it had, over one or more windows.
type point struct {
	load    float64
	latency float64
	served  int
	seconds float64
}

// add adds a window with about the same load.
func (p *point) add(f figures) {
	share := f.seconds / (p.seconds + f.seconds)
	p.load += (f.load - p.load) * share
	p.latency += (f.latency - p.latency) * share
	p.served += f.served
	p.seconds += f.seconds
}

func (p point) throughput() float64 { return float64(p.served) / p.seconds }

// distance returns how far the loads of two points are apart, as a logarithm.
func (p point) distance(load float64) float64 { return math.Abs(math.Log(load / p.load)) }

// rule is the state of the decisions. Its next is a function of it, the figures and
// the bounds alone.
type rule struct {
	baseline    float64 // latency of the dependency without queueing; 0: not known yet
	confirmed   bool    // baseline was measured while the dependency did not queue
	background  float64 // share of overload outcomes that does not depend on the limit
	before, now point   // loads that are compared: an earlier one and the present one
	age         int     // decisions since before
	cutFrom     int     // limit before the cuts because of queueing since before; 0: there was none
	settled     int     // decisions without a change of the limit
	grown       int     // decisions to grow, one after the other, because operations did not queue
	cutLatency  float64 // latency at the last decision, if that was a cut because of queueing

	rejecting float64 // share of overload outcomes at the last decision, if that cut because of them; otherwise 0
	rejectFit float64 // load that fitted at that decision
	fits      float64 // load above which the dependency rejected; 0: not known
	pause     int     // decisions until the limit may rise above fits
	patience  int     // pause after the next rejection
	beyond    int     // how far the limit rises above fits the next time

	seen        bool    // a window was judged: the first one is a warm-up
	down        bool    // explore lowers the limit until that costs throughput
	smooth      float64 // latency of the last windows with smoothLimit
	smoothLimit int
}

// bounds is where the limit may be.
type bounds struct {
	min, max int
	healthy  float64 // latency that is too high whatever the baseline is; 0: none
}

// next returns the limit that follows limit, and why.
func (r *rule) next(f figures, limit int, b bounds) (int, Reason) {
	to, reason := r.judge(f, limit, b)
	if reason != Rejected {
		r.rejecting = 0
	}
	return min(max(to, b.min), b.max), reason
}

func (r *rule) judge(f figures, limit int, b bounds) (int, Reason) {
	if f.stalled {
		return limit / 2, Stalled
	}
	if r.rejected(f) {
		return r.cutToFit(f, limit), Rejected
	}
	if f.served < minLatencies {
		return limit, TooFewSamples
	}
	if b.healthy > 0 && f.latency > b.healthy {
		r.forget()
		return cut(f.load*b.healthy/f.latency, limit), TooSlow
	}
	if !r.seen {
		r.seen = true
		return limit, TooFewSamples
	}
	f.latency = r.smoothed(f, limit)
	before := r.before
	g := r.compare(f)
	used := f.contended && f.load >= float64(limit)*usedShare
	r.follow(f, used, g)
	if b.healthy > 0 {
		r.baseline = min(r.baseline, b.healthy)
	}
	if !used {
		return limit, NotUsed
	}
	if r.confirmed && g.flat() && g.load > 0 && f.queue(r.baseline) < lowQueue(f.load) {
		r.confirmed = false // more load brought nothing, and yet the baseline shows no queue
	}
	if !r.confirmed {
		return r.explore(f, limit, b, g, before)
	}
	return r.steer(f, limit, b, g)
}

// smoothed returns the latency of the last windows with the same limit, the last one
// counting most, unless it changed by more than the noise.
func (r *rule) smoothed(f figures, limit int) float64 {
	latency := f.latency
	if r.smooth > 0 && r.smoothLimit == limit && math.Abs(math.Log(latency/r.smooth)) < 2*f.noise() {
		latency = r.smooth * math.Pow(latency/r.smooth, smoothing)
	}
	r.smooth, r.smoothLimit = latency, limit
	return latency
}

// rejected reports whether more operations than usual were rejected by the dependency.
// It learns what is usual: a share that did not fall when the limit was cut to the load
// that fitted is not caused by the load.
func (r *rule) rejected(f figures) bool {
	all := float64(f.served + f.overloaded)
	if all == 0 {
		return false
	}
	share := float64(f.overloaded) / all
	if r.rejecting > 0 && share < maxBackground && share >= 0.8*r.rejecting && f.load <= r.rejectFit+1 {
		r.background = share
		r.fits, r.pause, r.patience = 0, 0, 0
	}
	if share < r.background {
		r.background += followShare * (share - r.background)
	}
	margin := max(minRejected, 3*math.Sqrt(r.background/all))
	if f.overloaded < minOverloaded || share <= r.background+margin {
		return false
	}
	r.rejecting = share
	return true
}

// cutToFit cuts the limit to the load that the dependency served.
func (r *rule) cutToFit(f figures, limit int) int {
	fitted := f.fitted
	r.rejectFit = fitted
	r.forget()
	if fitted < float64(limit)/2 { // an outage says nothing about how much fits
		r.fits, r.pause, r.patience = 0, 0, 0
		return limit / 2
	}
	r.patience = min(max(minPatience, 2*r.patience), maxPatience)
	r.fits, r.pause, r.beyond = math.Round(fitted), r.patience, 1
	return cut(fitted, limit)
}

// cut returns a limit below limit that is near to, and not below half of limit.
func cut(to float64, limit int) int {
	return max(min(int(math.Round(to)), limit-1), limit/2)
}

// forget ends comparisons with the loads until now.
func (r *rule) forget() { r.before, r.now = point{}, point{} }

// gain is what a change of the load did to the throughput.
type gain struct {
	load       float64 // change of the load, as a logarithm
	elasticity float64 // percent of throughput for a percent of load: 1 is a dependency with room, 0 one that is full
	known      bool    // the change was large enough to tell it from noise
	latency    float64 // at the lower of the two loads
	first      bool    // there is nothing to compare with
}

func (g gain) flat() bool    { return g.known && g.elasticity < flat }
func (g gain) elastic() bool { return g.known && g.elasticity >= elastic }

// compare compares the present load with an earlier one. Windows with about the same
// load count together, because each alone is too noisy.
func (r *rule) compare(f figures) gain {
	window := point{f.load, f.latency, f.served, f.seconds}
	switch {
	case f.load <= 0:
		return gain{first: true}
	case r.now.served == 0:
		r.now = window
	case r.now.distance(f.load) < minChange/2:
		if math.Abs(math.Log(window.throughput()/r.now.throughput())) > minChange/2+3*noise(window, r.now) {
			return r.another()
		}
		r.now.add(f)
	default: // the nearest load that differs enough to tell
		far := r.before.served > 0 && r.before.distance(f.load) > r.now.distance(f.load)
		if !far || r.before.distance(f.load) > maxChange || noise(r.now, r.now) <= maxNoise*r.now.distance(f.load) {
			r.before, r.age = r.now, 0
		}
		r.now = window
	}
	if r.age++; r.age > maxAge {
		r.before = point{}
	}
	if r.before.served == 0 {
		return gain{first: true}
	}
	dLoad := math.Log(r.now.load / r.before.load)
	dThroughput := math.Log(r.now.throughput() / r.before.throughput())
	noise := noise(r.now, r.before)
	if math.Abs(dThroughput) > math.Abs(dLoad)+3*noise {
		return r.another()
	}
	known := math.Abs(dLoad) >= minChange && noise <= maxNoise*math.Abs(dLoad)
	lower := r.before
	if dLoad < 0 {
		lower = r.now
	}
	return gain{load: dLoad, elasticity: dThroughput / dLoad, known: known, latency: lower.latency}
}

// another ends comparisons because the load alone cannot have changed the throughput
// so: the dependency is another one than before. The window of the change is none or
// the other, so it is not kept either.
func (r *rule) another() gain {
	r.forget()
	return gain{first: true}
}

// noise returns the standard error of the change of the throughput between two points,
// as a logarithm.
func noise(p, q point) float64 { return math.Sqrt(1/float64(p.served) + 1/float64(q.served)) }

// follow lets the baseline follow the latency: down always, up only if operations do
// not queue in the dependency for sure.
func (r *rule) follow(f figures, used bool, g gain) {
	stable := !f.contended && !g.first && !g.flat() // what arrives is served
	switch down := f.latency / max(1, r.baseline); {
	case r.baseline == 0:
		r.baseline = f.latency
	case down < 1-max(0.2, 3*f.noise()): // another dependency than the one that was measured
		r.baseline = f.latency
		r.confirmed = r.confirmed && !used
	case down < 1-f.noise():
		r.baseline += followDown * (f.latency - r.baseline)
	case down < 1: // noise
	case g.elastic() && g.latency > r.baseline:
		r.baseline += followGain * (g.latency - r.baseline)
	case stable:
		r.baseline += followUp * (f.latency - r.baseline)
	}
	r.confirmed = r.confirmed || stable
}

// explore decides while the baseline is not confirmed: it may have been measured in a
// dependency that was queueing from the first window on. Throughput alone says whether
// the load is too high. before is what f was compared with.
func (r *rule) explore(f figures, limit int, b bounds, g gain, before point) (int, Reason) {
	switch {
	case g.elastic():
		r.confirmed, r.down = true, false
		return r.steer(f, limit, b, g)
	case g.known && g.load > 0: // already the lower load was enough
		r.before, r.now, r.down = before, point{}, true
		return cut(before.load*exploreCut, limit), NoGain
	case g.known, r.down && limit > b.min:
		r.down = true
		return cut(f.load*exploreCut, limit), NoGain
	case limit >= b.max:
		r.down = true
		return cut(float64(limit)*probeCut, limit), Probed
	}
	r.down = false
	return limit + step(float64(limit), exploreStep), Growing
}

// steer decides by the queue in the dependency.
func (r *rule) steer(f figures, limit int, b bounds, g gain) (int, Reason) {
	queue := f.queue(r.baseline)
	low, high := lowQueue(f.load), highQueue(f.load)+f.noise()*f.load
	if r.cutFrom > limit && g.elastic() && g.load < 0 && queue > low {
		r.baseline = f.latency
		if b.healthy > 0 {
			r.baseline = min(r.baseline, b.healthy)
		}
		to := r.cutFrom
		r.cutFrom = 0
		return to, Restored
	}
	if g.known {
		r.cutFrom = 0
	}
	settled, grown, cutLatency := r.settled, r.grown, r.cutLatency
	r.settled, r.grown, r.cutLatency = 0, 0, 0
	switch {
	case queue > high && f.latency < cutLatency*0.95:
		return limit, Settled // some of these operations began before the cut
	case queue > high:
		r.cutLatency = f.latency
		if r.cutFrom == 0 {
			r.cutFrom = limit
		}
		fits := f.load - queue
		return cut(fits+lowQueue(fits), limit), Queueing
	case limit >= b.max:
		return limit, AtMaximum
	case queue < low:
		share := settledStep
		switch {
		case g.elastic():
			share = maxStep
		case grown >= sureAfter: // the first steps may follow from noise
			share = sureStep
		}
		r.grown = grown + 1
		return r.grow(limit, share*(1-queue/low))
	case settled >= settledFor && !g.flat():
		return r.grow(limit, settledStep)
	}
	r.settled = settled + 1
	return limit, Settled
}

// grow raises the limit by a share, and stops for a while at the load above which the
// dependency rejected operations.
func (r *rule) grow(limit int, share float64) (int, Reason) {
	to := limit + step(float64(limit), share)
	if r.fits == 0 || float64(to) <= r.fits {
		return to, Growing
	}
	if r.pause > 0 {
		r.pause--
		if fits := int(r.fits); limit < fits {
			return fits, Growing
		}
		return limit, Pausing
	}
	r.fits, r.pause = float64(limit+r.beyond), pauseBeyond
	r.beyond *= 2
	return int(r.fits), Growing
}

// step returns a share of the limit, at least 1.
func step(limit, share float64) int { return max(1, int(math.Round(limit*share))) }

// lowQueue and highQueue are how many slots may wait in the dependency: below the first
// the limit rises, above the second it falls.
func lowQueue(load float64) float64  { return max(0.5, 0.05*load) }
func highQueue(load float64) float64 { return max(1.25, 0.13*load) }

// The constants of the rule. docs/adaptive.md gives the reason for each.
const (
	minLatencies  = 20   // successes that a window must have to judge latencies
	minOverloaded = 3    // overload outcomes that a window must have to judge them
	minRejected   = 0.02 // share of overload outcomes above the background that counts
	maxBackground = 0.5  // share of overload outcomes that can be independent of the load
	followShare   = 0.2  // weight of a window in the background, downwards
	usedShare     = 0.5  // a limit is used if the mean load is this share of it
	minChange     = 0.12 // change of the load (log) that is compared
	maxChange     = 0.5  // change of the load that is compared at most
	maxNoise      = 0.25 // standard error of an elasticity that is believed
	flat          = 0.5  // elasticity below which a change of the load was of no use
	elastic       = 0.7  // elasticity above which the dependency has room
	maxAge        = 30   // decisions after which a comparison is no longer made
	followDown    = 0.25 // weight of a window in the baseline, downwards
	followUp      = 0.05 // the same, upwards
	followGain    = 0.3  // the same, if more load brought more throughput
	smoothing     = 0.5  // weight of a window in the latency
	exploreCut    = 0.6
	exploreStep   = 0.5
	probeCut      = 0.8
	maxStep       = 0.25 // growth in one window
	minPatience   = 10   // windows without growth after a rejection
	maxPatience   = 160
	pauseBeyond   = 3
	settledFor    = 5
	settledStep   = 0.1
	sureAfter     = 2
	sureStep      = 0.18
)
