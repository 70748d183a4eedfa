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
// Members and fields that are absent stay as they are at the moment when each
// member is set. A wait_limit of "0s" takes the limit away.
//
// These are errors, and then nothing is set: unknown labels and fields, a label
// or field that is there twice, a null, a value of another type, anything after
// the object, and bytes that are not UTF-8. All errors are joined, but values
// are checked only in members whose fields are all understood. The errors match
// [ErrUnknown] or [bulk.ErrConfig], and name the label and the field, or the
// line if data is not JSON or not UTF-8.
func (r *Registry) ApplyJSON(data []byte) error {
	var text json.RawMessage
	if err := json.Unmarshal(data, &text); err != nil {
		return syntaxError(data, err)
	}
	if i := object.NotText(data); i >= 0 {
		return atLine(data[:i], errNotUTF8)
	}
	var all changes
	seen := make(map[string]bool)
	if !object.Each(text, func(label string, value json.RawMessage) {
		if seen[label] {
			all.errors = append(all.errors, memberError(label, &bulk.ConfigError{Field: "label", Value: safetext.Excerpt(label), Problem: "must not occur twice"}))
			return
		}
		seen[label] = true
		all.add(r, label, func(c bulk.Capacity) (bulk.Capacity, error) {
			if string(value) == "null" { // which UnmarshalJSON allows
				return c, typeError("capacity", value, "an object")
			}
			err := c.UnmarshalJSON(value)
			return c, err
		})
	}) {
		return memberError("", typeError("capacities", text, "an object with labels"))
	}
	return all.apply()
}

func typeError(field string, value json.RawMessage, what string) error {
	return &bulk.ConfigError{Field: field, Value: rawJSON(safetext.Printable(string(value))), Problem: "must be " + what}
}

// rawJSON is JSON as it stands in a message: not in quotes, because a text has
// its own.
type rawJSON string

var errNotUTF8 = errors.New("not UTF-8, or half of a surrogate pair")

// syntaxError says in which line the text stops being JSON.
func syntaxError(data []byte, err error) error {
	end := len(data)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// The byte that is wrong is not before the error: if it is the end of a
		// line, it is the end of this one.
		end = min(max(int(syntax.Offset)-offsetOfFirst(), 0), end)
	}
	return atLine(data[:end], err)
}

// offsetOfFirst returns the Offset of a syntax error at the first byte: 1, or 0
// with GOEXPERIMENT=jsonv2, which counts the bytes before it.
func offsetOfFirst() int {
	var syntax *json.SyntaxError
	errors.As(json.Unmarshal([]byte("x"), new(any)), &syntax)
	return int(syntax.Offset)
}

// atLine says in which line err is, after the text before it.
func atLine(before []byte, err error) error {
	line := 1 + bytes.Count(before, []byte("\n"))
	return &registryError{fmt.Sprintf("capacities, line %d: %v", line, err), []error{bulk.ErrConfig, err}}
}
