// Package safetext shows text that comes from outside, such as a label or a
// piece of a file, in error messages and logs. The result is one line of at
// most a few hundred bytes that can be printed: it cannot forge a line, hide
// one, or fill a log.
package safetext

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// longest is how many bytes of a text are shown.
const longest = 100

// Quote returns text in double quotes, with escapes for characters that can't
// be seen: line ends, terminal controls, marks that change the direction of
// writing, bytes that are not UTF-8. A text of more than 100 bytes is cut, and
// followed by its length.
func Quote(text string) string {
	return strconv.Quote(Excerpt(text)) + rest(text)
}

// Printable is Quote without the quotes, and without escapes for quotes and
// backslashes. It is for attributes of log/slog, whose handlers quote where
// that is needed, and for JSON, which has quotes of its own.
func Printable(text string) string {
	begin := Excerpt(text)
	if isPrintable(begin) {
		return begin + rest(text)
	}
	var b strings.Builder
	for begin != "" {
		r, size := utf8.DecodeRuneInString(begin)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, begin[0])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		begin = begin[size:]
	}
	return b.String() + rest(text)
}

// Excerpt returns the beginning of text: at most 100 bytes, cut between
// characters. It escapes nothing.
func Excerpt(text string) string {
	if len(text) <= longest {
		return text
	}
	n := longest
	for n > longest-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// rest says how long a text is of which only the beginning is shown.
func rest(text string) string {
	if len(text) <= longest {
		return ""
	}
	return fmt.Sprintf("… (%d bytes)", len(text))
}

func isPrintable(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// Format implements [fmt.Formatter] for a type that text stands for, so that no
// verb shows its fields: %d, for example, would ignore a String method. The
// verbs are those of a string; %#v shows text as it is.
func Format(f fmt.State, verb rune, text string) {
	switch verb {
	case 'v':
		fmt.Fprintf(f, fmt.FormatString(f, 's'), text)
	case 's', 'q', 'x', 'X':
		fmt.Fprintf(f, fmt.FormatString(f, verb), text)
	default:
		fmt.Fprintf(f, "%%!%c(%s)", verb, text)
	}
}
