package bulkprom

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
)

// names has the values of the label "bulkhead" that one scrape has used, with the IDs
// of their bulkheads, 0 for a Keyed. The values are valid UTF-8 and unique, because one
// invalid value or two series with the same values would fail the whole scrape. The
// package comment has the rules.
//
// The values depend on the labels, the IDs and the order of the options alone, so each
// series continues from scrape to scrape.
type names map[string]uint64

func newNames() names { return names{} }

// ofKeyed returns the name of the i-th Keyed.
func (n names) ofKeyed(label string, i int) string {
	name := clean(label)
	if _, taken := n[name]; taken {
		name = fmt.Sprintf("%s\uFFFD#keyed%d", name, i+1)
	}
	n[name] = 0
	return name
}

// of yields each bulkhead of statuses once, with its name.
func (n names) of(statuses []bulk.Status) iter.Seq2[string, bulk.Status] {
	return func(yield func(string, bulk.Status) bool) {
		seen := make(map[uint64]bool, len(statuses))
		for _, s := range slices.SortedStableFunc(slices.Values(statuses), func(a, b bulk.Status) int { return cmp.Compare(a.ID, b.ID) }) {
			if seen[s.ID] {
				continue
			}
			seen[s.ID] = true
			name := clean(s.Label)
			if _, taken := n[name]; taken {
				name = fmt.Sprintf("%s\uFFFD#%d", name, s.ID)
			}
			n[name] = s.ID
			if !yield(name, s) {
				return
			}
		}
	}
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
