package bulk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew; read them before you commit them")

// golden compares v in JSON with a file that people read.
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

// readWaits reads the JSON form: tests make waits of it.
func readWaits(t testing.TB, text string) bulk.Waits {
	t.Helper()
	var w bulk.Waits
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// morning is the status of a busy bulkhead, with another number in each field.
func morning(t testing.TB) bulk.Status {
	return bulk.Status{
		ID: 3, Index: 41, LastEvent: 24_310, Label: "payments", At: time.Date(2026, 3, 1, 9, 30, 0, 123456789, time.UTC),
		Capacity: bulk.Capacity{Parallelism: 10, WaitingRoom: 50, WaitLimit: 250 * time.Millisecond},
		InFlight: 9, InUse: 10, Waiting: 42,
		Totals: bulk.Totals{
			Admitted: 11_000, AdmittedFromQueue: 1_200, Abandoned: 2, Finished: 10_989, Queued: 1_290,
			Saturated: 700, Expired: 40, ExpiredAtArrival: 5, Canceled: 7, CanceledAtArrival: 6,
			Closed: 0, ClosedAtArrival: 0, Oversized: 1, OversizedAtArrival: 3,
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
		Wait: 10 * time.Second, LongestWait: 140 * time.Millisecond,
		Waits: readWaits(t, `[{"le_ns":10485759,"count":100},{"le_ns":50331647,"count":100}]`),
		Holds: bulk.Holds{Samples: 141, Sum: 4200 * time.Millisecond}}
	start.InFlight, start.InUse, start.Waiting = 5, 5, 0
	return mustSince(t, end, start)
}

// A change of one of these files is a change of what other programs read: names
// may be added, none may change.
func TestGoldenJSON(t *testing.T) {
	golden(t, "status", morning(t))
	golden(t, "interval", minute(t))
	golden(t, "report", minute(t).Report())
	golden(t, "report_notice", bulk.Status{Label: "idle", At: morning(t).At, Capacity: bulk.Capacity{Parallelism: 1, WaitLimit: time.Second}}.Report())
	golden(t, "report_ok", bulk.Status{Label: "idle", At: morning(t).At, Capacity: bulk.Capacity{Parallelism: 1}}.Report())
	golden(t, "capacity", []bulk.Capacity{{Parallelism: 10, WaitingRoom: 50, WaitLimit: 250 * time.Millisecond}, {Parallelism: 10}})
	golden(t, "events", []bulk.Event{
		{ID: 3, Seq: 17, Kind: bulk.EventAdmitted, Label: "payments", At: morning(t).At, Slots: 2, Queued: true, Waited: 12 * time.Millisecond,
			Capacity: bulk.Capacity{Parallelism: 10, WaitingRoom: 50}, InFlight: 9, InUse: 10, Waiting: 4},
		{ID: 3, Seq: 18, Kind: bulk.EventResized, Label: "payments", At: morning(t).At, Capacity: bulk.Capacity{Parallelism: 12, WaitingRoom: 50},
			Previous: bulk.Capacity{Parallelism: 10, WaitingRoom: 50, WaitLimit: time.Second}, InFlight: 9, InUse: 10, Waiting: 4},
	})
}

// What was written can be read back by the same types.
func TestJSONComesBack(t *testing.T) {
	comesBack(t, morning(t))
	comesBack(t, minute(t))
	comesBack(t, minute(t).Report())
	comesBack(t, bulk.Status{}.Report()) // nothing was found
	comesBack(t, bulk.Status{})
	comesBack(t, bulk.Event{Kind: bulk.EventResized, Previous: bulk.Capacity{Parallelism: 3}})
	comesBack(t, bulk.Finding{Code: bulk.CodeRejections, Severity: bulk.SeverityWarning, Message: "m", Advice: "a"})
	comesBack(t, bulk.Event{Kind: bulk.EventClosed, Label: "\u200e\ue000\uffff\U00010000\U0010ffff"}) // escaped, by one or by two
	comesBack(t, []bulk.Severity{bulk.SeverityOK, bulk.SeverityCritical})
	synctest.Test(t, func(t *testing.T) {
		rec := new(recorder)
		b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.OnEvent(rec.handle))
		wait(b, time.Second, time.Hour)
		_ = b.Close()
		comesBack(t, b.Status())
		for _, e := range rec.take() {
			comesBack(t, e)
		}
	})
}

func comesBack[T any](t *testing.T, v T) {
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
		t.Errorf("%s came back (-before +after):\n%s", text, diff)
	}
}

// No exported field is without a name of its own in JSON.
func TestEveryFieldHasAName(t *testing.T) {
	for _, v := range []any{bulk.Status{}, bulk.Totals{}, bulk.Peak{}, bulk.Holds{}, bulk.Event{}, bulk.Interval{}, bulk.Report{}, bulk.Finding{}} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := bytes.Cut([]byte(f.Tag.Get("json")), []byte(","))
			duration := f.Type == reflect.TypeFor[time.Duration]()
			if len(name) == 0 || bytes.ContainsAny(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") || duration != bytes.HasSuffix(name, []byte("_ns")) {
				t.Errorf("%v.%s is %q in JSON", typ, f.Name, name)
			}
		}
	}
}

func TestJSONRefusesWhatHasNoWord(t *testing.T) {
	for _, v := range []any{bulk.Event{}, bulk.Event{Kind: 99}, bulk.Finding{Severity: 9}, bulk.Report{Findings: []bulk.Finding{{Severity: 9}}}} {
		if text, err := json.Marshal(v); !errors.Is(err, bulk.ErrConfig) {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestReportJSONRefuses(t *testing.T) {
	for _, text := range []string{`[]`, `{"findings":1}`, `{"findings":[{"severity":"bad"}]}`, `{"status":{"totals":{"waits":1}}}`} {
		if err := json.Unmarshal([]byte(text), new(bulk.Report)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

func TestWaitsJSON(t *testing.T) {
	var rows table
	for _, c := range []struct {
		name, why, text, want string
		bad                   any
	}{
		{"none", "a list, never null", `[]`, `[]`, nil},
		{"null", "no waits", `null`, `[]`, nil},
		{"some", "in order, whatever the order was", `[{"le_ns":8,"count":1},{"le_ns":0,"count":2}]`, `[{"le_ns":0,"count":2},{"le_ns":8,"count":1}]`, nil},
		{"the last bucket", "the longest duration", `[{"le_ns":9223372036854775807,"count":1}]`, `[{"le_ns":9223372036854775807,"count":1}]`, nil},
		{"a bucket twice", "its waits are all there", `[{"le_ns":8,"count":1},{"le_ns":8,"count":2}]`, `[{"le_ns":8,"count":3}]`, nil},
		{"a bucket of none", "it is not there", `[{"le_ns":8,"count":0}]`, `[]`, nil},
		{"a name of later days", "names may be added", `[{"le_ns":8,"count":1,"new":true}]`, `[{"le_ns":8,"count":1}]`, nil},
		{"without a bound", "they didn't wait for nothing", `[{"count":5}]`, "", `[{"count":5}]`},
		{"a bound by another name", "they didn't wait for nothing", `[{"le_ms":8,"count":5}]`, "", `[{"le_ms":8,"count":5}]`},
		{"without a count", "it says nothing", `[{"le_ns":8}]`, "", `[{"le_ns":8}]`},
		{"null for a bucket", "it says nothing", `[null]`, "", `[null]`},
		{"more than can be counted", "one bucket in two parts", `[{"le_ns":8,"count":18446744073709551615},{"le_ns":8,"count":1}]`, "", uint64(1)},
		{"more than can be counted in all", "Count adds them up", `[{"le_ns":8,"count":2},{"le_ns":9,"count":18446744073709551614}]`, "", uint64(math.MaxUint64 - 1)},
		{"as many as can be counted", "nothing overflows", `[{"le_ns":8,"count":1},{"le_ns":9,"count":18446744073709551614}]`, `[{"le_ns":8,"count":1},{"le_ns":9,"count":18446744073709551614}]`, nil},
		{"a bound within a bucket", "it would move waits", `[{"le_ns":16,"count":1}]`, "", 16 * time.Nanosecond},
		{"a negative bound", "nobody waits less than nothing", `[{"le_ns":-1,"count":1}]`, "", -1 * time.Nanosecond},
		{"not a list", "of another type", `{"le_ns":16}`, "", `{"le_ns":16}`},
		{"a negative count", "of another type", `[{"le_ns":8,"count":-1}]`, "", `[{"le_ns":8,"count":-1}]`},
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

// Waits that are none are the zero Waits, however they were written.
func TestNoWaitsAreZero(t *testing.T) {
	for _, text := range []string{`[]`, `null`, `[{"le_ns":8,"count":0}]`} {
		if w := readWaits(t, text); w != (bulk.Waits{}) {
			t.Errorf("%s holds on to a histogram of nothing", text)
		}
	}
}

// The error about a bucket names what would do.
func TestWaitsJSONSaysWhatIsAllowed(t *testing.T) {
	for text, want := range map[string]string{
		`[{"le_ns":16,"count":1}]`:                                          "bulk: waits 16ns: must be the upper bound of a bucket, such as 17 ns",
		`[{"le_ns":1000000,"count":1}]`:                                     "bulk: waits 1ms: must be the upper bound of a bucket, such as 1048575 ns",
		`[{"le_ns":-5,"count":1}]`:                                          "bulk: waits -5ns: must be the upper bound of a bucket, such as 0 ns",
		`[{"le_ns":1,"count":10},{"le_ns":2,"count":18446744073709551610}]`: "bulk: waits 18446744073709551610: must be at most 18446744073709551605, with 10 counted before",
	} {
		if err := json.Unmarshal([]byte(text), new(bulk.Waits)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestWaitsComeBack(t *testing.T) {
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
