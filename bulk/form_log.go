package bulk

import (
	"log/slog"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// The log/slog forms are groups with the names of JSON. Durations, the wait limit
// too, are integer nanoseconds with names that end in _ns, because each slog
// handler writes a duration in a unit of its own. A label is escaped and cut to
// the length of a line, as in the text form.
//
// AdmissionError has no LogValue: slog looks at the outermost error alone, so it
// would log a wrapped one as its text anyway.

// LogValue returns the current state and the most important counts as a group.
// Durations are integer nanoseconds.
func (s Status) LogValue() slog.Value {
	t := s.Totals
	return slog.GroupValue(slices.Concat(
		[]slog.Attr{slog.String("label", safetext.Printable(s.Label)), slog.Bool("closed", s.Closed), slog.Int("in_flight", s.InFlight)},
		loadAttrs(s.InUse, s.Waiting, s.Capacity),
		durationAttrs("queueing_ns", s.Queueing, "oldest_wait_ns", s.OldestWait, "oldest_hold_ns", s.OldestHold),
		[]slog.Attr{slog.Uint64("arrivals", t.Arrivals()), slog.Uint64("admitted", t.Admitted), slog.Uint64("rejected", t.Rejected())},
	)...)
}

// LogValue returns the event as a group. Durations are integer nanoseconds.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("label", safetext.Printable(e.Label)), slog.Uint64("id", e.ID), slog.Uint64("seq", e.Seq), slog.String("kind", e.Kind.String())}
	if e.Op != 0 {
		attrs = append(attrs, slog.Uint64("op", e.Op))
	}
	if e.Slots > 0 {
		attrs = append(attrs, slog.Int("slots", e.Slots))
	}
	if e.hasWait() {
		attrs = append(attrs, slog.Int64("waited_ns", int64(e.Waited)))
	}
	attrs = append(attrs, slog.Bool("closed", e.Closed), slog.Int("in_flight", e.InFlight))
	attrs = append(attrs, loadAttrs(e.InUse, e.Waiting, e.Capacity)...)
	if e.Kind == EventResized {
		attrs = append(attrs, slog.Any("previous", slog.GroupValue(capacityAttrs(e.Previous)...)))
	}
	return slog.GroupValue(attrs...)
}

// LogValue returns a group of the label, the severity, and the message of each
// finding under its code.
func (r Report) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("label", safetext.Printable(r.Status.Label)), slog.String("severity", r.Severity().String())}
	for _, f := range r.Findings {
		attrs = append(attrs, slog.String(safetext.Printable(string(f.Code)), f.Message))
	}
	return slog.GroupValue(attrs...)
}

func loadAttrs(inUse, waiting int, c Capacity) []slog.Attr {
	return append([]slog.Attr{slog.Int("in_use", inUse), slog.Int("waiting", waiting)}, capacityAttrs(c)...)
}

func capacityAttrs(c Capacity) []slog.Attr {
	parallelism := slog.Int("parallelism", c.Parallelism)
	if c.Parallelism == Unlimited {
		parallelism = slog.String("parallelism", unlimited)
	}
	attrs := []slog.Attr{parallelism, slog.Int("waiting_room", c.WaitingRoom)}
	return slices.Concat(attrs, durationAttrs(
		"wait_limit_ns", c.WaitLimit, "delay_target_ns", c.DelayTarget, "delay_interval_ns", c.DelayInterval))
}

// durationAttrs takes names and durations in turn. Durations of 0 are omitted.
func durationAttrs(args ...any) []slog.Attr {
	var attrs []slog.Attr
	for i := 0; i < len(args); i += 2 {
		if d := args[i+1].(time.Duration); d != 0 {
			attrs = append(attrs, slog.Int64(args[i].(string), int64(d)))
		}
	}
	return attrs
}
