package bulk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"pgregory.net/rapid"
)

func TestCapacityJSON(t *testing.T) {
	before := bulk.Capacity{Parallelism: 7, WaitingRoom: 8, WaitLimit: 9}
	var rows table
	for _, c := range []struct {
		name, why, text string
		want            bulk.Capacity
		bad             []problem
	}{
		{"all three", "the form of configuration files", `{"parallelism":10,"waiting_room":50,"wait_limit":"250ms"}`,
			bulk.Capacity{Parallelism: 10, WaitingRoom: 50, WaitLimit: 250 * time.Millisecond}, nil},
		{"one of them", "what is absent stays as it was", `{"parallelism":20}`, bulk.Capacity{Parallelism: 20, WaitingRoom: 8, WaitLimit: 9}, nil},
		{"none of them", "what is absent stays as it was", `{}`, before, nil},
		{"null", "nothing is given", `null`, before, nil},
		{"no wait limit", "it can be taken away", ` { "wait_limit" : "0s" } `, bulk.Capacity{Parallelism: 7, WaitingRoom: 8}, nil},
		{"values that can't be used", "Validate says so, with the rest", `{"parallelism":0,"waiting_room":-1,"wait_limit":"-1s"}`,
			bulk.Capacity{Parallelism: 0, WaitingRoom: -1, WaitLimit: -time.Second}, nil},
		{"a number as a wait limit", "of which unit?", `{"wait_limit":250}`, before, []problem{{"wait_limit", "250"}}},
		{"a limit without a unit", "of which unit?", `{"wait_limit":"250"}`, before, []problem{{"wait_limit", `"250"`}}},
		{"an empty limit", "is it none, or a mistake?", `{"wait_limit":""}`, before, []problem{{"wait_limit", `""`}}},
		{"null in a field", "is it none, or a mistake?", `{"wait_limit":null,"parallelism":null}`, before, []problem{{"wait_limit", "null"}, {"parallelism", "null"}}},
		{"a part of a slot", "slots are whole", `{"parallelism":1.5}`, before, []problem{{"parallelism", "1.5"}}},
		{"more than there are numbers", "it fits no int", `{"waiting_room":99999999999999999999}`, before, []problem{{"waiting_room", "99999999999999999999"}}},
		{"a text as a number", "of another type", `{"parallelism":"10"}`, before, []problem{{"parallelism", `"10"`}}},
		{"an unknown name", "a typing error must not be silent", `{"paralelism":10}`, before, []problem{{"capacity", "paralelism"}}},
		{"a name in other letters", "names are exact", `{"Parallelism":10}`, before, []problem{{"capacity", "Parallelism"}}},
		{"all wrong at once", "one round is enough to mend all", `{"z":1,"wait_limit":1,"a":2,"parallelism":true,"waiting_room":[]}`, before,
			[]problem{{"capacity", "z"}, {"wait_limit", "1"}, {"capacity", "a"}, {"parallelism", "true"}, {"waiting_room", "[]"}}},
		{"the same one twice", "which one is meant?", `{"parallelism":10,"parallelism":100}`, before, []problem{{"parallelism", "100"}}},
		{"the same one twice, the first one wrong", "one round is enough to mend all", `{"parallelism":"x","parallelism":100}`, before, []problem{{"parallelism", `"x"`}, {"parallelism", "100"}}},
		{"a good one among bad ones", "all or nothing", `{"parallelism":10,"wait_limit":1}`, before, []problem{{"wait_limit", "1"}}},
		{"a list", "of another type", `[10,50]`, before, []problem{{"capacity", "[10,50]"}}},
		{"something long", "an error stays readable", `["` + strings.Repeat("x", 9999) + `"]`, before, []problem{{"capacity", `["` + strings.Repeat("x", 98) + "… (10003 bytes)"}}},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			got := before
			err := json.Unmarshal([]byte(c.text), &got)
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			bad := problems(t, err)
			if len(bad) != len(c.bad) {
				t.Fatalf("got %v, want %v", err, c.bad)
			}
			for i := range bad {
				if c.bad[i] != (problem{bad[i].Field, fmt.Sprint(bad[i].Value)}) {
					t.Errorf("got %v, want %v", bad[i], c.bad[i])
				}
			}
		})
	}
}

// Who calls it by hand has its errors too.
func TestCapacityRefusesWhatIsNoJSON(t *testing.T) {
	for _, text := range []string{"", "{", `{"parallelism":1`, `{"parallelism":1}x`, `{"parallelism":1,}`, `{parallelism:1}`, "\xff"} {
		c := bulk.Capacity{Parallelism: 7}
		err := c.UnmarshalJSON([]byte(text))
		if got := problems(t, err); len(got) != 1 || got[0] != (problem{"capacity", text}) || c.Parallelism != 7 {
			t.Errorf("%q: %v, %+v", text, err, c)
		}
	}
}

func TestCapacityComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := bulk.Capacity{Parallelism: rapid.Int().Draw(t, "parallelism"), WaitingRoom: rapid.Int().Draw(t, "room"),
			WaitLimit: time.Duration(rapid.OneOf(rapid.Int64(), rapid.Just[int64](math.MinInt64), rapid.Just[int64](0)).Draw(t, "limit"))}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		back := bulk.Capacity{Parallelism: 1, WaitingRoom: 2}
		if err := json.Unmarshal(text, &back); err != nil || back != c {
			t.Errorf("%s: %+v, %v", text, back, err)
		}
		if strings.Contains(string(text), "wait_limit") != (c.WaitLimit != 0) {
			t.Errorf("%s: a wait limit that is none is left out", text)
		}
	})
}

// Package encoding/json would replace it, so that two names become the same.
func TestCapacityRejectsBytesThatAreNotUTF8(t *testing.T) {
	for _, text := range []string{"{\"wait_limit\":\"1\xff\"}", "{\"parallelism\xff\":1}", `{"\ud834":1}`} {
		for _, read := range []func([]byte, *bulk.Capacity) error{
			func(text []byte, c *bulk.Capacity) error { return json.Unmarshal(text, c) },
			func(text []byte, c *bulk.Capacity) error { return c.UnmarshalJSON(text) },
		} {
			c := bulk.Capacity{Parallelism: 7}
			err := read([]byte(text), &c)
			if !errors.Is(err, bulk.ErrConfig) || !strings.Contains(err.Error(), "must be UTF-8") || c.Parallelism != 7 {
				t.Errorf("%q: %v, %+v", text, err, c)
			}
		}
	}
}

// FuzzCapacityJSON: a text is either a capacity, which comes back as it was, or
// an error that changes nothing; it is never both, and never a panic.
func FuzzCapacityJSON(f *testing.F) {
	for _, text := range []string{`{"parallelism":10,"waiting_room":50,"wait_limit":"250ms"}`, `{}`, `null`, `[]`, `{"wait_limit":"1h1ns"}`,
		`{"parallelism":1e3}`, `{"wait_limit":"-2562047h47m16.854775808s"}`, `{"":1}`, `{"parallelism":1,"parallelism":"x"}`, `{`, "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		before := bulk.Capacity{Parallelism: 3, WaitingRoom: 4, WaitLimit: 5}
		for _, read := range []func(*bulk.Capacity) error{
			func(c *bulk.Capacity) error { return c.UnmarshalJSON([]byte(text)) },
			func(c *bulk.Capacity) error { return json.Unmarshal([]byte(text), c) },
		} {
			c := before
			if err := read(&c); err != nil {
				var syntax *json.SyntaxError
				if c != before || !errors.Is(err, bulk.ErrConfig) && !errors.As(err, &syntax) {
					t.Errorf("%q: %+v, %v", text, c, err)
				}
				continue
			}
			written, err := json.Marshal(c)
			back := bulk.Capacity{}
			if err != nil || json.Unmarshal(written, &back) != nil || back != c {
				t.Errorf("%q: %+v is %s, which is %+v", text, c, written, back)
			}
		}
	})
}
