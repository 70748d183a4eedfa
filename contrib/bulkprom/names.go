package bulkprom

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// names gives each bulkhead and Keyed of one scrape its value of the label "bulkhead".
// The values are valid UTF-8 and unique, because one invalid value or two series with
// the same values would fail the whole scrape. The package comment has the rules.
//
// The values depend on the labels, the IDs and the order of the calls alone. Keyeds
// come first, and each kind in the order of IDs, so each series continues from scrape
// to scrape.
type names struct {
	ids   map[uint64]bool
	taken map[string]bool
}

func newNames() names { return names{map[uint64]bool{}, map[string]bool{}} }

// of returns the name of the bulkhead or Keyed with that label and ID. It returns false
// if there already is one with that ID.
func (n names) of(label string, id uint64) (name string, ok bool) {
	if n.ids[id] {
		return "", false
	}
	n.ids[id] = true
	return n.unique(label, id), true
}

// unique returns the label, or the label with the ID if it is taken.
func (n names) unique(label string, id uint64) string {
	name := clean(label)
	if n.taken[name] {
		name = fmt.Sprintf("%s\uFFFD#%d", name, id)
	}
	n.taken[name] = true
	return name
}

// clean returns the label as valid UTF-8. Different labels stay different, and no result
// is equal to another one with a suffix: U+FFFD is followed by two digits or by U+FFFD.
func clean(label string) string {
	if utf8.ValidString(label) && !strings.ContainsRune(label, utf8.RuneError) {
		return label
	}
	var b strings.Builder
	for i := 0; i < len(label); {
		r, size := utf8.DecodeRuneInString(label[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "\uFFFD%02X", label[i])
		case r == utf8.RuneError:
			b.WriteString("\uFFFD\uFFFD")
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}
