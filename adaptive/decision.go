package adaptive

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Decision is what a limiter decided at the end of a window, and the figures that the
// decision rests on.
//
// The text form is String. The JSON form has the names of the field tags; durations are
// integer nanoseconds with names that end in _ns. Names are stable: fields may be added,
// but none is removed or changes its meaning.
type Decision struct {
	// Label is the label of the bulkhead.
	Label string `json:"label"`
	// Seq counts the decisions of the limiter: 1, 2, 3, …
	Seq uint64 `json:"seq"`
	// At is when the decision was made.
	At time.Time `json:"at"`
	// From is the parallelism of the bulkhead before the decision.
	From int `json:"from"`
	// To is the parallelism that was set.
	To int `json:"to"`
	// Reason says why.
	Reason Reason `json:"reason"`
	// Observed reports that To was not set, because of [Observe].
	Observed bool `json:"observed"`
	// Window is how long the window was.
	Window time.Duration `json:"window_ns"`
	// Served is the number of successes in the window.
	Served int `json:"served"`
	// Overloaded is the number of operations with the outcome [Overload].
	Overloaded int `json:"overloaded"`
	// Latency is what nine of ten successes did not exceed; 0 without any. While the limit
	// stays and the latency does not change by more than its noise, it is an average over
	// windows of which the last one has half the weight.
	Latency time.Duration `json:"latency_ns"`
	// Baseline is what Latency is without queueing in the dependency; 0 if it is not
	// known.
	Baseline time.Duration `json:"baseline_ns"`
	// Load is the mean number of slots in use in the window.
	Load float64 `json:"load"`
	// Fitted is the part of Load that ended with [Success].
	Fitted float64 `json:"fitted"`
	// Queue is how many of the slots in use waited inside the dependency, as estimated
	// from Latency and Baseline.
	Queue float64 `json:"queue"`
}

// Changed reports whether the limit is another one than before.
func (d Decision) Changed() bool { return d.From != d.To }

// Goodput returns the successes per second in the window, or 0 if it has no duration.
func (d Decision) Goodput() float64 {
	if d.Window <= 0 {
		return 0
	}
	return float64(d.Served) / d.Window.Seconds()
}

// String returns the decision on one line.
func (d Decision) String() string {
	change := fmt.Sprintf("%d → %d", d.From, d.To)
	if !d.Changed() {
		change = fmt.Sprintf("stays at %d", d.To)
	}
	if d.Observed {
		change += " (not set)"
	}
	text := fmt.Sprintf("bulkhead %s: limit %s: %s", safetext.Quote(d.Label), change, d.Reason)
	if d.Reason == Oversized { // it rests on one operation, not on a window
		return text
	}
	return text + fmt.Sprintf(": latency %v, baseline %v, load %.1f, queue %.1f, %d served, %d overloaded in %v",
		round(d.Latency), round(d.Baseline), d.Load, d.Queue, d.Served, d.Overloaded, round(d.Window))
}

// round drops all but the first three digits of d.
func round(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

// MarshalJSON returns d with the names of its field tags. Characters that cannot be
// printed are escaped.
func (d Decision) MarshalJSON() ([]byte, error) {
	type fields Decision
	return safetext.JSON(fields(d))
}

// LogValue returns the decision as a group. Durations are integer nanoseconds.
func (d Decision) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("label", safetext.Printable(d.Label))}
	return slog.GroupValue(append(attrs, d.attrs()...)...)
}

func (d Decision) attrs() []slog.Attr {
	return []slog.Attr{
		slog.Uint64("seq", d.Seq), slog.Int("from", d.From), slog.Int("to", d.To), slog.String("reason", d.Reason.String()),
		slog.Bool("observed", d.Observed), slog.Int64("window_ns", int64(d.Window)), slog.Int("served", d.Served),
		slog.Int("overloaded", d.Overloaded), slog.Int64("latency_ns", int64(d.Latency)), slog.Int64("baseline_ns", int64(d.Baseline)),
		slog.Float64("load", d.Load), slog.Float64("fitted", d.Fitted), slog.Float64("queue", d.Queue),
	}
}
