package bulk

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/internal/object"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// MarshalJSON returns the form for configuration files:
//
//	{"parallelism":10,"waiting_room":50,"wait_limit":"250ms"}
//
// wait_limit is left out when there is none.
func (c Capacity) MarshalJSON() ([]byte, error) {
	limit := ""
	if c.WaitLimit != 0 {
		limit = c.WaitLimit.String()
	}
	return json.Marshal(struct {
		Parallelism int    `json:"parallelism"`
		WaitingRoom int    `json:"waiting_room"`
		WaitLimit   string `json:"wait_limit,omitempty"`
	}{c.Parallelism, c.WaitingRoom, limit})
}

// UnmarshalJSON reads the form of MarshalJSON. What is absent stays as it was:
// zero in a new Capacity, so that one that holds the present values is changed
// only where something is given. A wait limit of "0s" is none.
//
// Unknown names, a name that is there twice, values of another type and bytes
// that are not UTF-8 are errors, each a [*ConfigError]. They are joined, and
// leave c as it was. Whether the values are allowed is checked by
// [Capacity.Validate], and by the functions that take a Capacity.
func (c *Capacity) UnmarshalJSON(text []byte) error {
	if string(text) == "null" { // as everywhere in encoding/json
		return nil
	}
	if !json.Valid(text) { // called by hand: encoding/json looks first
		return notACapacity(brief(text))
	}
	if object.NotText(text) >= 0 {
		return &ConfigError{Field: "capacity", Value: asJSON(text), Problem: "must be UTF-8, without half of a surrogate pair"}
	}
	read := *c
	type field struct {
		read func([]byte) error
		must string
	}
	fields := map[string]field{
		"parallelism":  {into(&read.Parallelism), "must be a whole number"},
		"waiting_room": {into(&read.WaitingRoom), "must be a whole number"},
		"wait_limit":   {read.readLimit, `must be a duration such as "250ms"; "0s" is no limit`},
	}
	seen := make(map[string]bool)
	var errs []error
	if !object.Each(text, func(name string, value json.RawMessage) {
		f, known := fields[name]
		switch {
		case !known:
			errs = append(errs, &ConfigError{Field: "capacity", Value: brief([]byte(name)), Problem: "there is only parallelism waiting_room wait_limit"})
		case seen[name]:
			errs = append(errs, &ConfigError{Field: name, Value: asJSON(value), Problem: "must not be there twice"})
		case string(value) == "null" || f.read(value) != nil:
			errs = append(errs, &ConfigError{Field: name, Value: asJSON(value), Problem: f.must})
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

// jsonText is JSON as an error shows it: not in quotes, because a string in it has
// its own.
type jsonText string

func asJSON(text []byte) jsonText { return jsonText(safetext.Printable(string(text))) }

func notACapacity(value any) error {
	return &ConfigError{Field: "capacity", Value: value, Problem: "must be an object with parallelism waiting_room wait_limit"}
}

func into(n *int) func([]byte) error {
	return func(text []byte) error { return json.Unmarshal(text, n) }
}

func (c *Capacity) readLimit(text []byte) error {
	var limit string
	if err := json.Unmarshal(text, &limit); err != nil {
		return err
	}
	var err error
	c.WaitLimit, err = time.ParseDuration(limit)
	return err
}
