package bulkprom_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// classicQuantile computes histogram_quantile of Prometheus: it interpolates linearly
// within the bucket of the rank, and returns the highest bound for ranks above it.
func classicQuantile(q float64, h *dto.Histogram) float64 {
	rank, below, lower := q*float64(h.GetSampleCount()), 0.0, 0.0
	for _, b := range h.GetBucket() {
		if math.IsInf(b.GetUpperBound(), 1) {
			break
		}
		if n := float64(b.GetCumulativeCount()); n >= rank && n > below {
			return lower + (b.GetUpperBound()-lower)*(rank-below)/(n-below)
		} else {
			below, lower = n, b.GetUpperBound()
		}
	}
	return lower
}

// nativeQuantile does the same for a native histogram, in which it interpolates the
// logarithm.
func nativeQuantile(q float64, h *dto.Histogram) float64 {
	rank, sum := q*float64(h.GetSampleCount()), float64(h.GetZeroCount())
	if sum >= rank {
		return h.GetZeroThreshold()
	}
	index, count, next := int32(0), int64(0), 0
	for _, span := range h.GetPositiveSpan() {
		index += span.GetOffset()
		for range span.GetLength() {
			count += h.GetPositiveDelta()[next]
			next++
			if sum += float64(count); sum >= rank && count > 0 {
				within := 1 - (sum-rank)/float64(count)
				return math.Exp2((float64(index) - 1 + within) / 8)
			}
			index++
		}
	}
	return math.Inf(1)
}

// setsOfWaits returns waits on and beside the bounds of buckets, and random ones.
func setsOfWaits() [][]time.Duration {
	random := rand.New(rand.NewPCG(1, 2))
	sets := [][]time.Duration{{100 * time.Millisecond, 100 * time.Millisecond, 101 * time.Millisecond}, {1100 * time.Millisecond}}
	for power := time.Duration(1) << 20; power < 1<<34; power *= 2 {
		for i := range time.Duration(8) {
			bound := power + i*power/8
			sets = append(sets, []time.Duration{bound - 1, bound}, []time.Duration{bound - 1})
		}
	}
	for range 50 {
		var set []time.Duration
		for range 1 + random.IntN(40) {
			set = append(set, time.Duration(float64(time.Millisecond)*math.Pow(10, 4*random.Float64()))) // 1 ms to 10 s
		}
		sets = append(sets, set)
	}
	return sets
}

func TestErrorOfAQuantileIsAtMostAsDocumented(t *testing.T) {
	forms := []struct {
		name     string
		option   bulkprom.Option
		quantile func(float64, *dto.Histogram) float64
		most     float64
	}{
		{"1 bucket", bulkprom.Buckets(1), classicQuantile, 1},
		{"2 buckets", bulkprom.Buckets(2), classicQuantile, 0.5},
		{"4 buckets", bulkprom.Buckets(4), classicQuantile, 0.25},
		{"8 buckets", bulkprom.Buckets(8), classicQuantile, 0.125},
		{"native", bulkprom.NativeHistogram(), nativeQuantile, 0.17},
	}
	worst := make([]float64, len(forms))
	for _, set := range setsOfWaits() {
		s := afterWaits(t, set...)
		slices.Sort(set)
		for i, form := range forms {
			h := gatherWaits(t, bulkprom.New(bulkprom.Statuses(func() []bulk.Status { return []bulk.Status{s} }), form.option))
			for _, q := range []float64{0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1} {
				exact := set[max(0, int(math.Ceil(q*float64(len(set))))-1)].Seconds()
				off := math.Abs(form.quantile(q, h)-exact) / exact
				if off > form.most+0.001 {
					t.Errorf("%s: %v: quantile %v is %v s, want %v s", form.name, set, q, form.quantile(q, h), exact)
				}
				worst[i] = max(worst[i], off)
			}
		}
	}
	for i, form := range forms {
		if worst[i] < form.most/4 {
			t.Errorf("%s: the worst error is %.3f: the documented %v is too high", form.name, worst[i], form.most)
		}
	}
}

// gatherWaits returns the waits without HTTP, for many of them.
func gatherWaits(t *testing.T, c *bulkprom.Collector) *dto.Histogram {
	t.Helper()
	metrics := newRegistry(c)
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "bulkhead_wait_seconds" {
			return f.GetMetric()[0].GetHistogram()
		}
	}
	t.Fatal("no waits")
	return nil
}

func TestNativeHistogramIsInAScrapeInProtocolBuffers(t *testing.T) {
	s := afterWaits(t, 100*time.Nanosecond, time.Millisecond, time.Second, time.Second, time.Hour)
	c := bulkprom.New(bulkprom.Statuses(func() []bulk.Status { return []bulk.Status{s} }), bulkprom.NativeHistogram())
	h := waitsOf(t, scrape(t, c, expfmt.TypeProtoDelim))
	if h.GetSampleCount() != 5 || h.GetZeroCount() != 1 || h.GetSchema() != 3 || len(h.GetBucket()) < 60 || h.CreatedTimestamp != nil {
		t.Errorf("%v", h)
	}
	total, count := h.GetZeroCount(), int64(0)
	for _, delta := range h.GetPositiveDelta() {
		count += delta
		total += uint64(count)
	}
	if total != 5 {
		t.Errorf("the buckets have %d waits", total)
	}
	if h := waitsOf(t, scrape(t, c, expfmt.TypeTextPlain)); h.GetSampleCount() != 5 || len(h.GetBucket()) < 60 {
		t.Errorf("%v", h)
	}
	empty := waitsOf(t, scrape(t, bulkprom.New(bulkprom.Statuses(func() []bulk.Status { return []bulk.Status{{ID: 1, Label: "idle"}} }), bulkprom.NativeHistogram()), expfmt.TypeProtoDelim))
	if empty.GetSampleCount() != 0 || len(empty.GetPositiveSpan()) == 0 && empty.GetZeroThreshold() == 0 {
		t.Errorf("an empty histogram is not native: %v", empty)
	}
}

func TestNumberOfBucketsNeverChanges(t *testing.T) {
	for n, want := range map[int]int{1: 16, 2: 31, 4: 61, 8: 121} {
		for _, s := range []bulk.Status{{ID: 1, Label: "idle"}, afterWaits(t, time.Microsecond, time.Second, time.Hour)} {
			h := waitsOf(t, scrape(t, bulkprom.New(bulkprom.Statuses(func() []bulk.Status { return []bulk.Status{s} }), bulkprom.Buckets(n)), expfmt.TypeTextPlain))
			if got := len(h.GetBucket()); got != want {
				t.Errorf("%d buckets for each power of two: %d buckets, want %d", n, got, want)
			}
		}
	}
}

func TestWaitsOutsideTheBoundsAreCounted(t *testing.T) {
	h := gatherWaits(t, of(afterWaits(t, time.Microsecond, 10*time.Microsecond, time.Second, time.Hour)))
	b := h.GetBucket()
	if first, last := b[0].GetCumulativeCount(), b[len(b)-1].GetCumulativeCount(); first != 2 || last != 3 || h.GetSampleCount() != 4 {
		t.Errorf("%d in the first bucket, %d up to the last, %d in total", first, last, h.GetSampleCount())
	}
	if want := 3601.000011; math.Abs(h.GetSampleSum()-want) > 1e-9 {
		t.Errorf("sum %v, want %v", fmt.Sprint(h.GetSampleSum()), want)
	}
}
