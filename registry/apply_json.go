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

// ApplyJSON is [Registry.Apply] with capacities in JSON, for example from a
// configuration file:
//
//	{
//		"payments": {"parallelism": 20, "waiting_room": 50, "wait_limit": "250ms"},
//		"search": {"parallelism": 8}
//	}
//
// Members and fields that are absent keep their values. ApplyJSON never undoes a
// concurrent change of them. The wait_limit "0s" removes the limit.
//
// These are errors: an unknown label or field, a label or field that occurs twice,
// a null, a value of another type or that is not allowed, anything after the
// object, and bytes that are not UTF-8. Then nothing is set, and ApplyJSON returns
// all errors joined. Each names the label and the field, or the line if data is not
// JSON or not UTF-8, and matches [ErrUnknown] or [bulk.ErrConfig]. Values of a
// member are checked only if all its fields have the right name and type.
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
			if string(value) == "null" { // UnmarshalJSON ignores it
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

// typeError returns the error for a value of another type.
func typeError(field string, value json.RawMessage, what string) error {
	return &bulk.ConfigError{Field: field, Value: rawJSON(safetext.Printable(string(value))), Problem: "must be " + what}
}

// rawJSON is a JSON value in an error message. It is printed without quotes,
// because a JSON string has quotes of its own.
type rawJSON string

var errNotUTF8 = errors.New("not UTF-8, or half of a surrogate pair")

// syntaxError returns the error for data that is not JSON. It names the line.
func syntaxError(data []byte, err error) error {
	end := len(data)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// Only the lines before the wrong byte count, so that a wrong end of line
		// belongs to the line that it ends.
		end = min(max(int(syntax.Offset)-offsetOfFirst(), 0), end)
	}
	return atLine(data[:end], err)
}

// offsetOfFirst returns the Offset of a syntax error at the first byte: 1, or 0
// with GOEXPERIMENT=jsonv2, which counts the bytes before the error.
func offsetOfFirst() int {
	var syntax *json.SyntaxError
	errors.As(json.Unmarshal([]byte("x"), new(any)), &syntax)
	return int(syntax.Offset)
}

// atLine returns err with the number of the line that follows before.
func atLine(before []byte, err error) error {
	line := 1 + bytes.Count(before, []byte("\n"))
	return &registryError{fmt.Sprintf("capacities, line %d: %v", line, err), []error{bulk.ErrConfig, err}}
}
