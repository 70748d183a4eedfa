package bulk

import (
	"iter"
	"math/bits"
	"time"
)

// Waits is a histogram of waiting times. Its buckets are fixed: whole
// nanoseconds up to 8, from there on eight buckets of equal width in each
// power of two, so that a bucket's bound is off by 12.5 % at the most (the
// layout of HdrHistogram with one significant octal digit). The zero Waits is
// empty. It is immutable and as small to copy as a pointer; compare with Equal.
type Waits struct{ counts *waitCounts }

// waitCounts has room for every duration that is not negative.
type waitCounts [waitBuckets]uint64

const (
	waitBits    = 3 // 2³ buckets in each power of two
	waitBuckets = (63-waitBits)<<waitBits + 1<<waitBits
)

// bucketOf returns the index of the bucket that d falls in.
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	shift := max(bits.Len64(v)-waitBits-1, 0)
	return shift<<waitBits + int(v>>shift)
}

// bucketBound returns the largest duration that falls in bucket i.
func bucketBound(i int) time.Duration {
	if i < 2<<waitBits {
		return time.Duration(i)
	}
	shift := i>>waitBits - 1
	first := uint64(i-shift<<waitBits) << shift
	return time.Duration(first + 1<<shift - 1)
}

// snapshot returns the counts as they are now.
func (c *waitCounts) snapshot() Waits {
	if c == nil {
		return Waits{}
	}
	counts := *c
	return Waits{&counts}
}

// Buckets yields the buckets that aren't empty, shortest first: the longest
// wait that falls in each, and how many did. The counts are not cumulative.
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

// Count returns how many waits there were.
func (w Waits) Count() uint64 {
	var sum uint64
	for _, n := range w.Buckets() {
		sum += n
	}
	return sum
}

// Quantile returns a wait that the share q of all waits did not exceed, by
// nearest rank. The result is the upper bound of the bucket of that wait: never
// below the wait, and at most 12.5 % above it. It can therefore be above
// [Totals].LongestWait, which is exact; the text of a Status and of an Interval
// shows the smaller of the two. It is 0 if there were no waits. q below 0 is taken as 0, above 1 as 1, and
// NaN as 0.
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

// Equal reports whether both have the same counts.
func (w Waits) Equal(v Waits) bool {
	if w.counts == nil || v.counts == nil {
		return w.Count() == v.Count()
	}
	return *w.counts == *v.counts
}
