// Package safetext formats untrusted text, such as a label or a part of a file, for
// error messages and logs. The result is one printable line of at most a few hundred
// bytes, so the text cannot forge, hide or flood log lines.
package safetext

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// longest is how many bytes of a text are shown.
const longest = 100

// Quote returns text in double quotes. It escapes characters that are not printable:
// line ends, terminal controls, marks that change the direction of writing, and bytes
// that are not UTF-8. A text of more than 100 bytes is truncated, and its length
// follows.
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

// rest returns the length of a text that is truncated, in the form that follows it.
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

// Format implements [fmt.Formatter] for a type that is printed as text. No verb shows
// its fields; %d, for example, would ignore a String method. The verbs are those of a
// string, but %#v prints text without quotes.
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
