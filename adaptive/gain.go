package adaptive

import "math"

// point is a load and the throughput that it had, over one or more windows.
type point struct {
	load    float64
	latency float64
	served  int
	seconds float64
	varied  float64 // squared coefficient of variation of the durations, at least 1
}

// add adds a window with about the same load.
func (p *point) add(f figures) {
	share := f.seconds / (p.seconds + f.seconds)
	p.load += (f.load - p.load) * share
	p.latency += (f.latency - p.latency) * share
	p.varied += (max(1, f.varied) - p.varied) * share
	p.served += f.served
	p.seconds += f.seconds
}

func (p point) throughput() float64 { return float64(p.served) / p.seconds }

// distance returns how far the loads of two points are apart, as a logarithm.
func (p point) distance(load float64) float64 { return math.Abs(math.Log(load / p.load)) }

// forget ends comparisons with the loads until now.
func (r *rule) forget() { r.before, r.now = point{}, point{} }

// gain is what a change of the load did to the throughput. It is known if the change
// was large enough to tell it from noise.
type gain struct {
	load    float64 // change of the load, as a logarithm
	from    float64 // the load before
	latency float64 // at the lower of the two loads
	elastic bool    // the throughput changed as the load did: the dependency has room
	flat    bool    // the throughput did not change: the dependency is full
	first   bool    // there is nothing to compare with
}

// compare compares the present load with an earlier one. Windows with about the same
// load count together, because each alone is too noisy.
func (r *rule) compare(f figures) gain {
	window := point{f.load, f.latency, f.served, f.seconds, max(1, f.varied)}
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
		if !far || r.before.distance(f.load) > maxChange || sure*noise(r.now, r.now) <= middle*r.now.distance(f.load) {
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
	g := gain{load: dLoad, from: r.before.load, latency: r.before.latency}
	if dLoad < 0 {
		g.latency = r.now.latency
	}
	if math.Abs(dLoad) < minChange {
		return g
	}
	// 1 is a dependency with room, 0 one that is full: which of them is nearer?
	elasticity, margin := dThroughput/dLoad, sure*noise/math.Abs(dLoad)
	g.flat = elasticity < middle-margin
	g.elastic = elasticity > middle+max(margin, minElastic)
	return g
}

// another ends comparisons because the load alone cannot have changed the throughput
// so: the dependency is another one than before. The window of the change is none or
// the other, so it is not kept either.
func (r *rule) another() gain {
	r.forget()
	return gain{first: true}
}

// noise returns the standard error of the change of the throughput between two points,
// as a logarithm. Operations whose durations vary end more unevenly than random arrivals:
// the variance of their number is that of a renewal process.
func noise(p, q point) float64 {
	return math.Sqrt(p.varied/float64(p.served) + q.varied/float64(q.served))
}
