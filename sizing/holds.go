package sizing

// holds has the times in flight from which those of operations that never ran are drawn.
type holds struct {
	times []int64
	next  int // index of the oldest one when there are maxHolds
}

// maxHolds is from how many of the last holds a shadow draws.
const maxHolds = 256

// add adds a hold and forgets the oldest one if there are too many.
func (h *holds) add(d int64) {
	if len(h.times) < maxHolds {
		h.times = append(h.times, d)
		return
	}
	h.times[h.next] = d
	h.next = (h.next + 1) % maxHolds
}

// draw returns one of the holds, 0 if there are none. The choice depends on n alone and
// is spread evenly (multiplication by the golden ratio: Knuth, The Art of Computer
// Programming 3, 6.4).
func (h *holds) draw(n uint64) int64 {
	if len(h.times) == 0 {
		return 0
	}
	return h.times[n*0x9E3779B97F4A7C15>>32%uint64(len(h.times))]
}
