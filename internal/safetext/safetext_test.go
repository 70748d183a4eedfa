package safetext_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

func TestTextIsShown(t *testing.T) {
	x := strings.Repeat("x", 100)
	for _, c := range []struct{ name, text, quoted, printable string }{
		{"ordinary", "payments", `"payments"`, "payments"},
		{"empty", "", `""`, ""},
		{"of other languages", "платежи 支払い", `"платежи 支払い"`, "платежи 支払い"},
		{"100 bytes", x, `"` + x + `"`, x},
		{"101 bytes", x + "x", `"` + x + `"… (101 bytes)`, x + "… (101 bytes)"},
		{"cut between characters", x[1:] + "→", `"` + x[1:] + `"… (102 bytes)`, x[1:] + "… (102 bytes)"},
		{"not UTF-8", "a\xff", `"a\xff"`, `a\xff`},
		{"the replacement character", "a\ufffd", "\"a\ufffd\"", "a\ufffd"},
		{"a newline", "a\nb", `"a\nb"`, `a\nb`},
		{"a mark of direction", "a\u202eb", `"a\u202eb"`, `a\u202eb`},
		{"JSON with a newline", "[\"a\\\\\",\n1]", `"[\"a\\\\\",\n1]"`, `["a\\",\n1]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := safetext.Quote(c.text); got != c.quoted {
				t.Errorf("Quote: got %s, want %s", got, c.quoted)
			}
			if got := safetext.Printable(c.text); got != c.printable {
				t.Errorf("Printable: got %s, want %s", got, c.printable)
			}
		})
	}
}

func TestAnyTextIsOneShortLineThatCanBePrinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		for _, shown := range []string{safetext.Quote(text), safetext.Printable(text)} {
			if !utf8.ValidString(shown) || len(shown) > 1100 {
				t.Errorf("%q is shown as %q", text, shown)
			}
			for _, r := range shown {
				if !strconv.IsPrint(r) {
					t.Errorf("%q is shown with %U", text, r)
				}
			}
		}
		if excerpt := safetext.Excerpt(text); !strings.HasPrefix(text, excerpt) || len(excerpt) > 100 {
			t.Errorf("%q is cut to %q", text, excerpt)
		}
	})
}
