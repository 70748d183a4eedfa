package bulk_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// logged returns v as slog's text handler writes it, without time and level.
func logged(v slog.LogValuer) string {
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}})).Info("", "b", v)
	return strings.TrimSpace(out.String())
}

func TestLogValues(t *testing.T) {
	ten := bulk.Capacity{Parallelism: 10, WaitingRoom: 50}
	canceled := func(t *testing.T) slog.LogValuer {
		_, err := mustNew(t, 1).Acquire(done(errors.New("shutting down")))
		return refusal(t, err)
	}
	var rows table
	for _, c := range []struct {
		name, why string
		value     slog.LogValuer
		make      func(*testing.T) slog.LogValuer
		want      string
	}{
		{"a status", "the present, and the most important counts", morning(t), nil,
			`b.label=payments b.closed=false b.in_flight=9 b.in_use=10 b.waiting=42 b.parallelism=10 b.waiting_room=50 b.wait_limit=250ms b.arrivals=11804 b.admitted=11000 b.rejected=749`},
		{"a closed status", "it says so", bulk.Status{Label: "x", Closed: true}, nil,
			`b.label=x b.closed=true b.in_flight=0 b.in_use=0 b.waiting=0 b.parallelism=0 b.waiting_room=0 b.arrivals=0 b.admitted=0 b.rejected=0`},
		{"admitted at once", "no wait to show", bulk.Event{Label: "x", Seq: 1, Kind: bulk.EventAdmitted, Slots: 1, Capacity: ten, InFlight: 1, InUse: 1}, nil,
			`b.label=x b.kind=admitted b.seq=1 b.slots=1 b.in_use=1 b.waiting=0 b.parallelism=10 b.waiting_room=50`},
		{"expired", "with its wait", bulk.Event{Label: "x", Seq: 2, Kind: bulk.EventExpired, Slots: 1, Queued: true, Waited: time.Second, Capacity: ten}, nil,
			`b.label=x b.kind=expired b.seq=2 b.slots=1 b.waited=1s b.in_use=0 b.waiting=0 b.parallelism=10 b.waiting_room=50`},
		{"admitted after no time", "it did wait", bulk.Event{Label: "x", Seq: 2, Kind: bulk.EventAdmitted, Slots: 1, Queued: true, Capacity: ten}, nil,
			`b.label=x b.kind=admitted b.seq=2 b.slots=1 b.waited=0s b.in_use=0 b.waiting=0 b.parallelism=10 b.waiting_room=50`},
		{"released", "its wait was told before", bulk.Event{Label: "x", Seq: 4, Kind: bulk.EventReleased, Slots: 1, Queued: true, Capacity: ten}, nil,
			`b.label=x b.kind=released b.seq=4 b.slots=1 b.in_use=0 b.waiting=0 b.parallelism=10 b.waiting_room=50`},
		{"abandoned", "its wait was told before", bulk.Event{Label: "x", Seq: 4, Kind: bulk.EventAbandoned, Slots: 1, Queued: true, Capacity: ten}, nil,
			`b.label=x b.kind=abandoned b.seq=4 b.slots=1 b.in_use=0 b.waiting=0 b.parallelism=10 b.waiting_room=50`},
		{"resized", "with the capacity before", bulk.Event{Label: "x", Seq: 3, Kind: bulk.EventResized, Capacity: ten, Previous: bulk.Capacity{Parallelism: 5}}, nil,
			`b.label=x b.kind=resized b.seq=3 b.in_use=0 b.waiting=0 b.parallelism=10 b.waiting_room=50 b.previous.parallelism=5 b.previous.waiting_room=0`},
		{"a report", "each finding by its code", bulk.Status{Label: "x", InUse: 1, Capacity: bulk.Capacity{Parallelism: 1}}.Report(), nil,
			`b.label=x b.severity=warning b.execution_full="1/1 slots in use, 0/0 waiting: the next arrival is turned away."`},
		{"an error", "the numbers of that moment", &bulk.AdmissionError{Label: "x", Reason: bulk.Saturated, Slots: 1, Parallelism: 10, InUse: 10}, nil,
			`b.label=x b.reason=saturated b.slots=1 b.in_use=10 b.waiting=0 b.parallelism=10 b.waiting_room=0`},
		{"expired, an error", "with the wait that was allowed", &bulk.AdmissionError{Label: "x", Reason: bulk.Expired, Slots: 1, Limit: time.Second}, nil,
			`b.label=x b.reason=expired b.slots=1 b.limit=1s b.in_use=0 b.waiting=0 b.parallelism=0 b.waiting_room=0`},
		{"canceled, an error made by hand", "it has no cause", &bulk.AdmissionError{Label: "x", Reason: bulk.Canceled}, nil,
			`b.label=x b.reason=canceled b.slots=0 b.in_use=0 b.waiting=0 b.parallelism=0 b.waiting_room=0`},
		{"canceled, an error", "with its cause", nil, canceled,
			`b.label=test b.reason=canceled b.slots=1 b.cause="shutting down" b.in_use=0 b.waiting=0 b.parallelism=1 b.waiting_room=0`},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			if c.make != nil {
				c.value = c.make(t)
			}
			if got := logged(c.value); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
