package bulk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
	"pgregory.net/rapid"
)

// Labels from untrusted sources.
var hostile = []struct{ name, why, label string }{
	{"HTML", "web pages show labels", `</script><script>alert("x")</script>`},
	{"quotes", "they must not end a string", `a" b' c` + "`"},
	{"backslashes", "they must not escape a character", `\"\n\u0041\`},
	{"newlines", "they must not begin a line of a log", "payments\nlevel=ERROR msg=forged\r\n"},
	{"JSON", "it must not add a field", `","severity":"ok","x":"`},
	{"terminal controls", "they must not color or clear the screen", "\x1b[2J\x1b[31mred\x07\x08\x7f\u009b"},
	{"NUL", "it must not end a string", "pay\x00ments"},
	{"right to left", "it must not reverse the text after it", "pay\u202estnem\u2066\u200f"},
	{"line and paragraph separators", "they break lines in JavaScript", "a\u2028b\u2029c"},
	{"invisible characters", "zero width, soft hyphen, byte order mark", "a\u200bb\u00adc\ufeff"},
	{"beyond 16 bits", "these tag characters are invisible", "a\U000e0041\U000e0042"},
	{"invalid UTF-8", "the bytes are not text", "a\xff\xfe\xc3("},
	{"half a character at the cut", "it is cut between characters", strings.Repeat("x", 99) + "→" + strings.Repeat("y", 99)},
	{"10 kB", "it must not fill a log", strings.Repeat("long ", 2000)},
	{"10 kB of escapes", "its escapes must not fill a log", strings.Repeat("\u202e", 3400)},
	{"10 kB of invalid UTF-8", "its escapes must not fill a log", strings.Repeat("\xbf", 10_000)},
}

// formsOf returns each form in which the label is shown, by its name.
func formsOf(t testing.TB, label string) map[string]string {
	t.Helper()
	b, err := bulk.New(label, 1)
	if err != nil {
		t.Fatal(err)
	}
	var events recorder
	defer b.OnEvent(events.handle)()
	slot, _ := b.TryAcquire()
	defer slot.Release()
	start := b.Status()
	_, rejected := b.Acquire(context.Background())
	other := bulk.Must(bulk.New(label, 1)).Status()
	end := b.Status()
	i := mustSince(t, end, start)
	event := events.take()[0]
	_, unrelated := end.Since(other)
	_, reversed := start.Since(end)
	drain := b.Shutdown(done(nil))
	closed := b.Resize(2)

	forms := map[string]string{
		"Status.String": end.String(), "Interval.String": i.String(), "Report.String": i.Report().String(), "Report.Summary": end.Report().Summary(),
		"Event.String": event.String(), "AdmissionError": rejected.Error(), "ErrUnrelated": unrelated.Error(), "ErrReversed": reversed.Error(),
		"DrainError": drain.Error(), "closed": closed.Error(), "ConfigError": b.Resize(-1).Error(),
	}
	for name, v := range map[string]any{"Status": end, "Interval": i, "Report": i.Report(), "Event": event} {
		text, err := json.Marshal(v)
		if err != nil || !json.Valid(text) {
			t.Errorf("JSON of %s: %v", name, err)
		}
		forms["JSON "+name] = string(text)
	}
	for name, v := range map[string]any{"Status": end, "Report": i.Report(), "Event": event, "AdmissionError": rejected} {
		var text, object bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("message", "of", v)
		slog.New(slog.NewJSONHandler(&object, nil)).Info("message", "of", v)
		if !json.Valid(object.Bytes()) {
			t.Errorf("slog of %s is no JSON: %s", name, object.Bytes())
		}
		forms["slog text "+name] = strings.TrimSuffix(text.String(), "\n")
		forms["slog JSON "+name] = strings.TrimSuffix(object.String(), "\n")
	}
	forms["handler panic"] = loggedPanic(label)
	return forms
}

// loggedPanic returns what is logged when a handler of events panics.
func loggedPanic(label string) string {
	var out bytes.Buffer
	old := slog.Default()
	defer slog.SetDefault(old)
	slog.SetDefault(slog.New(slog.NewJSONHandler(&out, nil)))
	bulk.Must(bulk.New(label, 1, bulk.OnEvent(func(bulk.Event) { panic("no") }))).TryAcquire()
	return strings.TrimSuffix(out.String(), "\n")
}

// mustBeHarmless checks the forms of one label.
func mustBeHarmless(t testing.TB, label string) {
	t.Helper()
	lines := map[string]int{"Status.String": 6, "Interval.String": 6, "Report.String": 10}
	for name, form := range formsOf(t, label) {
		if !utf8.ValidString(form) {
			t.Errorf("%s is no text: %q", name, form)
		}
		if n := strings.Count(form, "\n"); n > lines[name] {
			t.Errorf("%s has %d lines more than its own: %q", name, n-lines[name], form)
		}
		for _, r := range strings.ReplaceAll(form, "\n", "") {
			if !strconv.IsPrint(r) {
				t.Errorf("%s has %U: %q", name, r, form)
			}
		}
		inJSON := strings.HasPrefix(name, "JSON")
		if inJSON && strings.ContainsAny(form, "<>&") {
			t.Errorf("%s has HTML: %s", name, form)
		}
		if !inJSON && len(form) > 4000 {
			t.Errorf("%s is %d bytes long", name, len(form))
		}
		if inJSON {
			mustKeepLabel(t, name, form, label)
		}
	}
}

// mustKeepLabel checks that a program reads the whole label from JSON, with
// U+FFFD for what is no text.
func mustKeepLabel(t testing.TB, name, form, label string) {
	t.Helper()
	type labelled struct{ Label string }
	var v struct {
		Label       string
		Status, End labelled
	}
	if err := json.Unmarshal([]byte(form), &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if got := v.Label + v.Status.Label + v.End.Label; got != string([]rune(label)) {
		t.Errorf("%s: the label is %q", name, got)
	}
}

func TestHostileLabels(t *testing.T) {
	var rows table
	for _, c := range hostile {
		rows.row(t, c.name, c.why, func(t *testing.T) { mustBeHarmless(t, c.label) })
	}
}

func TestAnyLabelIsHarmless(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		label := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(rt, "label")
		if strings.TrimSpace(label) == "" {
			return
		}
		mustBeHarmless(t, label)
		if t.Failed() {
			rt.Errorf("label %q", label)
		}
	})
}

// Ordinary labels, in any language, are shown as they are, and long ones by
// their beginning and their length.
func TestLabelsInText(t *testing.T) {
	var rows table
	for _, c := range []struct{ name, why, label, quoted, logged string }{
		{"ordinary", "it is shown as it is", "payments", `"payments"`, "payments"},
		{"of other languages", "they are printable", "платежи 支払い", `"платежи 支払い"`, "платежи 支払い"},
		{"100 bytes", "it is the longest that is not cut", strings.Repeat("x", 100), `"` + strings.Repeat("x", 100) + `"`, strings.Repeat("x", 100)},
		{"101 bytes", "it is the shortest that is cut", strings.Repeat("x", 101), `"` + strings.Repeat("x", 100) + `"… (101 bytes)`, strings.Repeat("x", 100) + "… (101 bytes)"},
		{"cut between characters", "half a character is not text", strings.Repeat("x", 99) + "→→", `"` + strings.Repeat("x", 99) + `"… (105 bytes)`, strings.Repeat("x", 99) + "… (105 bytes)"},
		{"cut two bytes before", "part of a character is not text", strings.Repeat("x", 98) + "→", `"` + strings.Repeat("x", 98) + `"… (101 bytes)`, strings.Repeat("x", 98) + "… (101 bytes)"},
		{"cut three bytes before", "part of a character is not text", strings.Repeat("x", 97) + "𝄞", `"` + strings.Repeat("x", 97) + `"… (101 bytes)`, strings.Repeat("x", 97) + "… (101 bytes)"},
		{"long and invalid UTF-8", "the beginning is shown although no character begins in it", strings.Repeat("\xbf", 101), `"` + strings.Repeat(`\xbf`, 96) + `"… (101 bytes)`, strings.Repeat(`\xbf`, 96) + "… (101 bytes)"},
		{"invalid UTF-8", "not every handler of slog escapes it", "a\xff", `"a\xff"`, `a\xff`},
		{"with a newline", "it is escaped", "a\nb", `"a\nb"`, `a\nb`},
		{"with quotes", "handlers of slog quote values", `a"b`, `"a\"b"`, `a"b`},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			b := bulk.Must(bulk.New(c.label, 1))
			if got, want := b.Report().Summary(), "bulkhead "+c.quoted+": ok (0/1 slots in use, 0/0 waiting)"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if got := b.Status().LogValue().Group()[0].Value.String(); got != c.logged {
				t.Errorf("logged as %s, want %s", got, c.logged)
			}
		})
	}
}

// The cause of a canceled operation comes from outside: the handlers of slog
// escape it, as they do with every error.
func TestHostileCauseInLogs(t *testing.T) {
	b := mustNew(t, 1)
	_, err := b.Acquire(done(errors.New("a\nlevel=ERROR \x1b[31m" + strings.Repeat("x", 9999))))
	var text bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("rejected", "error", err)
	if s := strings.TrimSuffix(text.String(), "\n"); strings.ContainsAny(s, "\n\x1b") {
		t.Errorf("%q", s)
	}
}
