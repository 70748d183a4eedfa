package adaptive

import (
	"math/bits"
	"time"
)

// The histogram of latencies has 16 buckets for each power of two: a bucket is at most
// 1/16 of its bound wide, and a quantile is interpolated inside it.
const (
	subBits = 4
	buckets = (64 - subBits) << subBits
)

// histogram counts the latencies of one window. Its size is fixed (4 kB), whatever the
// latencies are.
type histogram struct {
	counts [buckets]uint32
	total  int
}

// bucketOf returns the bucket of a latency, which is not negative.
func bucketOf(d time.Duration) int {
	v := uint64(d)
	if v < 1<<subBits {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return shift<<subBits + int(v>>shift)
}

// bucketFrom returns the lowest latency of a bucket, in nanoseconds.
func bucketFrom(i int) float64 {
	if i < 1<<subBits {
		return float64(i)
	}
	shift := i>>subBits - 1
	return float64(uint64(i-shift<<subBits) << shift)
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
}

// quantile returns a latency in nanoseconds that the share q of the latencies does not
// exceed, or 0 if there are none. It is off by at most 1/16.
func (h *histogram) quantile(q float64) float64 {
	rank := q * float64(h.total)
	below := 0.0
	for i, n := range h.counts {
		if n == 0 {
			continue
		}
		if below+float64(n) >= rank {
			from := bucketFrom(i)
			width := 1.0
			if i >= 1<<subBits {
				width = float64(uint64(1) << (i>>subBits - 1))
			}
			return from + width*(rank-below)/float64(n)
		}
		below += float64(n)
	}
	return 0
}
