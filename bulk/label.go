package bulk

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Labels can come from anywhere: a tenant's name, a header. In text they are
// shown so that they can't forge a line, hide another, or drown what matters.

// longestLabel is how many bytes of a label are shown in text.
const longestLabel = 100

// quoted returns the label in quotes, with escapes for what can't be seen: line
// ends, terminal controls, marks that turn the direction of writing, bytes that
// are no text. Of a long one it shows the beginning and the length.
func quoted(label string) string {
	if len(label) <= longestLabel {
		return strconv.Quote(label)
	}
	return fmt.Sprintf("%s… (%d bytes)", strconv.Quote(beginning(label)), len(label))
}

// shown returns the label as it is, if it can be seen as it is; else like
// quoted, but without the quotes. It is for log attributes, which are quoted
// by their handler where that is needed.
func shown(label string) string {
	text := strconv.Quote(beginning(label))
	text = text[1 : len(text)-1]
	if begins := beginning(label); visible(begins) {
		text = begins
	}
	if len(label) > longestLabel {
		text += fmt.Sprintf("… (%d bytes)", len(label))
	}
	return text
}

// beginning returns as much of the label as is shown, in whole characters.
func beginning(label string) string {
	if len(label) <= longestLabel {
		return label
	}
	n := longestLabel
	for n > longestLabel-utf8.UTFMax && !utf8.RuneStart(label[n]) {
		n--
	}
	return label[:n]
}

// brief returns what was given, for an error: all of it, unless it is long.
func brief(text []byte) string {
	if begins := beginning(string(text)); len(begins) < len(text) {
		return begins + "…"
	}
	return string(text)
}

// visible reports whether all of the text can be printed.
func visible(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}
