package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/examples/internal/command/commandtest"
	"github.com/bulklink/bulklink-go/sizing"
)

// In virtual time, so that the load is the same in each run.
func inBubble(t *testing.T, args string) (code int, out, errs string) {
	synctest.Test(t, func(t *testing.T) {
		var o, e bytes.Buffer
		code = run(t.Context(), strings.Fields(args), &o, &e)
		out, errs = o.String(), e.String()
	})
	return code, out, errs
}

func TestTableNamesTheSmallestParallelismThatKeepsTheBounds(t *testing.T) {
	code, out, errs := inBubble(t, "")
	if code != command.OK || errs != "" {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	const want = `400 operations a second, of 25ms each on average, for 2s:
`
	if !strings.HasPrefix(out, want) {
		t.Errorf("%s", out)
	}
	for line := range strings.Lines(out) {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("more than 80 columns: %s", line)
		}
	}
	for _, want := range []string{"→ ", " is the smallest parallelism that keeps the bounds: at most 1 % rejected,\n", "\n            1 "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

// What the program says about a capacity is what a bulkhead of that capacity does.
func TestChosenCapacityKeepsTheBoundsAndTheOneBelowDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := load{duration: 2 * time.Second, rate: 400, hold: 25 * time.Millisecond}
		trace, _, err := l.record(t.Context(), bulk.Must(bulk.New("payments", bulk.Unlimited)))
		if err != nil {
			t.Fatal(err)
		}
		q := question{room: 20, limit: 250 * time.Millisecond, rejected: 1, wait: 20 * time.Millisecond}
		var out bytes.Buffer
		if err := q.answer(t.Context(), trace, &out); err != nil {
			t.Fatal(err)
		}
		found := 0
		for n := 1; found == 0; n++ {
			b := bulk.Must(bulk.New("payments", n, bulk.WaitingRoom(q.room), bulk.WaitLimit(q.limit)))
			if _, _, err := l.record(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if q.kept(b.Status().Totals) {
				found = n
			}
		}
		if want := q.verdict(found); !strings.HasSuffix(out.String(), "\n"+want+"\n") {
			t.Errorf("want %s\n%s", want, &out)
		}
	})
}

func TestRecordCanBeReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "payments.jsonl")
	before := runtime.NumGoroutine()
	_, first, _ := inBubble(t, "-rate 100 -duration 500ms -record "+file)
	code, second, errs := inBubble(t, "-trace "+file)
	if code != command.OK || errs != "" || first[strings.Index(first, "\n")+1:] != second {
		t.Errorf("exit code %d: %s\n%s\n%s", code, errs, first, second)
	}
	commandtest.VerifyNoGoroutines(t, before)
	if code, _, errs := inBubble(t, "-record "+filepath.Join(file, "x")); code != command.Failure || !strings.Contains(errs, "not a directory") && runtime.GOOS != "windows" {
		t.Error(code, errs)
	}
	if code, _, errs := inBubble(t, "-trace "+file+"x"); code != command.Failure || errs == "" {
		t.Error(code, errs)
	}
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := inBubble(t, "-trace "+file); code != command.Failure || !strings.Contains(errs, "payments.jsonl: sizing: trace: line 1: ") {
		t.Error(code, errs)
	}
}

func TestBoundsThatNoParallelismKeepsAreSaid(t *testing.T) {
	q := question{}
	trace := sizing.Trace{Operations: []sizing.Operation{
		{Slots: 1, Hold: 10, Outcome: sizing.Finished}, {Slots: 1, Queued: true, Outcome: sizing.Expired}, {Slots: 1, Outcome: sizing.Saturated},
	}}
	for bound, want := range map[float64]string{100: "1 is the smallest", 0: "3 is the smallest", -1: "No parallelism keeps the bounds: at most -1 % rejected,\n"} {
		q.rejected = bound
		var out bytes.Buffer
		if err := q.answer(t.Context(), trace, &out); err != nil || !strings.Contains(out.String(), "\n"+want) || !strings.Contains(out.String(), "\n2 of them never ran") {
			t.Errorf("%v %s", err, &out)
		}
	}
	trace.Operations[0].Slots = 2
	var out bytes.Buffer
	if err := q.answer(t.Context(), trace, &out); err != nil || !strings.Contains(out.String(), "\nSome have several slots: ") {
		t.Errorf("%v %s", err, &out)
	}
	trace.Operations[0].Slots = 0
	if err := q.answer(t.Context(), trace, &bytes.Buffer{}); err == nil {
		t.Error("answered")
	}
}

// countingCtx counts how often it was asked whether it has ended, and ends after a number.
type countingCtx struct {
	context.Context
	asked, ends int
}

func (c *countingCtx) Err() error {
	if c.asked++; c.asked > c.ends {
		return context.Canceled
	}
	return nil
}

// The answer about many slots takes few replays, and asks before each of them whether it
// should end.
func TestAnswerAboutManySlotsTakesFewReplaysAndCanBeInterrupted(t *testing.T) {
	const most = 5000
	trace := sizing.Trace{}
	for range most {
		trace.Operations = append(trace.Operations, sizing.Operation{Slots: 1, Hold: time.Second, Outcome: sizing.Finished})
	}
	q := question{room: 0, rejected: 1}
	ctx := &countingCtx{Context: t.Context(), ends: most}
	var out bytes.Buffer
	if err := q.answer(ctx, trace, &out); err != nil || !strings.Contains(out.String(), "\n4950 is the smallest") {
		t.Errorf("%v: %s", err, &out)
	}
	if ctx.asked > maxRows+2+10 {
		t.Errorf("%d replays", ctx.asked)
	}
	out.Reset()
	ctx = &countingCtx{Context: t.Context(), ends: maxRows + 3} // while the distance is halved
	if err := q.answer(ctx, trace, &out); !errors.Is(err, command.ErrInterrupted) || out.Len() > 0 || ctx.asked != ctx.ends+1 {
		t.Errorf("%v after %d replays: %s", err, ctx.asked, &out)
	}
}

// A load that ends just before the signal is complete. The signal ends the answer then.
func TestSignalAfterTheLoadEndsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second+time.Millisecond)
		defer cancel()
		var out, errs bytes.Buffer
		code := run(ctx, []string{"-duration", "2s", "-hold", "1s"}, &out, &errs)
		if code != command.Interrupted || !strings.Contains(errs.String(), "interrupted: no answer yet") || strings.Contains(out.String(), "smallest") {
			t.Errorf("exit code %d, stderr %s, stdout %s", code, &errs, &out)
		}
	})
}

func TestInterruptionPrintsTheResultsSoFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var out, errs bytes.Buffer
		code := run(ctx, []string{"-duration", "10m"}, &out, &errs)
		if code != command.Interrupted || !strings.Contains(errs.String(), "interrupted") || !strings.Contains(out.String(), "smallest parallelism") {
			t.Errorf("exit code %d, stderr %s, stdout %s", code, &errs, &out)
		}
	})
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs bytes.Buffer
		code := run(t.Context(), []string{"-duration", "50ms"}, commandtest.BrokenWriter{}, &errs)
		if code != command.Failure || !strings.Contains(errs.String(), "disk full") {
			t.Errorf("exit code %d, stderr %q", code, &errs)
		}
	})
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-h", command.OK, "Usage: whatif"},
		{"-help", command.OK, "-rejected"},
		{"-duration 1ms", command.Usage, "-duration 1ms: must be from"},
		{"-rate 0 -room -1", command.Usage, "-rate 0: must be from 1 to 10000 operations\n-room -1: must be"},
		{"-rejected 101", command.Usage, "-rejected 101: must be from 0 to 100 percent"},
		{"-trace a -record b", command.Usage, "-record: not with -trace, because nothing is recorded then"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: exit code %d, want %d, output:\n%s", c.args, code, c.code, &out)
		}
	}
}

func TestQuantileCountsOperationsThatDidNotWait(t *testing.T) {
	for _, c := range []struct {
		immediately, waited uint64
		q                   float64
		waits               bool
	}{{0, 0, 0.5, false}, {99, 1, 0.99, false}, {98, 2, 0.99, true}, {1, 1, 0.5, false}, {0, 1, 0.5, true}} {
		trace := sizing.Trace{}
		for range c.immediately {
			trace.Operations = append(trace.Operations, sizing.Operation{Slots: 1, Outcome: sizing.Finished})
		}
		if c.waited > 0 {
			trace.Operations = append(trace.Operations, sizing.Operation{Slots: 1, Hold: 5, Outcome: sizing.Finished})
		}
		for range c.waited {
			trace.Operations = append(trace.Operations, sizing.Operation{Slots: 1, Outcome: sizing.Finished})
		}
		s, err := trace.Replay(bulk.Capacity{Parallelism: 1, WaitingRoom: 100})
		if err != nil {
			t.Fatal(err)
		}
		if c.waited > 0 {
			s.Totals.Admitted-- // the one that the others waited for
		}
		if got := quantile(s.Totals, c.q); (got > 0) != c.waits {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
