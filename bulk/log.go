package bulk

import (
	"log/slog"
	"slices"
)

// The forms for log/slog: groups. What is in JSON too has the same name, but for
// durations, which handlers write in their own way: their names don't end with
// _ns. A label is shown as in text: escaped where it can't be seen, and not
// longer than a line.

// LogValue returns the present and the most important counts.
func (s Status) LogValue() slog.Value {
	t := s.Totals
	return slog.GroupValue(slices.Concat(
		[]slog.Attr{slog.String("label", shown(s.Label)), slog.Bool("closed", s.Closed), slog.Int("in_flight", s.InFlight)},
		load(s.InUse, s.Waiting, s.Capacity),
		[]slog.Attr{slog.Uint64("arrivals", t.Arrivals()), slog.Uint64("admitted", t.Admitted), slog.Uint64("rejected", t.Rejected())},
	)...)
}

// LogValue returns what happened, and the numbers right after it.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("label", shown(e.Label)), slog.String("kind", e.Kind.String()), slog.Uint64("seq", e.Seq)}
	if e.Slots > 0 {
		attrs = append(attrs, slog.Int("slots", e.Slots))
	}
	if e.tellsWait() {
		attrs = append(attrs, slog.Duration("waited", e.Waited))
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

// LogValue returns the reason, and the numbers that the error was made with. The
// cause of a canceled one is a stranger's text: like a label, it is escaped,
// and cut after 100 bytes.
func (e *AdmissionError) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("label", shown(e.Label)), slog.String("reason", e.Reason.String()), slog.Int("slots", e.Slots)}
	if e.Limit > 0 {
		attrs = append(attrs, slog.Duration("limit", e.Limit))
	}
	if e.ended != nil {
		attrs = append(attrs, slog.String("cause", shown(e.ended.cause.Error())))
	}
	return slog.GroupValue(append(attrs, load(e.InUse, e.Waiting, Capacity{Parallelism: e.Parallelism, WaitingRoom: e.WaitingRoom})...)...)
}

// load returns what is taken, and of how much.
func load(inUse, waiting int, c Capacity) []slog.Attr {
	return append([]slog.Attr{slog.Int("in_use", inUse), slog.Int("waiting", waiting)}, capacity(c)...)
}

func capacity(c Capacity) []slog.Attr {
	attrs := []slog.Attr{slog.Int("parallelism", c.Parallelism), slog.Int("waiting_room", c.WaitingRoom)}
	if c.WaitLimit > 0 {
		attrs = append(attrs, slog.Duration("wait_limit", c.WaitLimit))
	}
	return attrs
}
