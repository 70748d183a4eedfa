package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/object"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// ApplyJSON is [Registry.Apply] for capacities as JSON, such as a configuration
// file:
//
//	{
//		"payments": {"parallelism": 20, "waiting_room": 50, "wait_limit": "250ms"},
//		"search": {"parallelism": 8}
//	}
//
// What is absent stays as it is, labels as well as fields. A wait_limit of
// "0s" takes the limit away.
//
// What is not understood is an error, and then nothing is set: unknown labels
// and fields, the same one twice, a null, a value of another type, anything
// after the object. All of them are joined. They match [ErrUnknown] or
// [bulk.ErrConfig], and say where: by label and field, or by line if it is not
// JSON.
func (r *Registry) ApplyJSON(data []byte) error {
	var text json.RawMessage
	if err := json.Unmarshal(data, &text); err != nil {
		return notJSON(data, err)
	}
	var all changes
	seen := make(map[string]bool)
	if !object.Each(text, func(label string, value json.RawMessage) {
		if seen[label] {
			all.errors = append(all.errors, fmt.Errorf("registry: %w", &bulk.ConfigError{Field: "label", Value: safetext.Excerpt(label), Problem: "must not be there twice"}))
			return
		}
		seen[label] = true
		all.add(r, label, func(c bulk.Capacity) (bulk.Capacity, error) {
			if string(value) == "null" { // which UnmarshalJSON allows
				return c, mustBe("capacity", value, "an object")
			}
			err := c.UnmarshalJSON(value)
			return c, err
		})
	}) {
		return fmt.Errorf("registry: %w", mustBe("capacities", text, "an object with labels"))
	}
	return all.apply()
}

func mustBe(field string, value json.RawMessage, what string) error {
	return &bulk.ConfigError{Field: field, Value: excerpt(safetext.Printable(string(value))), Problem: "must be " + what}
}

// excerpt is JSON as it stands in a message: not in quotes, because a text has
// its own.
type excerpt string

// notJSON says in which line the text stops being JSON.
func notJSON(data []byte, err error) error {
	end := len(data)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// The last byte that was read is the one that is wrong: if that is the end
		// of a line, it is the end of this one.
		end = min(max(int(syntax.Offset)-1, 0), end)
	}
	line := 1 + bytes.Count(data[:end], []byte("\n"))
	return fmt.Errorf("registry: capacities, line %d: %w: %w", line, bulk.ErrConfig, err)
}
