package bulk

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/internal/object"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// MarshalJSON returns s with the names of its field tags. Characters that cannot
// be printed are escaped.
func (s Status) MarshalJSON() ([]byte, error) {
	type fields Status
	return safetext.JSON(fields(s))
}

// MarshalJSON returns e with the names of its field tags. Characters that cannot
// be printed are escaped. Only a resized event has "previous".
func (e Event) MarshalJSON() ([]byte, error) {
	type fields Event
	text := struct {
		fields
		Previous *Capacity `json:"previous,omitempty"`
	}{fields: fields(e)}
	if e.Kind == EventResized {
		text.Previous = &e.Previous
	}
	return safetext.JSON(text)
}

// MarshalJSON returns r with the names of its field tags, and with the results of
// Severity and Healthy as "severity" and "healthy". Findings is never null.
func (r Report) MarshalJSON() ([]byte, error) {
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	return safetext.JSON(struct {
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

// waitsBucket is a bucket of Waits in JSON. The fields are pointers to tell 0 from
// absent.
type waitsBucket struct {
	Bound *time.Duration `json:"le_ns"` // the longest wait of the bucket
	Count *uint64        `json:"count"` // the number of waits in it
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

// MarshalJSON returns the form of configuration files:
//
//	{"parallelism":10,"waiting_room":50,"wait_limit":"250ms"}
//
// wait_limit, delay_target and delay_interval are omitted if they are 0. The
// parallelism of an unlimited bulkhead is "unlimited".
func (c Capacity) MarshalJSON() ([]byte, error) {
	var parallelism any = c.Parallelism
	if c.Parallelism == Unlimited {
		parallelism = unlimited
	}
	return json.Marshal(struct {
		Parallelism   any    `json:"parallelism"`
		WaitingRoom   int    `json:"waiting_room"`
		WaitLimit     string `json:"wait_limit,omitempty"`
		DelayTarget   string `json:"delay_target,omitempty"`
		DelayInterval string `json:"delay_interval,omitempty"`
	}{parallelism, c.WaitingRoom, optional(c.WaitLimit), optional(c.DelayTarget), optional(c.DelayInterval)})
}

// unlimited is Unlimited in JSON and text.
const unlimited = "unlimited"

// optional returns d as text, or nothing if it is 0.
func optional(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// UnmarshalJSON reads the form of MarshalJSON. Absent fields are left unchanged:
// decode into the present capacity to change a part of it, or into a new Capacity
// to set absent fields to 0. A duration of "0s" is none.
//
// An unknown name, a name that occurs twice, a value of the wrong type and bytes
// that are not UTF-8 are errors. Each is a [*ConfigError]; all of them are joined,
// and c is unchanged.
// UnmarshalJSON does not check whether the values are allowed:
// [Capacity.Validate], [New] and [Bulkhead.SetCapacity] do.
func (c *Capacity) UnmarshalJSON(text []byte) error {
	if string(text) == "null" { // as everywhere in encoding/json
		return nil
	}
	if !json.Valid(text) { // encoding/json checks before it calls UnmarshalJSON; other callers might not
		return notACapacity(brief(text))
	}
	if object.NotText(text) >= 0 {
		return &ConfigError{Field: "capacity", Value: asJSON(text), Problem: "must be UTF-8, without half of a surrogate pair"}
	}
	read := *c
	fields := read.fields()
	seen := make(map[string]bool)
	var errs []error
	if !object.Each(text, func(name string, value json.RawMessage) {
		var field *capacityField
		for i := range fields {
			if fields[i].name == name {
				field = &fields[i]
			}
		}
		switch {
		case field == nil:
			errs = append(errs, &ConfigError{Field: "capacity", Value: brief([]byte(name)), Problem: "unknown field (want " + fieldNames(fields, "or") + ")"})
		case seen[name]:
			errs = append(errs, &ConfigError{Field: name, Value: asJSON(value), Problem: "must not occur twice"})
		case string(value) == "null" || field.read(value) != nil:
			errs = append(errs, &ConfigError{Field: name, Value: asJSON(value), Problem: field.must})
		}
		seen[name] = true
	}) {
		return notACapacity(asJSON(text))
	}
	if errs == nil {
		*c = read
	}
	return errors.Join(errs...)
}

// capacityField is a field of a Capacity in JSON.
type capacityField struct {
	name string
	must string // what its value must be
	read func([]byte) error
}

func (c *Capacity) fields() []capacityField {
	const duration = `must be a duration such as "250ms", or "0s" for `
	return []capacityField{
		{"parallelism", `must be a whole number or "unlimited"`, c.readParallelism},
		{"waiting_room", "must be a whole number", func(text []byte) error { return json.Unmarshal(text, &c.WaitingRoom) }},
		{"wait_limit", duration + "no limit", readDuration(&c.WaitLimit)},
		{"delay_target", duration + "no delay control", readDuration(&c.DelayTarget)},
		{"delay_interval", duration + "no delay control", readDuration(&c.DelayInterval)},
	}
}

// fieldNames returns the names as an enumeration.
func fieldNames(fields []capacityField, conjunction string) string {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	last := len(names) - 1
	return fmt.Sprintf("%s %s %s", strings.Join(names[:last], ", "), conjunction, names[last])
}

func (c *Capacity) readParallelism(text []byte) error {
	if string(text) == `"`+unlimited+`"` {
		c.Parallelism = Unlimited
		return nil
	}
	return json.Unmarshal(text, &c.Parallelism)
}

func readDuration(d *time.Duration) func([]byte) error {
	return func(text []byte) error {
		var s string
		err := json.Unmarshal(text, &s)
		if err == nil {
			*d, err = time.ParseDuration(s)
		}
		return err
	}
}

// jsonText is JSON in an error message. It is not quoted, because strings in it
// have quotes of their own.
type jsonText string

func asJSON(text []byte) jsonText { return jsonText(safetext.Printable(string(text))) }

func notACapacity(value any) error {
	return &ConfigError{Field: "capacity", Value: value, Problem: "must be an object with " + fieldNames((&Capacity{}).fields(), "and")}
}

// brief returns the beginning of what was given, for the Value of an error.
func brief(text []byte) string {
	if begin := safetext.Excerpt(string(text)); len(begin) < len(text) {
		return begin + "…"
	}
	return string(text)
}
