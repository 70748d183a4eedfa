package bulk

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/internal/object"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

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
