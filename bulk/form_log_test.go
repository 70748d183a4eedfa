package bulk_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// logged returns what the text handler of slog writes for v, without time, level
// and message.
func logged(v any) string {
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}})).Info("", "b", v)
	return strings.TrimSpace(out.String())
}

func TestLogValuesHaveTheNamesOfJSON(t *testing.T) {
	ten := bulk.Capacity{Parallelism: 10, WaitingRoom: 50}
	var rows table
	for _, c := range []struct {
		name, why string
		value     slog.LogValuer
		want      string
	}{
		{"a status", "the current state and the most important counts", morning(t),
			`b.label=payments b.closed=false b.in_flight=9 b.in_use=10 b.waiting=42 b.parallelism=10 b.waiting_room=50 b.wait_limit_ns=250000000 b.queueing_ns=4000000000 b.oldest_wait_ns=180000000 b.oldest_hold_ns=1200000000 b.arrivals=11804 b.admitted=11000 b.rejected=749`},
		{"a closed status", "it is marked", bulk.Status{Label: "x", Closed: true},
			`b.label=x b.closed=true b.in_flight=0 b.in_use=0 b.waiting=0 b.parallelism=0 b.waiting_room=0 b.arrivals=0 b.admitted=0 b.rejected=0`},
		{"admitted immediately", "there is no wait", bulk.Event{ID: 7, Label: "x", Seq: 1, Kind: bulk.EventAdmitted, Slots: 1, Capacity: ten, InFlight: 1, InUse: 1},
			`b.label=x b.id=7 b.seq=1 b.kind=admitted b.slots=1 b.closed=false b.in_flight=1 b.in_use=1 b.waiting=0 b.parallelism=10 b.waiting_room=50`},
		{"expired", "with its wait", bulk.Event{ID: 7, Label: "x", Seq: 2, Kind: bulk.EventExpired, Slots: 1, Queued: true, Waited: time.Second, Capacity: ten},
			`b.label=x b.id=7 b.seq=2 b.kind=expired b.slots=1 b.waited_ns=1000000000 b.closed=false b.in_flight=0 b.in_use=0 b.waiting=0 b.parallelism=10 b.waiting_room=50`},
		{"admitted after a wait of 0", "it did wait", bulk.Event{ID: 7, Label: "x", Seq: 2, Kind: bulk.EventAdmitted, Slots: 1, Queued: true, Capacity: ten},
			`b.label=x b.id=7 b.seq=2 b.kind=admitted b.slots=1 b.waited_ns=0 b.closed=false b.in_flight=0 b.in_use=0 b.waiting=0 b.parallelism=10 b.waiting_room=50`},
		{"released", "the admitted event has the wait", bulk.Event{ID: 7, Label: "x", Seq: 4, Kind: bulk.EventReleased, Slots: 1, Queued: true, Capacity: ten},
			`b.label=x b.id=7 b.seq=4 b.kind=released b.slots=1 b.closed=false b.in_flight=0 b.in_use=0 b.waiting=0 b.parallelism=10 b.waiting_room=50`},
		{"abandoned", "the admitted event has the wait", bulk.Event{ID: 7, Label: "x", Seq: 4, Kind: bulk.EventAbandoned, Slots: 1, Queued: true, Capacity: ten},
			`b.label=x b.id=7 b.seq=4 b.kind=abandoned b.slots=1 b.closed=false b.in_flight=0 b.in_use=0 b.waiting=0 b.parallelism=10 b.waiting_room=50`},
		{"resized", "with the previous capacity", bulk.Event{ID: 7, Label: "x", Seq: 3, Kind: bulk.EventResized, Capacity: ten, Previous: bulk.Capacity{Parallelism: 5}},
			`b.label=x b.id=7 b.seq=3 b.kind=resized b.closed=false b.in_flight=0 b.in_use=0 b.waiting=0 b.parallelism=10 b.waiting_room=50 b.previous.parallelism=5 b.previous.waiting_room=0`},
		{"a report", "each finding under its code", bulk.Status{Label: "x", InUse: 1, Capacity: bulk.Capacity{Parallelism: 1}}.Report(),
			`b.label=x b.severity=warning b.execution_full="1/1 slots in use, 0/0 waiting: the next arrival is rejected."`},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			if got := logged(c.value); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// slog looks at the outermost error alone. Every handler logs an AdmissionError as
// its text, wrapped or not.
func TestAdmissionErrorIsLoggedTheSameWrappedOrNot(t *testing.T) {
	for reason, err := range rejections(t, "pay\nments\u202e") {
		for _, handler := range []func(io.Writer) slog.Handler{
			func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
			func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		} {
			attr := func(err error) string {
				var out bytes.Buffer
				slog.New(handler(&out)).Info("rejected", "error", err)
				_, attr, _ := strings.Cut(out.String(), "error")
				return attr
			}
			got, wrapped := attr(err), attr(fmt.Errorf("charge: %w", err))
			if want := strings.ReplaceAll(wrapped, "charge: ", ""); got != want {
				t.Errorf("%v: logged as %s, wrapped as %s", reason, got, wrapped)
			}
			if !strings.Contains(got, reason.String()) || strings.Count(got, "\n") != 1 || strings.Contains(got, "\u202e") {
				t.Errorf("%v: logged as %q", reason, got)
			}
		}
	}
}
