package sizing

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/bulklink/bulklink-go/internal/object"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// maxLine is the longest line that ReadTrace accepts, in bytes.
const maxLine = 1 << 20

// ReadTrace reads what [Trace.WriteTo] wrote, to the end of r. It is strict: a line that is
// not an object of this form, an unknown name, a name twice, a value that is not allowed,
// an operation out of order, an empty line, bytes that are not UTF-8, or a line of more
// than 1 MiB is a [*TraceError] that says which line it is. An error of r is returned as it
// is.
func ReadTrace(r io.Reader) (Trace, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxLine)
	t := Trace{}
	n := 0
	for lines.Scan() {
		n++
		var err error
		if n == 1 {
			err = t.parseHeader(lines.Bytes())
		} else {
			op, ok := parseLine(lines.Bytes())
			if !ok {
				op, err = parseOperation(lines.Bytes())
			}
			t.Operations = append(t.Operations, op)
		}
		if err != nil {
			return Trace{}, &TraceError{Line: n, Problem: "not in the form of a trace", Err: err}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return Trace{}, &TraceError{Line: n + 1, Problem: "longer than 1 MiB"}
	case err != nil:
		return Trace{}, err
	case n == 0:
		return Trace{}, &TraceError{Line: 1, Problem: "no header"}
	}
	if err := t.Validate(); err != nil {
		return Trace{}, err
	}
	return t, nil
}

func (t *Trace) parseHeader(line []byte) error {
	var h header
	err := members(line, map[string]any{
		"trace": &h.Trace, "label": &h.Label, "start": &h.Start, "end": &h.End, "closed": &h.Closed, "capacity": &h.Capacity,
	}, "trace", "label", "start", "capacity")
	if err != nil {
		return err
	}
	if h.Trace != traceVersion {
		return fmt.Errorf("trace %d: must be %d", h.Trace, traceVersion)
	}
	t.Label, t.Start, t.Capacity = h.Label, h.Start, h.Capacity
	if h.End != nil {
		t.End = *h.End
	}
	if h.Closed != nil {
		t.Closed = *h.Closed
	}
	return nil
}

func parseOperation(line []byte) (op Operation, err error) {
	err = members(line, map[string]any{
		"arrived_ns": &op.Arrived, "slots": &op.Slots, "queued": &op.Queued, "wait_ns": &op.Wait, "hold_ns": &op.Hold,
		"outcome": &op.Outcome, "limited": &op.Limited, "seq": &op.Seq, "end_seq": &op.EndSeq,
	}, "arrived_ns", "slots", "outcome")
	return op, err
}

// members decodes the members of the object into the values that fields has for their
// names. The required ones must be there.
func members(line []byte, fields map[string]any, required ...string) error {
	if !json.Valid(line) {
		return errors.New("not a JSON object")
	}
	if at := object.NotText(line); at >= 0 {
		return fmt.Errorf("byte %d is not UTF-8", at+1)
	}
	var problem error
	seen := make(map[string]bool, len(fields))
	is := object.Each(line, func(name string, value json.RawMessage) {
		field := fields[name]
		switch {
		case problem != nil:
		case field == nil:
			problem = fmt.Errorf("unknown name %s", safetext.Quote(name))
		case seen[name]:
			problem = fmt.Errorf("%s: is there twice", name)
		case string(value) == "null":
			problem = fmt.Errorf("%s: null", name)
		default:
			if err := json.Unmarshal(value, field); err != nil {
				problem = fmt.Errorf("%s %s: %w", name, safetext.Quote(string(value)), err)
			}
		}
		seen[name] = true
	})
	if !is {
		return errors.New("not a JSON object")
	}
	for _, name := range required {
		if problem == nil && !seen[name] {
			problem = fmt.Errorf("%s is missing", name)
		}
	}
	return problem
}
