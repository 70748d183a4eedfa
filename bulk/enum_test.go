package bulk_test

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
)

// enum is an enumeration with a text form.
type enum interface {
	fmt.Stringer
	encoding.TextMarshaler
}

var (
	reasons = map[bulk.Reason]string{bulk.Saturated: "saturated", bulk.Expired: "expired", bulk.Closed: "closed",
		bulk.Oversized: "oversized", bulk.Canceled: "canceled"}
	kinds = map[bulk.EventKind]string{bulk.EventQueued: "queued", bulk.EventAdmitted: "admitted", bulk.EventReleased: "released",
		bulk.EventAbandoned: "abandoned", bulk.EventSaturated: "saturated", bulk.EventExpired: "expired", bulk.EventCanceled: "canceled",
		bulk.EventOversized: "oversized", bulk.EventRejectedClosed: "rejected_closed", bulk.EventClosed: "closed",
		bulk.EventDrained: "drained", bulk.EventResized: "resized"}
	severityTexts = map[bulk.Severity]string{bulk.SeverityOK: "ok", bulk.SeverityNotice: "notice", bulk.SeverityWarning: "warning",
		bulk.SeverityCritical: "critical"}
)

// mustHaveTexts checks that an enumeration has these texts and no others, in both
// directions, for all 256 values.
func mustHaveTexts[E interface {
	~uint8
	enum
}](t *testing.T, words map[E]string, read func(*E, []byte) error) {
	t.Helper()
	values := slices.Sorted(maps.Keys(words))
	allowed := fmt.Sprintf("from %d to %d", uint8(values[0]), uint8(values[len(values)-1]))
	for i := range 256 {
		v := E(i)
		text, err := v.MarshalText()
		want, known := words[v]
		if !known {
			if len(problems(t, err)) != 1 || text != nil {
				t.Errorf("value %d: marshals as %q, %v", uint8(v), text, err)
			}
			if !strings.Contains(fmt.Sprint(err), allowed) {
				t.Errorf("value %d: %v does not contain %q", uint8(v), err, allowed)
			}
			if !strings.Contains(v.String(), fmt.Sprint(uint8(v))) || slices.Contains(texts(words), v.String()) {
				t.Errorf("value %d: String returns %q, want a text with the number", uint8(v), v)
			}
			continue
		}
		if v.String() != want || string(text) != want || err != nil {
			t.Errorf("value %d: String returns %q, MarshalText %q, %v, want %q", uint8(v), v, text, err, want)
		}
		var back E
		if err := read(&back, text); err != nil || back != v {
			t.Errorf("%q: read as %d, %v, want %d", text, uint8(back), err, uint8(v))
		}
	}
	for _, text := range []string{"", " ", "Saturated", "CLOSED", " closed", "closed ", "closed\x00", "1", "reason(1)", "event kind(1)", "over", "nothing"} {
		v := E(2)
		err := read(&v, []byte(text))
		if got := problems(t, err); len(got) != 1 || got[0].Value != text {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if v != 2 {
			t.Errorf("%q: changed the value to %d", text, uint8(v))
		}
		if !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) || !containsAll(err.Error(), texts(words)) {
			t.Errorf("%q does not contain the given and the allowed texts", err)
		}
	}
	if err := read(new(E), []byte(strings.Repeat("x", 9999))); err == nil || len(err.Error()) > 400 {
		t.Errorf("a long text: the error is too long: %.100v", err)
	}
	var zero E
	if err := read(&zero, nil); !errors.Is(err, bulk.ErrConfig) || zero != 0 {
		t.Errorf("empty text: %d, %v", uint8(zero), err)
	}
}

func texts[E comparable](words map[E]string) []string {
	var all []string
	for _, w := range words {
		all = append(all, w)
	}
	return all
}

func TestReasonsHaveTexts(t *testing.T) {
	mustHaveTexts(t, reasons, (*bulk.Reason).UnmarshalText)
	for i, r := range []bulk.Reason{bulk.Saturated, bulk.Expired, bulk.Closed, bulk.Oversized, bulk.Canceled} {
		if int(r) != i+1 {
			t.Errorf("%v is %d, want %d", r, uint8(r), i+1)
		}
	}
}

func TestEventKindsHaveTexts(t *testing.T) {
	mustHaveTexts(t, kinds, (*bulk.EventKind).UnmarshalText)
	if len(kinds) != 12 || bulk.EventQueued != 1 || bulk.EventResized != 12 {
		t.Errorf("from %d to %d", bulk.EventQueued, bulk.EventResized)
	}
}

func TestSeveritiesHaveTexts(t *testing.T) {
	mustHaveTexts(t, severityTexts, (*bulk.Severity).UnmarshalText)
}

// A text either reads back unchanged, or is a ConfigError that leaves the value
// unchanged. It never panics.
func FuzzEnumText(f *testing.F) {
	for _, text := range slices.Concat(texts(reasons), texts(kinds), texts(severityTexts)) {
		f.Add(text)
	}
	for _, text := range []string{"", "Closed", "closed ", "reason(1)", "\xff", "sätürated"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		roundTrip(t, text, (*bulk.Reason).UnmarshalText)
		roundTrip(t, text, (*bulk.EventKind).UnmarshalText)
		roundTrip(t, text, (*bulk.Severity).UnmarshalText)
	})
}

func roundTrip[E interface {
	~uint8
	enum
}](t *testing.T, text string, read func(*E, []byte) error) {
	t.Helper()
	v := E(99)
	err := read(&v, []byte(text))
	if err != nil {
		if !errors.Is(err, bulk.ErrConfig) || v != 99 {
			t.Errorf("%q: %d, %v", text, uint8(v), err)
		}
		return
	}
	if back, err := v.MarshalText(); err != nil || string(back) != text || v.String() != text {
		t.Errorf("%q: read as %d, which is %q, %v", text, uint8(v), back, err)
	}
}
