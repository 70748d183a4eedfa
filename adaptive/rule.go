package adaptive

import "math"

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
	slow        bool    // too many operations queued in the last window too
	cutLatency  float64 // latency at the last decision, if that was a full cut because of queueing

	rejecting float64 // share of overload outcomes at the last decision, if that cut because of them; otherwise 0
	rejectFit float64 // load that fitted at that decision
	fits      float64 // load above which the dependency rejected; 0: not known
	pause     int     // decisions until the limit may rise above fits
	patience  int     // pause after the next rejection
	beyond    int     // how far the limit rises above fits the next time

	seen        bool    // a window was judged: the first one is a warm-up
	held        int     // windows in which explore waited for more samples
	down        bool    // explore lowers the limit until that costs throughput
	smooth      float64 // latency of the last windows with smoothLimit
	smoothLimit int
}

// bounds is where the limit may be.
type bounds struct {
	min, max int
	healthy  float64 // latency that is too high whatever the baseline is; 0: none
	fixed    bool    // the limit is not set, so that only the traffic changes the load
}

// next returns the limit that follows limit, and why. It changes f to what the decision
// rests on.
func (r *rule) next(f *figures, limit int, b bounds) (int, Reason) {
	to, reason := r.judge(f, limit, b)
	if reason != Rejected {
		r.rejecting = 0
	}
	return min(max(to, b.min), b.max), reason
}

func (r *rule) judge(window *figures, limit int, b bounds) (int, Reason) {
	f := *window
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
	window.latency = f.latency
	before := r.before
	g := r.compare(f)
	used := f.contended && f.load >= float64(limit)*usedShare
	g.elastic = g.elastic && !b.fixed // the traffic changed the load, and a window in which it does is no steady state
	r.follow(f, used, g)
	if b.healthy > 0 {
		r.baseline = min(r.baseline, b.healthy)
	}
	if !used {
		return limit, NotUsed
	}
	if r.confirmed && g.flat && g.load > 0 && f.queue(r.baseline) < lowQueue(f.load) {
		r.confirmed = false // more load brought nothing, and yet the baseline shows no queue
	}
	switch {
	case r.confirmed:
		return r.steer(f, limit, b, g)
	case b.fixed:
		return limit, NotConfirmed
	}
	return r.explore(f, limit, b, g, before)
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

// cut returns a limit below limit that is near to, and not below half of limit.
func cut(to float64, limit int) int {
	return max(min(int(math.Round(to)), limit-1), limit/2)
}

// follow lets the baseline follow the latency: down always, up only if operations do
// not queue in the dependency for sure.
func (r *rule) follow(f figures, used bool, g gain) {
	stable := !f.contended && !g.first && !g.flat // what arrives is served
	switch down := f.latency / max(1, r.baseline); {
	case r.baseline == 0:
		r.baseline = f.latency
	case down < 1-max(otherDown, 3*f.noise()): // another dependency than the one that was measured
		r.baseline = f.latency
		r.confirmed = r.confirmed && !used
	case down < 1-f.noise():
		r.baseline += followDown * (f.latency - r.baseline)
	case down < 1: // noise
	case g.elastic && g.latency > r.baseline:
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
	case g.elastic && g.load < 0: // the load before was not too high
		r.confirmed, r.down = true, false
		r.baseline = min(r.baseline, f.latency)
		return int(math.Round(g.from)), Restored
	case g.elastic:
		r.confirmed, r.down = true, false
		return r.steer(f, limit, b, g)
	case g.flat && g.load > 0: // already the lower load was enough
		r.before, r.now, r.down, r.held = before, point{}, true, 0
		return cut(before.load*exploreCut, limit), NoGain
	case r.down && !g.flat && !g.first && r.held < holdFor: // more windows with this load will tell
		r.held++
		return limit, TooFewSamples
	case g.flat, r.down && limit > b.min:
		r.down, r.held = true, 0
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
	if r.cutFrom > limit && g.elastic && g.load < 0 && queue > low {
		r.baseline = f.latency
		if b.healthy > 0 {
			r.baseline = min(r.baseline, b.healthy)
		}
		to := r.cutFrom
		r.cutFrom = 0
		return to, Restored
	}
	if g.flat || g.elastic {
		r.cutFrom = 0
	}
	settled, grown, cutLatency, slow := r.settled, r.grown, r.cutLatency, r.slow
	r.settled, r.grown, r.cutLatency, r.slow = 0, 0, 0, queue > high
	switch {
	case queue > high && f.latency < cutLatency*mixed && !b.fixed:
		return limit, Settled // some of these operations began before the cut
	case queue > high:
		if r.cutFrom == 0 {
			r.cutFrom = limit
		}
		fits := f.load - queue
		to := cut(fits+lowQueue(fits), limit)
		if !slow { // one slow window can be a hiccup
			return max(to, cut(firstCut*float64(limit), limit)), Queueing
		}
		r.cutLatency = f.latency
		return to, Queueing
	case limit >= b.max:
		return limit, AtMaximum
	case queue < low:
		share := firstStep
		switch {
		case g.elastic:
			share = maxStep
		case grown >= 2*sureAfter:
			share = maxStep
		case grown >= sureAfter: // the first steps may follow from noise
			share = sureStep
		}
		r.grown = grown + 1
		return r.grow(limit, share*(1-queue/low))
	case settled >= settledFor && !g.flat && !b.fixed: // a limit that is not set tries nothing
		to, reason := r.grow(limit, settledStep)
		if reason == Growing {
			reason = Trying
		}
		return to, reason
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
	if r.beyond < limit { // a limit that is only observed does not follow
		r.beyond *= 2
	}
	return int(r.fits), Growing
}

// step returns a share of the limit, at least 1.
func step(limit, share float64) int { return max(1, int(math.Round(limit*share))) }
