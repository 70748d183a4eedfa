package registry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func TestApplyJSONKeepsAbsentFields(t *testing.T) {
	for _, c := range []struct {
		text string
		want bulk.Capacity // of search, which has 20, 1, 1s before
	}{
		{`{"search":{}}`, bulk.Capacity{Parallelism: 20, WaitingRoom: 1, WaitLimit: time.Second}},
		{`{"search":{"parallelism":5}}`, bulk.Capacity{Parallelism: 5, WaitingRoom: 1, WaitLimit: time.Second}},
		{`{"search":{"waiting_room":0}}`, bulk.Capacity{Parallelism: 20, WaitingRoom: 0, WaitLimit: time.Second}},
		{`{"search":{"wait_limit":"0s"}}`, bulk.Capacity{Parallelism: 20, WaitingRoom: 1}},
		{`{"search":{"wait_limit":"250ms","parallelism":7}}`, bulk.Capacity{Parallelism: 7, WaitingRoom: 1, WaitLimit: 250 * time.Millisecond}},
		{"\n\t{\"se\\u0061rch\" : {\"waiting_room\":\n3}}\n", bulk.Capacity{Parallelism: 20, WaitingRoom: 3, WaitLimit: time.Second}},
		{fmt.Sprintf(`{"search":{"parallelism":%d}}`, math.MaxInt), bulk.Capacity{Parallelism: math.MaxInt, WaitingRoom: 1, WaitLimit: time.Second}},
	} {
		r, want := three(t)
		want["search"] = c.want
		if err := r.ApplyJSON([]byte(c.text)); err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
		mustHave(t, r, want)
	}
}

var badJSON = []struct {
	text string
	says string // a part of the error
}{
	{"", "line 1: "},
	{"null", "registry: capacities null: must be an object with labels"},
	{"[]", "capacities []: must be an object"},
	{`"payments"`, `capacities "payments": must be an object`},
	{"{\n\"payments\": {\n\"parallelism\": 1,\n}}", "line 4: "},
	{"{\n\"payments\": {", "line 2: "},
	{"{\n\"pay\nments\": {}}", "line 2: "}, // the line that ends too early
	{"{}\n}", "line 2: "},
	{`{"payments":{"parallelism":5}} {}`, "line 1: "},
	{`{"payments":{"parallelism":5}}x`, "after top-level value"},
	{`{"payments":null}`, `bulkhead "payments": capacity null: must be an object`},
	{`{"payments":5}`, `bulkhead "payments": capacity 5: must be an object`},
	{`{"payments":[` + strings.Repeat("1,", 100) + `1]}`, "… (203 bytes): must be an object"},
	{`{"payments":{"parallelism":null}}`, `bulkhead "payments": parallelism null: must be a whole number`},
	{`{"payments":{"parallelism":"5"}}`, `parallelism "5": must be a whole number`},
	{`{"payments":{"parallelism":5.5}}`, "parallelism 5.5: must be a whole number"},
	{`{"payments":{"parallelism":1e2}}`, "parallelism 1e2: must be a whole number"},
	{`{"payments":{"parallelism":9223372036854775808}}`, "must be a whole number"},
	{`{"payments":{"parallelism":-1}}`, `bulkhead "payments": parallelism -1: must be 0 (paused) or more`},
	{`{"payments":{"parallelism":0,"waiting_room":-1}}`, `registry: bulkhead "payments": waiting_room -1: must be`},
	{`{"payments":{"waiting_room":true}}`, "waiting_room true: must be a whole number"},
	{`{"payments":{"waiting_room":-1}}`, `bulkhead "payments": waiting_room -1: must be`},
	{`{"payments":{"wait_limit":null}}`, `wait_limit null: must be a duration such as "250ms"`},
	{`{"payments":{"wait_limit":250}}`, "wait_limit 250: must be a duration"},
	{`{"payments":{"wait_limit":"soon"}}`, `wait_limit "soon": must be a duration`},
	{`{"payments":{"wait_limit":"-1s"}}`, `bulkhead "payments": wait_limit -1s: must be`},
	{`{"payments":{"Parallelism":5}}`, `bulkhead "payments": capacity "Parallelism": unknown field (want parallelism, waiting_room, wait_limit, delay_target or delay_interval)`},
	{`{"payments":{"parallelism":5,"slots":1}}`, `capacity "slots": unknown field`},
	{`{"payments":{"parallelism":5,"parallelism":5}}`, `parallelism 5: must not occur twice`},
	{`{"payments":{"parallelism":5},"payments":{}}`, `registry: bulkhead "payments": label "payments": must not occur twice`},
	{`{"Payments":{"parallelism":5}}`, `registry: bulkhead "Payments": no such label`},

	// encoding/json would replace these bytes, in the worst case by another label.
	{"{\n\"pay\xffments\":{\"parallelism\":5}}", "registry: capacities, line 2: not UTF-8"},
	{"{\"payments\":\n{\"wait_limit\xff\":\"1s\"}}", "line 2: "},
	{"{\"pay\\ud800ments\":{\"parallelism\":5}}", "line 1: "},

	// These characters are not printable, or look like a line of their own.
	{`{"payments":{"a\nb":1}}`, `capacity "a\nb": unknown field`},
	{`{"payments":{"a\nb":1,"a\nb":1}}`, `capacity "a\nb": unknown field`},
	{"{\"payments\":{\"parallelism\":[\n1]}}", `parallelism [\n1]: must be`},
	{"{\"payments\":{\"parallelism\":\"\u202e\u009b\"}}", `parallelism "\u202e\u009b": must be`},
	{"{\"pay\u202ements\":{},\"pay\u202ements\":{}}", `label "pay\u202ements": must not occur twice`},
	{"{\"payments\":{\"parallelism\":\"" + strings.Repeat("é", 100) + "\"}}", `é… (202 bytes): must be`},
	{"{\"payments\":{\"" + strings.Repeat("x", 100) + "\":1}}", `x": unknown field`},
}

func TestApplyJSONRejectsInvalidInputAndChangesNothing(t *testing.T) {
	for _, c := range badJSON {
		r, want := three(t)
		text := c.text
		err := r.ApplyJSON([]byte(text))
		if !errors.Is(err, bulk.ErrConfig) && !errors.Is(err, registry.ErrUnknown) {
			t.Errorf("%s: got %v", text, err)
			continue
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q is not in: %v", text, c.says, err)
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !strings.HasPrefix(line, "registry: ") || strings.Contains(line, "bulk: ") || !utf8.ValidString(line) || len(line) > 300 {
				t.Errorf("%s: a line of the error is %q", text, line)
			}
		}
		mustHave(t, r, want)
	}
	// One error has all problems.
	r, want := three(t)
	err := r.ApplyJSON([]byte(`{"auth":{"parallelism":1},"payments":{"parallelism":"1","x":2,"wait_limit":0},"nobody":{"waiting_room":-5},"else":{"y":3}}`))
	for _, s := range []string{`"else": no such label`, `bulkhead "else": capacity "y"`, "parallelism", `capacity "x"`, "wait_limit 0", `"nobody"`, "waiting_room -5"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q is not in: %v", s, err)
		}
	}
	mustHave(t, r, want)
}

func TestApplyJSONDoesNotUndoAConcurrentResize(t *testing.T) {
	r := registry.New()
	b := mustCreate(t, r, "payments", 1)
	var g sync.WaitGroup
	g.Go(func() {
		for n := range 5_000 {
			if err := b.Resize(n + 1); err != nil {
				t.Error(err)
			}
			if got := b.Capacity().Parallelism; got != n+1 {
				t.Errorf("set to %d, but it is %d", n+1, got)
				return
			}
		}
	})
	g.Go(func() {
		for range 1_000 {
			for _, room := range []string{"3", "4"} {
				if err := r.ApplyJSON([]byte(`{"payments":{"waiting_room":` + room + `}}`)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	g.Wait()
}

// encoding/json replaces bytes that are not UTF-8. The result can be the label of a
// member.
func TestApplyJSONWithInvalidUTF8ChangesNoOtherMember(t *testing.T) {
	for _, label := range []string{"a\xff", `a\ud800`} {
		r := registry.New()
		b := mustCreate(t, r, "a\ufffd", 1)
		err := r.ApplyJSON([]byte(`{"` + label + `":{"parallelism":9}}`))
		if mustBe(t, err, bulk.ErrConfig); b.Capacity().Parallelism != 1 {
			t.Errorf("%q changed %q", label, b.Label())
		}
	}
}

// An absent field keeps the value that it has when the member is set: a handler
// resizes the member between the check and that moment.
func TestApplyJSONKeepsAResizeMadeAfterTheCheck(t *testing.T) {
	r := registry.New()
	var search *bulk.Bulkhead
	mustCreate(t, r, "payments", 1, bulk.OnEvent(func(bulk.Event) {
		if err := search.Resize(9); err != nil {
			t.Error(err)
		}
	}))
	search = mustCreate(t, r, "search", 1)
	if err := r.ApplyJSON([]byte(`{"payments":{"parallelism":2},"search":{"waiting_room":3}}`)); err != nil {
		t.Fatal(err)
	}
	mustHave(t, r, map[string]bulk.Capacity{"payments": {Parallelism: 2}, "search": {Parallelism: 9, WaitingRoom: 3}})
}

// Every text is either applied, and encoding/json reads the same values from it, or
// rejected with a typed error, and nothing has changed.
func FuzzApplyJSON(f *testing.F) {
	for _, c := range badJSON {
		f.Add([]byte(c.text))
	}
	f.Add([]byte(`{"payments":{"parallelism":20,"waiting_room":50,"wait_limit":"250ms"},"search":{"parallelism":8}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, before := three(t)
		if err := r.ApplyJSON(data); err != nil {
			if !errors.Is(err, bulk.ErrConfig) && !errors.Is(err, registry.ErrUnknown) {
				t.Fatalf("an untyped error: %v", err)
			}
			mustHave(t, r, before)
			return
		}
		// The text was applied, so every label and field is known, and nothing is null.
		var read map[string]struct {
			Parallelism *int    `json:"parallelism"`
			WaitingRoom *int    `json:"waiting_room"`
			WaitLimit   *string `json:"wait_limit"`
		}
		if err := json.Unmarshal(data, &read); err != nil {
			t.Fatalf("applied, although it is not such JSON: %v", err)
		}
		want := before
		for label, p := range read {
			c, ok := want[label]
			if !ok {
				t.Fatalf("unknown label %q was accepted", label)
			}
			if p.Parallelism != nil {
				c.Parallelism = *p.Parallelism
			}
			if p.WaitingRoom != nil {
				c.WaitingRoom = *p.WaitingRoom
			}
			if p.WaitLimit != nil {
				d, err := time.ParseDuration(*p.WaitLimit)
				if err != nil {
					t.Fatal(err)
				}
				c.WaitLimit = d
			}
			want[label] = c
		}
		mustHave(t, r, want)
		// A second time changes nothing.
		if err := r.ApplyJSON(data); err != nil {
			t.Fatal(err)
		}
		mustHave(t, r, want)
	})
}
