package adaptive

import (
	"fmt"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// words has the texts of an enumeration whose values start at 1.
type words []string

// name returns the text of v, or a text like "reason(19)" if v is unknown.
func (w words) name(of string, v uint8) string {
	if v == 0 || int(v) > len(w) {
		return fmt.Sprintf("%s(%d)", of, v)
	}
	return w[v-1]
}

func (w words) marshal(field string, v uint8) ([]byte, error) {
	if v == 0 || int(v) > len(w) {
		return nil, &bulk.ConfigError{Field: field, Value: v, Problem: fmt.Sprintf("must be from 1 to %d", len(w))}
	}
	return []byte(w[v-1]), nil
}

// unmarshal sets v to the value of text. It leaves v unchanged if there is none.
func (w words) unmarshal(field string, text []byte, v *uint8) error {
	for i, s := range w {
		if s == string(text) {
			*v = uint8(i + 1)
			return nil
		}
	}
	return &bulk.ConfigError{Field: field, Value: safetext.Printable(string(text)), Problem: "must be one of " + strings.Join(w, ", ")}
}
