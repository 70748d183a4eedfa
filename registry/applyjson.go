package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/object"
	"github.com/bulklink/bulklink-go/internal/safetext"
	"github.com/bulklink/bulklink-go/internal/seam"
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
	parts, wrong := decode(data)
	return r.apply(parts, wrong)
}

// decode returns what data says, and all that is wrong with it.
func decode(data []byte) (map[string]seam.Part, []error) {
	var text json.RawMessage
	if err := json.Unmarshal(data, &text); err != nil {
		return nil, []error{notJSON(data, err)}
	}
	parts := make(map[string]seam.Part)
	var wrong []error
	if !object.Each(text, func(label string, value json.RawMessage) {
		if _, twice := parts[label]; twice {
			wrong = append(wrong, fmt.Errorf("registry: %w", odd("label", label, "must not be there twice")))
			return
		}
		part, errs := decodePart(value)
		for _, err := range errs {
			wrong = append(wrong, within(label, err))
		}
		parts[label] = part // also if it is wrong: the label is looked at too
	}) {
		wrong = append(wrong, fmt.Errorf("registry: %w", mustBe("capacities", text, "an object with labels")))
	}
	return parts, wrong
}

func decodePart(text json.RawMessage) (seam.Part, []error) {
	var part seam.Part
	var wrong []error
	seen := make(map[string]bool)
	if !object.Each(text, func(field string, value json.RawMessage) {
		var err error
		switch {
		case seen[field]:
			err = odd("capacity", field, "must not be there twice")
		case field == "parallelism":
			part.Parallelism, err = decodeInt(field, value)
		case field == "waiting_room":
			part.WaitingRoom, err = decodeInt(field, value)
		case field == "wait_limit":
			part.WaitLimit, err = decodeDuration(field, value)
		default:
			err = odd("capacity", field, "there is only parallelism waiting_room wait_limit")
		}
		seen[field] = true
		if err != nil {
			wrong = append(wrong, err)
		}
	}) {
		wrong = append(wrong, mustBe("capacity", text, "an object"))
	}
	return part, wrong
}

func decodeInt(field string, value json.RawMessage) (*int, error) {
	n, err := strconv.Atoi(string(value))
	if err != nil {
		return nil, mustBe(field, value, "a whole number")
	}
	return &n, nil
}

func decodeDuration(field string, value json.RawMessage) (*time.Duration, error) {
	// A null leaves the text empty, which is no duration.
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, mustBe(field, value, `a duration such as "250ms"`)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, mustBe(field, value, `a duration such as "250ms"`)
	}
	return &d, nil
}

func mustBe(field string, value json.RawMessage, what string) error {
	return &bulk.ConfigError{Field: field, Value: shown(value), Problem: "must be " + what}
}

// odd is about a name in what Field names. Names come from the text, so they are
// never a Field themselves.
func odd(in, name, problem string) error {
	return &bulk.ConfigError{Field: in, Value: shown([]byte(strconv.Quote(name))), Problem: problem}
}

// excerpt is JSON as it stands in a message: not in quotes, because a text has
// its own.
type excerpt string

func shown(value []byte) excerpt { return excerpt(safetext.Printable(string(value))) }

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
