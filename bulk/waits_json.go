package bulk

import (
	"encoding/json"
	"time"
)

// waitsBucket is a bucket in JSON: so many waits, none longer than this, and
// each longer than the bound of the bucket before.
type waitsBucket struct {
	Bound time.Duration `json:"le_ns"`
	Count uint64        `json:"count"`
}

// MarshalJSON returns the buckets that aren't empty, shortest first, like
// [Waits.Buckets]: [{"le_ns":1023,"count":2}]. The counts are not cumulative.
func (w Waits) MarshalJSON() ([]byte, error) {
	buckets := []waitsBucket{}
	for bound, n := range w.Buckets() {
		buckets = append(buckets, waitsBucket{bound, n})
	}
	return json.Marshal(buckets)
}

// UnmarshalJSON reads what MarshalJSON returns. A bound that is not that of a
// bucket is a [*ConfigError] and leaves w as it was.
func (w *Waits) UnmarshalJSON(text []byte) error {
	var buckets []waitsBucket
	if err := json.Unmarshal(text, &buckets); err != nil {
		return &ConfigError{Field: "waits", Value: brief(text), Problem: `must be a list of buckets like {"le_ns":1023,"count":2}`}
	}
	if len(buckets) == 0 {
		*w = Waits{}
		return nil
	}
	counts := new(waitCounts)
	for _, b := range buckets {
		i := bucketOf(b.Bound)
		if b.Bound != bucketBound(i) {
			return &ConfigError{Field: "waits", Value: b.Bound, Problem: "must be the upper bound of a bucket"}
		}
		counts[i] += b.Count
	}
	*w = Waits{counts}
	return nil
}
