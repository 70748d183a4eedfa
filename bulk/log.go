package bulk

import (
	"log/slog"
	"slices"
)

// The forms for log/slog: groups. The names are those of JSON. Every duration is
// whole nanoseconds and its name ends with _ns, the wait limit too, because each
// handler of slog would write a duration in a unit of its own. A label is shown as in text:
// escaped where it can't be seen, and not longer than a line.
//
// An AdmissionError has none. slog looks at the outermost error alone, so that a
// wrapped one is logged as its text whatever it offers: without a LogValue it
// has the same form, wrapped or not.

// LogValue returns the present and the most important counts.
func (s Status) LogValue() slog.Value {
	t := s.Totals
	return slog.GroupValue(slices.Concat(
		[]slog.Attr{slog.String("label", shown(s.Label)), slog.Bool("closed", s.Closed), slog.Int("in_flight", s.InFlight)},
		load(s.InUse, s.Waiting, s.Capacity),
		[]slog.Attr{slog.Uint64("arrivals", t.Arrivals()), slog.Uint64("admitted", t.Admitted), slog.Uint64("rejected", t.Rejected())},
	)...)
}

// LogValue returns what happened, in which bulkhead, and the numbers right after
// it.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("label", shown(e.Label)), slog.Uint64("id", e.ID), slog.Uint64("seq", e.Seq), slog.String("kind", e.Kind.String())}
	if e.Slots > 0 {
		attrs = append(attrs, slog.Int("slots", e.Slots))
	}
	if e.tellsWait() {
		attrs = append(attrs, slog.Int64("waited_ns", int64(e.Waited)))
	}
	attrs = append(attrs, load(e.InUse, e.Waiting, e.Capacity)...)
	if e.Kind == EventResized {
		attrs = append(attrs, slog.Any("previous", slog.GroupValue(capacity(e.Previous)...)))
	}
	return slog.GroupValue(attrs...)
}

// LogValue returns the severity, and for each finding its code with the
// message.
func (r Report) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("label", shown(r.Status.Label)), slog.String("severity", r.Severity().String())}
	for _, f := range r.Findings {
		attrs = append(attrs, slog.String(shown(string(f.Code)), f.Message))
	}
	return slog.GroupValue(attrs...)
}

// load returns what is taken, and of how much.
func load(inUse, waiting int, c Capacity) []slog.Attr {
	return append([]slog.Attr{slog.Int("in_use", inUse), slog.Int("waiting", waiting)}, capacity(c)...)
}

func capacity(c Capacity) []slog.Attr {
	attrs := []slog.Attr{slog.Int("parallelism", c.Parallelism), slog.Int("waiting_room", c.WaitingRoom)}
	if c.WaitLimit > 0 {
		attrs = append(attrs, slog.Int64("wait_limit_ns", int64(c.WaitLimit)))
	}
	return attrs
}
