package adaptive

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Status is a snapshot of a limiter. Its forms follow the rules of [Decision].
type Status struct {
	// Label is the label of the bulkhead.
	Label string `json:"label"`
	// At is the time of the snapshot.
	At time.Time `json:"at"`
	// Limit is the present parallelism of the bulkhead; 0: paused.
	Limit int `json:"limit"`
	// Min and Max are the bounds given to [New].
	Min int `json:"min"`
	Max int `json:"max"`
	// Floor is the lowest limit that the limiter sets: Min, or more if an operation was
	// rejected because it asked for that many slots, or Ceiling if that is less.
	Floor int `json:"floor"`
	// Ceiling is the highest limit that the limiter sets: Max, or less if a smaller
	// parallelism was set from outside.
	Ceiling int `json:"ceiling"`
	// Observing reports that the limiter sets nothing, because of [Observe].
	Observing bool `json:"observing"`
	// Closed reports whether the limiter is closed.
	Closed bool `json:"closed"`
	// InFlight is the number of measured operations in flight.
	InFlight int `json:"in_flight"`
	// Baseline is the latency without queueing in the dependency; 0 if it is not known.
	Baseline time.Duration `json:"baseline_ns"`
	// Confirmed reports that the baseline was measured while operations did not queue
	// in the dependency. Until then the limiter looks at the throughput alone.
	Confirmed bool `json:"confirmed"`
	// Background is the share of outcomes that are [Overload] whatever the limit is.
	Background float64 `json:"background"`
	// Last is the last decision. Its Seq is 0 before the first one.
	Last Decision `json:"last"`
}

// Status returns a snapshot of l. It takes the locks of the limiter and of the
// bulkhead, one after the other, and allocates nothing.
func (l *Limiter) Status() Status {
	limit := hooks.LoadOf(l.bulkhead).Parallelism
	l.mu.Lock()
	defer l.mu.Unlock()
	return Status{
		Label: l.bulkhead.Label(), At: time.Now(), Limit: limit, Min: l.min, Max: l.max,
		Floor: floor(l.min, l.largest, l.ceiling), Ceiling: l.ceiling,
		Observing: l.config.observe, Closed: l.closed.Load(), InFlight: l.inFlight,
		Baseline: time.Duration(l.rule.baseline), Confirmed: l.rule.confirmed, Background: l.rule.background, Last: l.last,
	}
}

// String returns the status on one or two lines, without a newline at the end.
func (s Status) String() string {
	text := fmt.Sprintf("bulkhead %s: limit %d of %d to %d, %d in flight, baseline %v",
		safetext.Quote(s.Label), s.Limit, s.Floor, s.Ceiling, s.InFlight, round(s.Baseline))
	if s.Observing {
		text += ", observing"
	}
	if s.Closed {
		text += ", closed"
	}
	if s.Last.Seq > 0 {
		text += "\n  " + s.Last.String()
	}
	return text
}

// MarshalJSON returns s with the names of its field tags. Characters that cannot be
// printed are escaped. Only a status after the first decision has "last".
func (s Status) MarshalJSON() ([]byte, error) {
	type fields Status
	text := struct {
		fields
		Last *Decision `json:"last,omitempty"`
	}{fields: fields(s)}
	if s.Last.Seq > 0 {
		text.Last = &s.Last
	}
	return safetext.JSON(text)
}

// LogValue returns the status as a group. Durations are integer nanoseconds.
func (s Status) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("label", safetext.Printable(s.Label)), slog.Int("limit", s.Limit), slog.Int("min", s.Min), slog.Int("max", s.Max),
		slog.Int("floor", s.Floor), slog.Int("ceiling", s.Ceiling), slog.Bool("observing", s.Observing), slog.Bool("closed", s.Closed),
		slog.Int("in_flight", s.InFlight), slog.Int64("baseline_ns", int64(s.Baseline)), slog.Bool("confirmed", s.Confirmed),
	}
	if s.Last.Seq > 0 {
		attrs = append(attrs, slog.Any("last", slog.GroupValue(s.Last.attrs()...)))
	}
	return slog.GroupValue(attrs...)
}
