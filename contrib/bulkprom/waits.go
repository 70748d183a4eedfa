package bulkprom

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// buckets has the bounds of the buckets of the classic histogram, shortest first. They
// are bounds of bulk.Waits, so that no wait is counted in a wrong bucket. They are the
// same for every bulkhead and never change, because a bucket that appears between two
// scrapes makes rate() wrong.
type buckets struct{ bounds []time.Duration }

// newBuckets returns n buckets for each power of two: a divisor of 8, which is how many
// bulk.Waits has.
func newBuckets(n int) *buckets {
	var b buckets
	for power := time.Duration(1) << 19; power < 1<<34; power *= 2 {
		for i := range n {
			b.bounds = append(b.bounds, power+time.Duration(i+1)*power/time.Duration(n)-1) // the longest wait in the bucket
		}
	}
	return &b
}

// cumulative returns, for each bound, the number of waits that did not exceed it.
func (b *buckets) cumulative(waits bulk.Waits) map[float64]uint64 {
	counts := make([]uint64, len(b.bounds)+1) // the last element counts longer waits
	for longest, n := range waits.Buckets() {
		i, _ := slices.BinarySearch(b.bounds, longest)
		counts[i] += n
	}
	result, sum := make(map[float64]uint64, len(b.bounds)), uint64(0)
	for i, bound := range b.bounds {
		sum += counts[i]
		result[bound.Seconds()] = sum
	}
	return result
}

// waits returns the histogram of the waits.
func (c *Collector) waits(t bulk.Totals, d *prometheus.Desc, values []string) prometheus.Metric {
	count, sum := t.Waits.Count(), t.Wait.Seconds()
	classic := prometheus.MustNewConstHistogram(d, count, sum, c.buckets.cumulative(t.Waits), values...)
	if !c.config.native {
		return classic
	}
	zero, positive := native(t.Waits)
	return both{classic, prometheus.MustNewConstNativeHistogram(d, count, sum, positive, nil, zero,
		nativeSchema, nativeZero, time.Time{}, values...)}
}

// A native histogram of schema 3 has eight buckets for each power of two, of equal width
// in the logarithm: bucket i is for waits above 2^((i−1)/8) s, up to 2^(i/8) s. Waits up
// to nativeZero, in seconds, are counted as 0.
const (
	nativeSchema = 3
	nativeZero   = 1.0 / (1 << 20)
)

// native returns the counts of the buckets of a native histogram. The bounds of
// bulk.Waits are others, so the middle of each of its buckets decides.
func native(waits bulk.Waits) (zero uint64, positive map[int]int64) {
	positive = map[int]int64{}
	for longest, n := range waits.Buckets() {
		width := uint64(1) << max(0, bits.Len64(uint64(longest))-4)
		middle := (float64(longest) - float64(width-1)/2) / float64(time.Second)
		if middle <= nativeZero {
			zero += n
			continue
		}
		positive[int(math.Ceil(math.Log2(middle)*(1<<nativeSchema)))] += int64(n)
	}
	return zero, positive
}

// both is a histogram with classic and native buckets.
type both struct {
	prometheus.Metric
	native prometheus.Metric
}

// Write implements [prometheus.Metric].
func (b both) Write(m *dto.Metric) error {
	var classic dto.Metric
	if err := b.Metric.Write(&classic); err != nil {
		return err
	}
	if err := b.native.Write(m); err != nil {
		return err
	}
	m.Histogram.Bucket = classic.Histogram.Bucket
	m.Histogram.CreatedTimestamp = nil // it is not known
	return nil
}
