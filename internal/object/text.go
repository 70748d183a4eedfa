package object

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// NotText returns the offset of the first byte of text that is not UTF-8, or of
// the first escape that is one half of a surrogate pair without the other, and
// -1 if there is none. Package encoding/json decodes both as U+FFFD, so that
// different names can become equal. text must be valid JSON apart from that, with
// backslashes in strings only.
func NotText(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return i
		case r == '\\':
			size = 2
			if first, ok := escaped(text[i:]); ok {
				size = 6
				if utf16.IsSurrogate(first) {
					second, ok := escaped(text[i+size:])
					if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
						return i
					}
					size = 12
				}
			}
		}
		i += size
	}
	return -1
}

// escaped decodes an escape such as \u00e9 at the beginning of text. It reports
// whether there is one.
func escaped(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}
