package bulk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// MarshalJSON returns s with the names of its field tags. Characters that cannot
// be printed are escaped.
func (s Status) MarshalJSON() ([]byte, error) {
	type fields Status
	return printableJSON(fields(s))
}

// MarshalJSON returns e with the names of its field tags. Characters that cannot
// be printed are escaped.
func (e Event) MarshalJSON() ([]byte, error) {
	type fields Event
	return printableJSON(fields(e))
}

// MarshalJSON returns r with the names of its field tags, and with the results of
// Severity and Healthy as "severity" and "healthy". Findings is never null.
func (r Report) MarshalJSON() ([]byte, error) {
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	return printableJSON(struct {
		Severity Severity  `json:"severity"`
		Healthy  bool      `json:"healthy"`
		Findings []Finding `json:"findings"`
		Status   Status    `json:"status"`
		Interval *Interval `json:"interval,omitempty"`
	}{r.Severity(), r.Healthy(), r.Findings, r.Status, r.Interval})
}

// UnmarshalJSON reads what MarshalJSON returns. It ignores severity and healthy,
// because they follow from the findings.
func (r *Report) UnmarshalJSON(text []byte) error {
	type fields Report
	if err := json.Unmarshal(text, (*fields)(r)); err != nil {
		return err
	}
	if len(r.Findings) == 0 {
		r.Findings = nil
	}
	return nil
}

// printableJSON is json.Marshal, with escapes for the characters that cannot be
// printed but that json.Marshal does not escape, such as those that change the
// direction of writing. They can occur in strings only.
func printableJSON(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case strconv.IsPrint(r):
			out.Write(text[:size])
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out.Bytes(), nil
}

// waitsBucket is a bucket of Waits in JSON. The fields are pointers to tell 0 from
// absent.
type waitsBucket struct {
	Bound *time.Duration `json:"le_ns"`
	Count *uint64        `json:"count"`
}

// MarshalJSON returns the buckets that are not empty, shortest first, as
// [Waits.Buckets] does: [{"le_ns":1023,"count":2}]. The counts are not cumulative.
func (w Waits) MarshalJSON() ([]byte, error) {
	buckets := []waitsBucket{}
	for bound, n := range w.Buckets() {
		buckets = append(buckets, waitsBucket{&bound, &n})
	}
	return json.Marshal(buckets)
}

// UnmarshalJSON reads what MarshalJSON returns, in any order. It returns a
// [*ConfigError] and leaves w unchanged if a bucket has no bound or no count, if a
// bound is not the upper bound of a bucket, or if the sum of the counts overflows.
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
			return &ConfigError{Field: "waits", Value: *b.Count, Problem: fmt.Sprintf("must be at most %d, because the other buckets have %d", math.MaxUint64-all, all)}
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
