package sizing

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

func written(t interface{ Fatal(...any) }, trace Trace) string {
	var b bytes.Buffer
	n, err := trace.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatal(n, b.Len(), err)
	}
	return b.String()
}

func TestTraceIsWrittenAsDocumented(t *testing.T) {
	trace := Trace{
		Label: "payments", Start: start, End: start.Add(time.Second), Closed: start.Add(2), Capacity: bulk.Capacity{Parallelism: bulk.Unlimited},
		Operations: []Operation{
			{Arrived: 1500000, Slots: 1, Hold: 42000000, Outcome: Finished, Seq: 1, EndSeq: 3},
			{Arrived: 1700000, Slots: 2, Queued: true, Wait: 250000000, Outcome: Expired, Limited: true, Seq: 2, EndSeq: 4},
		},
	}
	const want = `{"trace":1,"label":"payments","start":"2026-01-02T03:04:05.000000006Z","end":"2026-01-02T03:04:06.000000006Z","closed":"2026-01-02T03:04:05.000000008Z","capacity":{"parallelism":"unlimited","waiting_room":0}}
{"arrived_ns":1500000,"slots":1,"hold_ns":42000000,"outcome":"finished","seq":1,"end_seq":3}
{"arrived_ns":1700000,"slots":2,"queued":true,"wait_ns":250000000,"outcome":"expired","limited":true,"seq":2,"end_seq":4}
`
	if diff := cmp.Diff(want, written(t, trace)); diff != "" {
		t.Error(diff)
	}
}

func TestTraceThatWasReadIsTheOneThatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		calls := drawCalls(t, true)
		c := drawCapacity(t, 1)
		rapid.SyncTest(t, func(t *rapid.T) {
			b := newWith(t, c)
			r, err := NewRecorder(b, rapid.IntRange(1, 30).Draw(t, "max"))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			run(b, calls)
			want := r.Trace()
			got, err := ReadTrace(strings.NewReader(written(t, want)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatal(diff)
			}
		})
	})
}

func TestReadTraceSaysWhichLineIsWrong(t *testing.T) {
	const head = `{"trace":1,"label":"x","start":"2026-01-02T03:04:05Z","capacity":{"parallelism":1,"waiting_room":0}}` + "\n"
	const op = `{"arrived_ns":5,"slots":1,"outcome":"finished"}` + "\n"
	for _, c := range []struct{ text, want string }{
		{"", "line 1: no header"},
		{"[]", "line 1: not in the form of a trace: not a JSON object"},
		{op, `line 1: not in the form of a trace: unknown name "arrived_ns"`},
		{`{"trace":2,"label":"x","start":"2026-01-02T03:04:05Z","capacity":{"parallelism":1}}`, "line 1: not in the form of a trace: trace 2: must be 1"},
		{`{"trace":1,"label":"x","start":"2026-01-02T03:04:05Z","capacity":{"parallelism":-1}}`, "line 1: capacity: bulk: parallelism -1: must be 0 (paused) or more"},
		{`{"trace":1,"label":"x","start":"2026-01-02T03:04:05Z","end":"2026-01-02T03:04:04Z","capacity":{"parallelism":1}}`, "line 1: end: must not be before the start"},
		{`{"trace":1,"label":"x","start":"2026-01-02T03:04:05Z","closed":null,"capacity":{"parallelism":1}}`, "line 1: not in the form of a trace: closed: null"},
		{`{"trace":1,"label":"x","start":"yesterday","capacity":{"parallelism":1}}`, `line 1: not in the form of a trace: start "\"yesterday\"": parsing time`},
		{head + op + "\n", "line 3: not in the form of a trace: not a JSON object"},
		{head + op + op[:20] + "\n", "line 3: not in the form of a trace: not a JSON object"},
		{head + "null", "line 2: not in the form of a trace: not a JSON object"},
		{head + `{"slots":1,"outcome":"finished"}`, "line 2: not in the form of a trace: arrived_ns is missing"},
		{head + `{"arrived_ns":5,"outcome":"finished"}`, "line 2: not in the form of a trace: slots is missing"},
		{head + `{"arrived_ns":5,"slots":1}`, "line 2: not in the form of a trace: outcome is missing"},
		{head + `{"arrived_ns":5,"slots":1,"slots":2,"outcome":"finished"}`, "line 2: not in the form of a trace: slots: is there twice"},
		{head + `{"arrived_ns":5,"Slots":1,"outcome":"finished"}`, `line 2: not in the form of a trace: unknown name "Slots"`},
		{head + `{"arrived_ns":1.5,"slots":1,"outcome":"finished"}`, `line 2: not in the form of a trace: arrived_ns "1.5": json`},
		{head + `{"arrived_ns":5,"slots":1,"outcome":"won"}`, `line 2: not in the form of a trace: outcome "\"won\""`},
		{head + `{"arrived_ns":5,"slots":1,"outcome":"` + "\xff" + `"}`, "line 2: not in the form of a trace: byte 38 is not UTF-8"},
		{head + op + `{"arrived_ns":4,"slots":1,"outcome":"finished"}`, "line 3: arrived before the operation of the line before"},
		{head + op + strings.Repeat(" ", maxLine), "line 3: longer than 1 MiB"},
	} {
		got, err := ReadTrace(strings.NewReader(c.text))
		var e *TraceError
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "sizing: trace: "+c.want) {
			t.Errorf("%.120s: %v, want %s", c.text, err, c.want)
		}
		if diff := cmp.Diff(Trace{}, got); diff != "" {
			t.Errorf("%.120s: a trace beside the error: %s", c.text, diff)
		}
	}
	if _, err := ReadTrace(strings.NewReader(head + op)); err != nil {
		t.Error(err)
	}
	broken := errors.New("broken")
	if _, err := ReadTrace(iotest.ErrReader(broken)); err != broken {
		t.Error(err)
	}
	_, err := ReadTrace(strings.NewReader(`{"trace":1,"label":"x","start":"2026-01-02T03:04:05Z","capacity":{"parallelism":-1}}`))
	if !errors.Is(err, bulk.ErrConfig) {
		t.Error(err)
	}
}

func TestInvalidTraceIsNeitherWrittenNorReplayed(t *testing.T) {
	good := Operation{Slots: 1, Outcome: Finished}
	for _, c := range []struct {
		want   string
		change func(*Operation)
	}{
		{"outcome 0: is not an outcome", func(op *Operation) { op.Outcome = 0 }},
		{"outcome 10: is not an outcome", func(op *Operation) { op.Outcome = 10 }},
		{"slots 0: must be at least 1", func(op *Operation) { op.Slots = 0 }},
		{"arrived 2562047h47m16.854775807s: must be within 73 years of the start", func(op *Operation) { op.Arrived = math.MaxInt64 }},
		{"arrived -2562047h47m16.854775808s: must be within 73 years of the start", func(op *Operation) { op.Arrived = math.MinInt64 }},
		{"wait -1ns: must be from 0 to 73 years", func(op *Operation) { op.Wait = -1 }},
		{"hold -1ns: must be from 0 to 73 years", func(op *Operation) { op.Hold = -1 }},
		{"hold 1ns: must be 0 if it is expired", func(op *Operation) { op.Hold, op.Outcome = 1, Expired }},
		{"wait 1ns: must be 0 if it was not queued", func(op *Operation) { op.Wait = 1 }},
		{"queued false: impossible if it is waiting", func(op *Operation) { op.Outcome = Waiting }},
		{"queued true: impossible if it is saturated", func(op *Operation) { op.Queued, op.Outcome = true, Saturated }},
		{"limited: impossible if it is finished", func(op *Operation) { op.Limited = true }},
	} {
		bad := good
		c.change(&bad)
		trace := Trace{Start: start, Operations: []Operation{good, bad}}
		if c.want[0] == 'a' && bad.Arrived < 0 {
			trace.Operations = trace.Operations[1:]
		}
		_, replayed := trace.Replay(bulk.Capacity{Parallelism: 1})
		n, wrote := trace.WriteTo(io.Discard)
		var e *TraceError
		for _, err := range []error{replayed, wrote} {
			if !errors.As(err, &e) || e.Line != len(trace.Operations)+1 || e.Problem != c.want || n != 0 {
				t.Errorf("%v, %d written, want %s", err, n, c.want)
			}
		}
	}
	_, err := Trace{Start: start}.Replay(bulk.Capacity{Parallelism: -1})
	var e *bulk.ConfigError
	if !errors.As(err, &e) || e.Field != "parallelism" {
		t.Error(err)
	}
	_, err = Trace{Start: start.AddDate(9999, 0, 0)}.WriteTo(io.Discard)
	if want := "sizing: trace: line 1: header: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Error(err)
	}
}

type failing struct{ after int }

func (w *failing) Write(p []byte) (int, error) {
	if w.after -= len(p); w.after < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriteToReturnsTheErrorOfTheWriter(t *testing.T) {
	trace := poisson(10_000, 1)
	for _, after := range []int{0, 1 << 16, 1 << 18} {
		if n, err := trace.WriteTo(&failing{after}); err != io.ErrShortWrite || n > int64(after) {
			t.Error(n, err)
		}
	}
}

func TestOutcomesHaveWords(t *testing.T) {
	for o := Waiting; o <= Closed; o++ {
		text, err := o.MarshalText()
		var back Outcome
		if err != nil || back.UnmarshalText(text) != nil || back != o || o.String() != string(text) {
			t.Errorf("%d: %q, %v, %v", o, text, err, back)
		}
	}
	if _, err := Outcome(0).MarshalText(); !errors.Is(err, bulk.ErrConfig) || Outcome(10).String() != "outcome 10" {
		t.Error(err)
	}
	o := Finished
	if err := o.UnmarshalText([]byte("")); !errors.Is(err, bulk.ErrConfig) || o != Finished {
		t.Error(err, o)
	}
}

// The fast way reads what WriteTo writes, and nothing that the strict way reads otherwise.
func TestTheFastWayOfReadingAgreesWithTheStrictOne(t *testing.T) {
	for _, line := range []string{
		`{"arrived_ns":-5,"slots":1,"queued":true,"wait_ns":3,"outcome":"expired","limited":true,"seq":2,"end_seq":4}`,
		`{"arrived_ns":0,"slots":2147483647,"outcome":"finished"}`,
		`{"arrived_ns":999999999999999999,"slots":1,"outcome":"finished"}`,
	} {
		fast, ok := parseLine([]byte(line))
		strict, err := parseOperation([]byte(line))
		if !ok || err != nil || fast != strict || string(fast.append(nil)) != line {
			t.Errorf("%s: %t, %v: %+v, %+v", line, ok, err, fast, strict)
		}
	}
	for _, line := range []string{
		"", "{", `{"arrived_ns":`, `{"arrived_ns":-`, `{"arrived_ns":01,"slots":1,"outcome":"finished"}`, `{"arrived_ns":1,"slots":1,"outcome":"won"}`,
		`{"arrived_ns":1,"slots":1,"outcome":"finished"} `, `{"arrived_ns":1,"slots":1,"outcome":"finished"`, `{"arrived_ns":1,"slots":1,"outcome":"finished`,
		`{"arrived_ns":1000000000000000000,"slots":1,"outcome":"finished"}`, `{"arrived_ns":1,"slots":1,"seq":1,"outcome":"finished"}`,
		`{"arrived_ns":1,"slots":1,"outcome":"finished","seq":18446744073709551615}`,
	} {
		if op, ok := parseLine([]byte(line)); ok {
			t.Errorf("%s: %+v", line, op)
		}
	}
	const long = `{"arrived_ns":1,"slots":1,"outcome":"finished","seq":18446744073709551615}`
	if op, err := parseOperation([]byte(long)); err != nil || op.Seq != math.MaxUint64 {
		t.Error(op, err)
	}
}

func FuzzReadTrace(f *testing.F) {
	f.Add([]byte(`{"trace":1,"label":"x","start":"2026-01-02T03:04:05Z","end":"2026-01-02T03:04:06Z","capacity":{"parallelism":1}}` + "\n" +
		`{"arrived_ns":5,"slots":1,"queued":true,"wait_ns":3,"outcome":"expired","limited":true,"seq":2,"end_seq":4}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for line := range bytes.Lines(text) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if fast, ok := parseLine(line); ok {
				if strict, err := parseOperation(line); err != nil || fast != strict {
					t.Fatalf("%s: %+v, %+v, %v", line, fast, strict, err)
				}
			}
		}
		trace, err := ReadTrace(bytes.NewReader(text))
		if err != nil {
			return
		}
		back, err := ReadTrace(strings.NewReader(written(t, trace)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(trace, back, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); diff != "" {
			t.Fatal(diff)
		}
		if _, err := trace.Replay(bulk.Capacity{Parallelism: 2, WaitingRoom: 3, WaitLimit: 5}); err != nil {
			t.Fatal(err)
		}
	})
}
