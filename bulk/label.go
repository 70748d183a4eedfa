package bulk

import "github.com/bulklink/bulklink-go/internal/safetext"

// Labels can come from outside: a tenant's name, a header. See package safetext
// for how they are shown.

func quoted(label string) string { return safetext.Quote(label) }

func shown(label string) string { return safetext.Printable(label) }

// brief returns the beginning of what was given, for the Value of an error.
func brief(text []byte) string {
	if begin := safetext.Excerpt(string(text)); len(begin) < len(text) {
		return begin + "…"
	}
	return string(text)
}
