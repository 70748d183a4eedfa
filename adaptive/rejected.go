package adaptive

import "math"

// rejected reports whether more operations than usual were rejected by the dependency.
// It learns what is usual: a share that did not fall when the limit was cut to the load
// that fitted is not caused by the load.
func (r *rule) rejected(f figures) bool {
	all := float64(f.served + f.overloaded)
	if all == 0 {
		return false
	}
	share := float64(f.overloaded) / all
	if r.rejecting > 0 && share < maxBackground && share >= sameShare*r.rejecting && f.load <= r.rejectFit+1 {
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
