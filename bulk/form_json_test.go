package bulk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files; read them before you commit them")

// golden compares the JSON of v with a file in testdata.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	goldenText(t, name+".json", string(got))
}

func goldenText(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(bytes.TrimSuffix(want, []byte("\n"))), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// readWaits returns the waits of a JSON text.
func readWaits(t testing.TB, text string) bulk.Waits {
	t.Helper()
	var w bulk.Waits
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// morning is the status of a busy bulkhead, with a different number in each field.
func morning(t testing.TB) bulk.Status {
	return bulk.Status{
		ID: 3, Index: 41, LastEvent: 24_310, Label: "payments", At: time.Date(2026, 3, 1, 9, 30, 0, 123456789, time.UTC),
		Capacity: bulk.Capacity{Parallelism: 10, WaitingRoom: 50, WaitLimit: 250 * time.Millisecond},
		InFlight: 9, InUse: 10, Waiting: 42,
		Queueing: 4 * time.Second, OldestWait: 180 * time.Millisecond, OldestHold: 1200 * time.Millisecond,
		Totals: bulk.Totals{
			Admitted: 11_000, AdmittedFromQueue: 1_200, Abandoned: 2, Finished: 10_989, Queued: 1_290,
			Saturated: 700, Expired: 40, ExpiredAtArrival: 5, Canceled: 7, CanceledAtArrival: 6,
			Closed: 0, ClosedAtArrival: 0, Oversized: 1, OversizedAtArrival: 3,
			Shortened: 31, Queueing: 600 * time.Second,
			Wait: 96 * time.Second, LongestWait: 249*time.Millisecond + 17*time.Microsecond,
			Waits: readWaits(t, `[{"le_ns":10485759,"count":300},{"le_ns":50331647,"count":600},{"le_ns":134217727,"count":288},{"le_ns":251658239,"count":12}]`),
			Holds: bulk.Holds{Samples: 172, Sum: 7740 * time.Millisecond},
		},
		Peak: bulk.Peak{InFlight: 10, InUse: 11, Waiting: 50},
	}
}

// minute is the interval that ends with morning.
func minute(t testing.TB) bulk.Interval {
	end := morning(t)
	start := end
	start.Index, start.LastEvent, start.At = 40, 20_000, end.At.Add(-time.Minute)
	start.Totals = bulk.Totals{Admitted: 9_000, AdmittedFromQueue: 200, Finished: 8_995, Queued: 200,
		Shortened: 1, Queueing: 564 * time.Second,
		Wait: 10 * time.Second, LongestWait: 140 * time.Millisecond,
		Waits: readWaits(t, `[{"le_ns":10485759,"count":100},{"le_ns":50331647,"count":100}]`),
		Holds: bulk.Holds{Samples: 141, Sum: 4200 * time.Millisecond}}
	start.InFlight, start.InUse, start.Waiting, start.Queueing, start.OldestWait = 5, 5, 0, 0, 0
	return mustSince(t, end, start)
}

// Other programs read this JSON. Names may be added, but none may be removed or
// change.
func TestJSONMatchesGoldenFiles(t *testing.T) {
	golden(t, "status", morning(t))
	golden(t, "interval", minute(t))
	golden(t, "report", minute(t).Report())
	golden(t, "report_notice", bulk.Status{Label: "idle", At: morning(t).At, Capacity: bulk.Capacity{Parallelism: 1, WaitLimit: time.Second}}.Report())
	golden(t, "report_ok", bulk.Status{Label: "idle", At: morning(t).At, Capacity: bulk.Capacity{Parallelism: 1}}.Report())
	golden(t, "capacity", []bulk.Capacity{{Parallelism: 10, WaitingRoom: 50, WaitLimit: 250 * time.Millisecond}, {Parallelism: 10},
		{Parallelism: bulk.Unlimited}, {WaitingRoom: 5, DelayTarget: 5 * time.Millisecond, DelayInterval: 100 * time.Millisecond}})
	golden(t, "events", []bulk.Event{
		{ID: 3, Seq: 17, Op: 11, Kind: bulk.EventAdmitted, Label: "payments", At: morning(t).At, Slots: 2, Queued: true, Waited: 12 * time.Millisecond,
			Capacity: bulk.Capacity{Parallelism: 10, WaitingRoom: 50}, InFlight: 9, InUse: 10, Waiting: 4},
		{ID: 3, Seq: 18, Kind: bulk.EventResized, Label: "payments", At: morning(t).At, Capacity: bulk.Capacity{Parallelism: 12, WaitingRoom: 50},
			Previous: bulk.Capacity{Parallelism: 10, WaitingRoom: 50, WaitLimit: time.Second}, InFlight: 9, InUse: 10, Waiting: 4},
	})
}

func TestJSONReadsBackUnchanged(t *testing.T) {
	mustReadBack(t, morning(t))
	mustReadBack(t, minute(t))
	mustReadBack(t, minute(t).Report())
	mustReadBack(t, bulk.Status{}.Report()) // no findings
	mustReadBack(t, bulk.Status{})
	mustReadBack(t, bulk.Event{Kind: bulk.EventResized, Previous: bulk.Capacity{Parallelism: 3}})
	mustReadBack(t, bulk.Finding{Code: bulk.CodeRejections, Severity: bulk.SeverityWarning, Message: "m", Advice: "a"})
	mustReadBack(t, bulk.Event{Kind: bulk.EventClosed, Label: "\u200e\ue000\uffff\U00010000\U0010ffff"}) // escaped, with one or two escapes
	mustReadBack(t, []bulk.Severity{bulk.SeverityOK, bulk.SeverityCritical})
	synctest.Test(t, func(t *testing.T) {
		rec := new(recorder)
		b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.OnEvent(rec.handle))
		wait(b, time.Second, time.Hour)
		_ = b.Close()
		mustReadBack(t, b.Status())
		for _, e := range rec.take() {
			mustReadBack(t, e)
		}
	})
}

func mustReadBack[T any](t *testing.T, v T) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%+v: %v", v, err)
	}
	var back T
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if diff := cmp.Diff(v, back); diff != "" {
		t.Errorf("%s reads back differently (-before +after):\n%s", text, diff)
	}
}

func TestEveryFieldHasASnakeCaseNameInJSON(t *testing.T) {
	for _, v := range []any{bulk.Status{}, bulk.Totals{}, bulk.Peak{}, bulk.Holds{}, bulk.Event{}, bulk.Interval{}, bulk.Report{}, bulk.Finding{}} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := bytes.Cut([]byte(f.Tag.Get("json")), []byte(","))
			duration := f.Type == reflect.TypeFor[time.Duration]()
			if len(name) == 0 || bytes.ContainsAny(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") || duration != bytes.HasSuffix(name, []byte("_ns")) {
				t.Errorf("%v.%s has the name %q in JSON", typ, f.Name, name)
			}
		}
	}
}

func TestMarshalJSONRejectsUnknownEnumValues(t *testing.T) {
	for _, v := range []any{bulk.Event{}, bulk.Event{Kind: 99}, bulk.Finding{Severity: 9}, bulk.Report{Findings: []bulk.Finding{{Severity: 9}}}} {
		if text, err := json.Marshal(v); !errors.Is(err, bulk.ErrConfig) {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestReportUnmarshalJSONRejectsWrongTypes(t *testing.T) {
	for _, text := range []string{`[]`, `{"findings":1}`, `{"findings":[{"severity":"bad"}]}`, `{"status":{"totals":{"waits":1}}}`} {
		if err := json.Unmarshal([]byte(text), new(bulk.Report)); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

func TestWaitsUnmarshalJSON(t *testing.T) {
	var rows table
	for _, c := range []struct {
		name, why, text, want string
		bad                   any
	}{
		{"none", "a list, never null", `[]`, `[]`, nil},
		{"null", "no waits", `null`, `[]`, nil},
		{"some", "in order, whatever the order of the input", `[{"le_ns":8,"count":1},{"le_ns":0,"count":2}]`, `[{"le_ns":0,"count":2},{"le_ns":8,"count":1}]`, nil},
		{"the last bucket", "the longest duration", `[{"le_ns":9223372036854775807,"count":1}]`, `[{"le_ns":9223372036854775807,"count":1}]`, nil},
		{"a bucket twice", "the counts are added", `[{"le_ns":8,"count":1},{"le_ns":8,"count":2}]`, `[{"le_ns":8,"count":3}]`, nil},
		{"a bucket with count 0", "it is omitted", `[{"le_ns":8,"count":0}]`, `[]`, nil},
		{"an unknown name", "later versions may add names", `[{"le_ns":8,"count":1,"new":true}]`, `[{"le_ns":8,"count":1}]`, nil},
		{"without a bound", "the bound is required: it is not 0", `[{"count":5}]`, "", `[{"count":5}]`},
		{"a bound by another name", "the bound is required: it is not 0", `[{"le_ms":8,"count":5}]`, "", `[{"le_ms":8,"count":5}]`},
		{"without a count", "the count is required", `[{"le_ns":8}]`, "", `[{"le_ns":8}]`},
		{"null for a bucket", "bound and count are required", `[null]`, "", `[null]`},
		{"a bucket twice, whose sum overflows", "the count of a bucket fits into 64 bits", `[{"le_ns":8,"count":18446744073709551615},{"le_ns":8,"count":1}]`, "", uint64(1)},
		{"two buckets whose sum overflows", "Count fits into 64 bits", `[{"le_ns":8,"count":2},{"le_ns":9,"count":18446744073709551614}]`, "", uint64(math.MaxUint64 - 1)},
		{"two buckets with the largest sum", "it does not overflow", `[{"le_ns":8,"count":1},{"le_ns":9,"count":18446744073709551614}]`, `[{"le_ns":8,"count":1},{"le_ns":9,"count":18446744073709551614}]`, nil},
		{"a bound within a bucket", "rounding it would change the waits", `[{"le_ns":16,"count":1}]`, "", 16 * time.Nanosecond},
		{"a negative bound", "no wait is negative", `[{"le_ns":-1,"count":1}]`, "", -1 * time.Nanosecond},
		{"not a list", "wrong type", `{"le_ns":16}`, "", `{"le_ns":16}`},
		{"a negative count", "wrong type", `[{"le_ns":8,"count":-1}]`, "", `[{"le_ns":8,"count":-1}]`},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			w := readWaits(t, `[{"le_ns":3,"count":4}]`)
			err := json.Unmarshal([]byte(c.text), &w)
			if c.bad != nil {
				if got := problems(t, err); len(got) != 1 || got[0] != (problem{"waits", c.bad}) || w.Count() != 4 {
					t.Errorf("%v: %d waits", err, w.Count())
				}
				return
			}
			if got, _ := json.Marshal(w); err != nil || string(got) != c.want {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestEmptyWaitsReadAsTheZeroWaits(t *testing.T) {
	for _, text := range []string{`[]`, `null`, `[{"le_ns":8,"count":0}]`} {
		if w := readWaits(t, text); w != (bulk.Waits{}) {
			t.Errorf("%s keeps an empty histogram", text)
		}
	}
}

func TestWaitsJSONErrorNamesAnAllowedValue(t *testing.T) {
	for text, want := range map[string]string{
		`[{"le_ns":16,"count":1}]`:                                          "bulk: waits 16ns: must be the upper bound of a bucket, such as 17 ns",
		`[{"le_ns":1000000,"count":1}]`:                                     "bulk: waits 1ms: must be the upper bound of a bucket, such as 1048575 ns",
		`[{"le_ns":-5,"count":1}]`:                                          "bulk: waits -5ns: must be the upper bound of a bucket, such as 0 ns",
		`[{"le_ns":1,"count":10},{"le_ns":2,"count":18446744073709551610}]`: "bulk: waits 18446744073709551610: must be at most 18446744073709551605, because the other buckets have 10",
	} {
		if err := json.Unmarshal([]byte(text), new(bulk.Waits)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestWaitsReadBackUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		waits := durations().Draw(t, "waits")
		rapid.SyncTest(t, func(t *rapid.T) {
			b := oneSlot()
			wait(b, waits...)
			w := b.Status().Totals.Waits
			text, _ := json.Marshal(w)
			var back bulk.Waits
			if err := json.Unmarshal(text, &back); err != nil || !back.Equal(w) {
				t.Errorf("%s, %v", text, err)
			}
		})
	})
}

func TestCapacityUnmarshalJSON(t *testing.T) {
	before := bulk.Capacity{Parallelism: 7, WaitingRoom: 8, WaitLimit: 9}
	var rows table
	for _, c := range []struct {
		name, why, text string
		want            bulk.Capacity
		bad             []problem
	}{
		{"all three", "the form of configuration files", `{"parallelism":10,"waiting_room":50,"wait_limit":"250ms"}`,
			bulk.Capacity{Parallelism: 10, WaitingRoom: 50, WaitLimit: 250 * time.Millisecond}, nil},
		{"one of them", "absent fields stay unchanged", `{"parallelism":20}`, bulk.Capacity{Parallelism: 20, WaitingRoom: 8, WaitLimit: 9}, nil},
		{"none of them", "absent fields stay unchanged", `{}`, before, nil},
		{"null", "no field is present", `null`, before, nil},
		{"no wait limit", "the limit can be removed", ` { "wait_limit" : "0s" } `, bulk.Capacity{Parallelism: 7, WaitingRoom: 8}, nil},
		{"values that are not allowed", "Validate reports them", `{"parallelism":0,"waiting_room":-1,"wait_limit":"-1s"}`,
			bulk.Capacity{Parallelism: 0, WaitingRoom: -1, WaitLimit: -time.Second}, nil},
		{"a number as a wait limit", "the unit is missing", `{"wait_limit":250}`, before, []problem{{"wait_limit", "250"}}},
		{"a limit without a unit", "the unit is missing", `{"wait_limit":"250"}`, before, []problem{{"wait_limit", `"250"`}}},
		{"an empty limit", "it is probably a mistake", `{"wait_limit":""}`, before, []problem{{"wait_limit", `""`}}},
		{"null in a field", "it is probably a mistake", `{"wait_limit":null,"parallelism":null}`, before, []problem{{"wait_limit", "null"}, {"parallelism", "null"}}},
		{"a fraction of a slot", "slots are whole numbers", `{"parallelism":1.5}`, before, []problem{{"parallelism", "1.5"}}},
		{"a number that overflows", "it does not fit into an int", `{"waiting_room":99999999999999999999}`, before, []problem{{"waiting_room", "99999999999999999999"}}},
		{"a string as a number", "wrong type", `{"parallelism":"10"}`, before, []problem{{"parallelism", `"10"`}}},
		{"an unknown name", "a typing error must be reported", `{"paralelism":10}`, before, []problem{{"capacity", "paralelism"}}},
		{"a name in upper case", "names are case-sensitive", `{"Parallelism":10}`, before, []problem{{"capacity", "Parallelism"}}},
		{"several errors", "all of them are reported together", `{"z":1,"wait_limit":1,"a":2,"parallelism":true,"waiting_room":[]}`, before,
			[]problem{{"capacity", "z"}, {"wait_limit", "1"}, {"capacity", "a"}, {"parallelism", "true"}, {"waiting_room", "[]"}}},
		{"the same name twice", "it is unclear which value is meant", `{"parallelism":10,"parallelism":100}`, before, []problem{{"parallelism", "100"}}},
		{"the same name twice, the first value wrong", "all errors are reported together", `{"parallelism":"x","parallelism":100}`, before, []problem{{"parallelism", `"x"`}, {"parallelism", "100"}}},
		{"a good value beside a bad one", "nothing is changed", `{"parallelism":10,"wait_limit":1}`, before, []problem{{"wait_limit", "1"}}},
		{"a list", "wrong type", `[10,50]`, before, []problem{{"capacity", "[10,50]"}}},
		{"a long text", "the error stays short", `["` + strings.Repeat("x", 9999) + `"]`, before, []problem{{"capacity", `["` + strings.Repeat("x", 98) + "… (10003 bytes)"}}},
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

// encoding/json checks the syntax before it calls UnmarshalJSON. Other callers get
// an error too.
func TestCapacityUnmarshalJSONRejectsInvalidSyntax(t *testing.T) {
	for _, text := range []string{"", "{", `{"parallelism":1`, `{"parallelism":1}x`, `{"parallelism":1,}`, `{parallelism:1}`, "\xff"} {
		c := bulk.Capacity{Parallelism: 7}
		err := c.UnmarshalJSON([]byte(text))
		if got := problems(t, err); len(got) != 1 || got[0] != (problem{"capacity", text}) || c.Parallelism != 7 {
			t.Errorf("%q: %v, %+v", text, err, c)
		}
	}
}

func TestCapacityReadsBackUnchanged(t *testing.T) {
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
			t.Errorf("%s: a wait limit of 0 is omitted, and no other", text)
		}
	})
}

// Package encoding/json would replace these bytes, so that two names could become
// the same.
func TestCapacityUnmarshalJSONRejectsBytesThatAreNotUTF8(t *testing.T) {
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

// A text is either a capacity that reads back unchanged, or an error that leaves
// the capacity unchanged. It never panics.
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
