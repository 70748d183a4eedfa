package bulk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// What is promised of the names, and of reading back, stands in the package
// documentation. The names themselves stand at the fields, as tags.

// MarshalJSON returns s with the names at its fields. Characters that can't be
// seen are escaped.
func (s Status) MarshalJSON() ([]byte, error) {
	type fields Status
	return visibleJSON(fields(s))
}

// MarshalJSON returns e with the names at its fields. Characters that can't be
// seen are escaped.
func (e Event) MarshalJSON() ([]byte, error) {
	type fields Event
	return visibleJSON(fields(e))
}

// MarshalJSON returns the status, the interval if there is one, the findings (an
// empty list if there are none), and what they amount to: severity, and healthy.
func (r Report) MarshalJSON() ([]byte, error) {
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	return visibleJSON(struct {
		Severity Severity  `json:"severity"`
		Healthy  bool      `json:"healthy"`
		Findings []Finding `json:"findings"`
		Status   Status    `json:"status"`
		Interval *Interval `json:"interval,omitempty"`
	}{r.Severity(), r.Healthy(), r.Findings, r.Status, r.Interval})
}

// UnmarshalJSON reads what MarshalJSON returns. Severity and healthy are not
// read: they follow from the findings.
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

// visibleJSON is json.Marshal with escapes for the characters that it leaves
// although they can't be seen, such as those that turn the direction of
// writing. Outside of strings there are none.
func visibleJSON(v any) ([]byte, error) {
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
