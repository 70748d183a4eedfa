package bulk

import (
	"iter"
	"math/bits"
	"time"
)

// Waits is a histogram of waits. Its buckets are fixed: one for each nanosecond up
// to 15, then eight of equal width for each power of two, so that a wait is known
// to within 12.5 % (the layout of HdrHistogram with one significant octal digit).
// The zero Waits is empty. Waits is immutable and as small to copy as a pointer.
// Compare with Equal, not with ==.
//
// The JSON form is the list of the buckets that are not empty, shortest first:
// [{"le_ns":1023,"count":2}].
type Waits struct{ counts *waitCounts }

// waitCounts has a bucket for every duration that is not negative.
type waitCounts [waitBuckets]uint64

const (
	waitBits    = 3 // 2³ buckets for each power of two
	waitBuckets = (63-waitBits)<<waitBits + 1<<waitBits
)

// bucketOf returns the index of the bucket of d.
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	shift := max(bits.Len64(v)-waitBits-1, 0)
	return shift<<waitBits + int(v>>shift)
}

// bucketBound returns the longest duration in bucket i.
func bucketBound(i int) time.Duration {
	if i < 2<<waitBits {
		return time.Duration(i)
	}
	shift := i>>waitBits - 1
	first := uint64(i-shift<<waitBits) << shift
	return time.Duration(first + 1<<shift - 1)
}

// snapshot returns a copy of the counts.
func (c *waitCounts) snapshot() Waits {
	if c == nil {
		return Waits{}
	}
	counts := *c
	return Waits{&counts}
}

// histogram is [hooks.Histogram].
func histogram() (count func(time.Duration), snapshot func() Waits) {
	var counts *waitCounts // made at the first wait, as that of a bulkhead
	count = func(d time.Duration) {
		if counts == nil {
			counts = new(waitCounts)
		}
		counts[bucketOf(d)]++
	}
	return count, func() Waits { return counts.snapshot() }
}

// Buckets yields the buckets that are not empty, shortest first: the longest wait
// of the bucket, and the count of its waits. The counts are not cumulative.
func (w Waits) Buckets() iter.Seq2[time.Duration, uint64] {
	return func(yield func(time.Duration, uint64) bool) {
		if w.counts == nil {
			return
		}
		for i, n := range w.counts {
			if n > 0 && !yield(bucketBound(i), n) {
				return
			}
		}
	}
}

// Count returns the number of waits.
func (w Waits) Count() uint64 {
	var sum uint64
	for _, n := range w.Buckets() {
		sum += n
	}
	return sum
}

// Quantile returns the wait that the share q of all waits does not exceed, by
// nearest rank. The result is the longest wait of a bucket: never below the exact
// quantile, and at most 12.5 % above it. It can therefore be above
// [Totals].LongestWait, which is exact; the text forms of Status and Interval show
// the smaller of the two. It is 0 if there are no waits. q below 0 or NaN counts
// as 0, q above 1 as 1.
func (w Waits) Quantile(q float64) time.Duration {
	count := w.Count()
	rank := nearestRank(q, count)
	var sum uint64
	for bound, n := range w.Buckets() {
		if sum += n; sum >= rank {
			return bound
		}
	}
	return 0
}

// nearestRank returns ⌈q·count⌉, at least 1 and at most count.
func nearestRank(q float64, count uint64) uint64 {
	if !(q > 0) {
		return 1
	}
	if q >= 1 {
		return count
	}
	exact := q * float64(count)
	rank := uint64(exact)
	if float64(rank) < exact {
		rank++
	}
	return min(max(rank, 1), count)
}

// Equal reports whether w and v have the same counts.
func (w Waits) Equal(v Waits) bool {
	if w.counts == nil || v.counts == nil {
		return w.Count() == v.Count()
	}
	return *w.counts == *v.counts
}

// minus returns the waits of w without those of v.
func (w Waits) minus(v Waits) Waits {
	if w.counts == nil || v.counts == nil {
		return w
	}
	counts, empty := *w.counts, true
	for i := range counts {
		counts[i] = monus(counts[i], v.counts[i])
		empty = empty && counts[i] == 0
	}
	if empty {
		return Waits{}
	}
	return Waits{&counts}
}

// longestAtLeast returns the shortest duration in the bucket of the longest wait,
// 0 if there are no waits.
func (w Waits) longestAtLeast() time.Duration {
	last := 0
	for bound := range w.Buckets() {
		last = bucketOf(bound)
	}
	if last == 0 {
		return 0
	}
	return bucketBound(last-1) + 1
}

// waitsSum adds histograms. It makes a copy only if more than one of them has
// waits.
type waitsSum struct {
	sum Waits
	own bool // sum is a copy of its own
}

// addLive adds counts that can change later.
func (s *waitsSum) addLive(counts *waitCounts) {
	if counts != nil && s.sum.counts == nil {
		s.sum, s.own = counts.snapshot(), true
		return
	}
	s.add(Waits{counts})
}

func (s *waitsSum) add(w Waits) {
	switch {
	case w.counts == nil:
	case s.sum.counts == nil:
		s.sum = w
	default:
		if !s.own {
			s.sum, s.own = s.sum.counts.snapshot(), true
		}
		sum := s.sum.counts // a local variable, because this loop is what a Status of many keys costs
		for i, n := range w.counts {
			sum[i] += n
		}
	}
}
