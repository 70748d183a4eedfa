// Package printtest checks the printed forms of types that are printed as a name, such
// as *bulk.Bulkhead.
package printtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Check fails the test if v is printed as anything but text, with any verb of package
// fmt or by log/slog, alone or inside other values. Where fmt and encoding/json call no
// methods, it must be printed as an address or an empty object.
func Check[T any](t testing.TB, v *T, text string) {
	t.Helper()
	for format, want := range map[string]string{
		"%v": text, "%+v": text, "%#v": text, "%s": text,
		"%60v|": fmt.Sprintf("%60s|", text), "%-60s|": fmt.Sprintf("%-60s|", text),
		"%q": strconv.Quote(text), "%x": fmt.Sprintf("%x", text), "%X": fmt.Sprintf("%X", text),
	} {
		same(t, format, fmt.Sprintf(format, v), want)
	}
	const verbs = "bcdoOUeEfFgGt" // all the others, but for %T, %p and %w
	for _, verb := range verbs {
		format := "%" + string(verb)
		bad := fmt.Sprintf("%%!%c(%s)", verb, text)
		same(t, format, fmt.Sprintf(format, v), bad)
		same(t, format+" in a struct", fmt.Sprintf(format, struct{ X *T }{v}), "{"+bad+"}")
	}
	same(t, "Sprint", fmt.Sprint(v), text)
	same(t, "Sprintln", fmt.Sprintln(v), text+"\n")
	if s, ok := any(v).(fmt.Stringer); !ok || s.String() != text {
		t.Errorf("%T has no String that returns %s", v, text)
	}
	if s, ok := any(v).(fmt.GoStringer); !ok || s.GoString() != text {
		t.Errorf("%T has no GoString that returns %s", v, text)
	}

	same(t, "struct", fmt.Sprintf("%+v", struct{ X *T }{v}), "{X:"+text+"}")
	same(t, "interface in a struct", fmt.Sprintf("%v", &struct{ X any }{v}), "&{"+text+"}")
	same(t, "slice", fmt.Sprintf("%v", []*T{v}), "["+text+"]")
	same(t, "map", fmt.Sprintf("%v", map[string]*T{"k": v}), "map[k:"+text+"]")
	same(t, "key of a map", fmt.Sprintf("%v", map[*T]int{v: 1}), "map["+text+":1]")
	for _, format := range []string{"%v", "%+v", "%d", "%x"} {
		for _, form := range unexported(format, v) {
			if !address.MatchString(form) {
				t.Errorf("%s in an unexported field: %s", format, form)
			}
		}
	}

	same(t, "slog text", logged(v, false), "x="+inSlog(text))
	same(t, "slog JSON", logged(v, true), `"x":`+jsonOf(t, text))
	same(t, "slog text in a struct", logged(struct{ X *T }{v}, false), "x="+inSlog("{X:"+text+"}"))
	object := "{}"
	if v == nil {
		object = "null"
	}
	same(t, "slog JSON in a struct", logged(struct{ X *T }{v}, true), `"x":{"X":`+object+`}`)
	same(t, "JSON", jsonOf(t, v), object)
	same(t, "JSON in a map", jsonOf(t, map[string]any{"k": v}), `{"k":`+object+`}`)
}

// CheckMisused fails the test if one of the secrets is printed where package fmt
// prints fields without calling a method: with %w, which is for errors, and with verbs
// that are not for pointers, if v is in an unexported field. Vet reports both.
func CheckMisused[T any](t testing.TB, v *T, secrets ...string) {
	t.Helper()
	noError := "%w" // not a constant: vet would report it
	for _, secret := range secrets {
		if form := fmt.Sprintf(noError, v); strings.Contains(form, secret) {
			t.Errorf("%%w: %s", form)
		}
	}
	for _, verb := range "vsqtcUeg" {
		for _, flag := range []string{"", "+", "#"} {
			format := "%" + flag + string(verb)
			for _, form := range unexported(format, v) {
				for _, secret := range secrets {
					if strings.Contains(form, secret) {
						t.Errorf("%s in an unexported field: %s", format, form)
					}
				}
			}
		}
	}
}

// unexported returns the printed forms of v in unexported fields.
func unexported[T any](format string, v *T) []string {
	return []string{
		fmt.Sprintf(format, struct{ x *T }{v}),
		fmt.Sprintf(format, &struct{ x any }{v}),
		fmt.Sprintf(format, struct{ x []*T }{[]*T{v}}),
		fmt.Sprintf(format, struct{ x map[int]*T }{map[int]*T{1: v}}),
	}
}

func same(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// address matches a value that is printed as its address.
var address = regexp.MustCompile(`^&?\{(x:)?(map\[1:|\[)?(0x[0-9a-f]+|[0-9a-f]+|<nil>)\]?\}$`)

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// inSlog returns text as [slog.TextHandler] writes it.
func inSlog(text string) string {
	if strings.ContainsAny(text, ` "`) {
		return strconv.Quote(text)
	}
	return text
}

// logged returns v as an attribute of log/slog named x.
func logged(v any, inJSON bool) string {
	var out bytes.Buffer
	options := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key != "x" {
			return slog.Attr{}
		}
		return a
	}}
	var h slog.Handler = slog.NewTextHandler(&out, options)
	if inJSON {
		h = slog.NewJSONHandler(&out, options)
	}
	slog.New(h).Info("m", "x", v)
	line := strings.TrimSpace(out.String())
	if inJSON {
		line = strings.TrimSuffix(strings.TrimPrefix(line, "{"), "}")
	}
	return line
}
