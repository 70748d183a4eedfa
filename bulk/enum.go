package bulk

import (
	"fmt"
	"strings"
)

// enumText has the texts of an enumeration whose values start at 1.
type enumText []string

// name returns the text of v, or a text like "reason(9)" if v is unknown.
func (t enumText) name(of string, v uint8) string {
	if v == 0 || int(v) > len(t) {
		return fmt.Sprintf("%s(%d)", of, v)
	}
	return t[v-1]
}

func (t enumText) marshal(field string, v uint8) ([]byte, error) {
	if v == 0 || int(v) > len(t) {
		return nil, &ConfigError{Field: field, Value: v, Problem: fmt.Sprintf("must be from 1 to %d", len(t))}
	}
	return []byte(t[v-1]), nil
}

// unmarshal sets v to the value of text. It leaves v unchanged if there is none.
func (t enumText) unmarshal(field string, text []byte, v *uint8) error {
	for i, s := range t {
		if s == string(text) {
			*v = uint8(i + 1)
			return nil
		}
	}
	return &ConfigError{Field: field, Value: brief(text), Problem: "must be one of " + strings.Join(t, ", ")}
}
