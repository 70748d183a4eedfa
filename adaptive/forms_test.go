package adaptive_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
)

var decision = adaptive.Decision{
	Label: "pay\nments", Seq: 7, At: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), From: 40, To: 25, Reason: adaptive.Queueing,
	Window: 1012 * time.Millisecond, Served: 512, Overloaded: 3, Latency: 212 * time.Millisecond, Baseline: 104 * time.Millisecond,
	Load: 39.5, Fitted: 39, Queue: 20.125,
}

func TestFormsOfADecision(t *testing.T) {
	if got, want := decision.String(), `bulkhead "pay\nments": limit 40 → 25: queueing: latency 212ms, baseline 104ms, load 39.5, queue 20.1, 512 served, 3 overloaded in 1.01s`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	stays := decision
	stays.To, stays.Observed = 40, true
	if got := stays.String(); !strings.Contains(got, "limit stays at 40 (not set): ") {
		t.Error(got)
	}
	text, err := json.Marshal(decision)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"label":"pay\nments","seq":7,"at":"2026-01-02T03:04:05.000000006Z","from":40,"to":25,"reason":"queueing","observed":false,` +
		`"window_ns":1012000000,"served":512,"overloaded":3,"latency_ns":212000000,"baseline_ns":104000000,"load":39.5,"fitted":39,"queue":20.125}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	var back adaptive.Decision
	if err := json.Unmarshal(text, &back); err != nil || back != decision {
		t.Errorf("%v: read back %v", err, back)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "d", decision)
	for _, want := range []string{`d.label=pay\nments`, "d.from=40 d.to=25 d.reason=queueing", "d.latency_ns=212000000"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is not in %s", want, &log)
		}
	}
	if !decision.Changed() || stays.Changed() || decision.Goodput() < 505 || decision.Goodput() > 507 || (adaptive.Decision{}).Goodput() != 0 {
		t.Errorf("goodput %v", decision.Goodput())
	}
}

func TestFormsOfAStatus(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 10))
	l := mustLimit(t, b, 5, 20, adaptive.Observe())
	l.Begin()
	s := l.Status()
	if got, want := s.String(), `bulkhead "payments": limit 10 of 5 to 20, 1 in flight, baseline 0s, observing`; got != want {
		t.Errorf("got %s", got)
	}
	text, err := json.Marshal(s)
	if err != nil || !strings.Contains(string(text), `"limit":10,"min":5,"max":20,"floor":5,"ceiling":20,"observing":true,"closed":false,"in_flight":1`) || strings.Contains(string(text), "last") {
		t.Errorf("%v: %s", err, text)
	}
	_ = l.Close()
	s = l.Status()
	s.Last = decision
	if got := s.String(); !strings.Contains(got, ", closed\n  bulkhead \"pay\\nments\": limit 40 → 25") {
		t.Error(got)
	}
	var back adaptive.Status
	text, _ = json.Marshal(s)
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back); diff != "" {
		t.Error(diff)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "s", s)
	for _, want := range []string{"s.label=payments s.limit=10 s.min=5 s.max=20", "s.last.from=40"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is not in %s", want, &log)
		}
	}
}

func TestWordsOfReasonsAndOutcomes(t *testing.T) {
	seen := map[string]bool{}
	for r := adaptive.Growing; r <= adaptive.Trying; r++ {
		text, err := r.MarshalText()
		var back adaptive.Reason
		if err != nil || string(text) != r.String() || back.UnmarshalText(text) != nil || back != r || seen[r.String()] {
			t.Errorf("%v: %s, %v, back %v", r, text, err, back)
		}
		seen[r.String()] = true
	}
	for _, o := range []adaptive.Outcome{adaptive.Success, adaptive.Overload, adaptive.Ignore} {
		text, err := o.MarshalText()
		var back adaptive.Outcome
		if err != nil || string(text) != o.String() || back.UnmarshalText(text) != nil || back != o {
			t.Errorf("%v: %s, %v, back %v", o, text, err, back)
		}
	}
	if got := adaptive.Reason(0).String() + " " + adaptive.Outcome(9).String(); got != "reason(0) outcome(9)" {
		t.Error(got)
	}
	for _, err := range []error{
		second(adaptive.Reason(0).MarshalText()), second(adaptive.Outcome(9).MarshalText()),
		new(adaptive.Reason).UnmarshalText([]byte("GROWING")), new(adaptive.Outcome).UnmarshalText(nil),
	} {
		if !errors.Is(err, bulk.ErrConfig) {
			t.Errorf("got %v", err)
		}
	}
}

func second(_ []byte, err error) error { return err }
