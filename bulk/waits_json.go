package bulk

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// waitsBucket is a bucket in JSON: so many waits, none longer than this, and
// each longer than the bound of the bucket before. Pointers tell 0 from what is
// not there.
type waitsBucket struct {
	Bound *time.Duration `json:"le_ns"`
	Count *uint64        `json:"count"`
}

// MarshalJSON returns the buckets that aren't empty, shortest first, like
// [Waits.Buckets]: [{"le_ns":1023,"count":2}]. The counts are not cumulative.
func (w Waits) MarshalJSON() ([]byte, error) {
	buckets := []waitsBucket{}
	for bound, n := range w.Buckets() {
		buckets = append(buckets, waitsBucket{&bound, &n})
	}
	return json.Marshal(buckets)
}

// UnmarshalJSON reads what MarshalJSON returns, in any order. A bucket without
// its bound or its count, a bound that is not that of a bucket, and more waits
// than can be counted are a [*ConfigError] and leave w as it was.
func (w *Waits) UnmarshalJSON(text []byte) error {
	var buckets []waitsBucket
	err := json.Unmarshal(text, &buckets)
	if err != nil || slices.ContainsFunc(buckets, func(b waitsBucket) bool { return b.Bound == nil || b.Count == nil }) {
		return &ConfigError{Field: "waits", Value: brief(text), Problem: `must be a list of buckets like {"le_ns":1023,"count":2}`}
	}
	counts, all := new(waitCounts), uint64(0)
	for _, b := range buckets {
		i := bucketOf(*b.Bound)
		if bound := bucketBound(i); *b.Bound != bound {
			return &ConfigError{Field: "waits", Value: *b.Bound, Problem: fmt.Sprintf("must be the upper bound of a bucket, such as %d ns", bound)}
		}
		if *b.Count > math.MaxUint64-all {
			return &ConfigError{Field: "waits", Value: *b.Count, Problem: fmt.Sprintf("must be at most %d, with %d counted before", math.MaxUint64-all, all)}
		}
		all += *b.Count
		counts[i] += *b.Count
	}
	*w = Waits{}
	if all > 0 {
		*w = Waits{counts}
	}
	return nil
}
