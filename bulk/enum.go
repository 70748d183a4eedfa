package bulk

import (
	"fmt"
	"strings"
)

// enumText has the texts of an enumeration that starts at 1.
type enumText []string

func (w enumText) name(of string, v uint8) string {
	if v == 0 || int(v) > len(w) {
		return fmt.Sprintf("%s(%d)", of, v)
	}
	return w[v-1]
}

func (w enumText) marshal(field string, v uint8) ([]byte, error) {
	if v == 0 || int(v) > len(w) {
		return nil, &ConfigError{Field: field, Value: v, Problem: fmt.Sprintf("must be from 1 to %d", len(w))}
	}
	return []byte(w[v-1]), nil
}

func (w enumText) unmarshal(field string, text []byte, v *uint8) error {
	for i, word := range w {
		if word == string(text) {
			*v = uint8(i + 1)
			return nil
		}
	}
	return &ConfigError{Field: field, Value: brief(text), Problem: "must be one of " + strings.Join(w, " ")}
}
