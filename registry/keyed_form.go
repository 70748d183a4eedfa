package registry

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// String returns the status on a few lines, without a newline at the end.
func (s KeyedStatus) String() string {
	return s.text("", s.Created, s.Evicted, s.TooManyKeys) + hooks.TotalsText(s.Totals, 0)
}

// String returns the interval on a few lines, with the state at its end, and without
// a newline at the end.
func (i KeyedInterval) String() string {
	text := i.End.text(fmt.Sprintf(" over %v", i.Duration.Round(time.Millisecond)), i.Created, i.Evicted, i.TooManyKeys)
	return text + hooks.TotalsText(i.Totals, i.Duration)
}

// text returns the lines about the state, with the given counts.
func (s KeyedStatus) text(over string, created, evicted, tooMany uint64) string {
	var w strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&w, "\n  %-13s"+format, append([]any{name}, args...)...)
	}
	fmt.Fprintf(&w, "keyed %s%s", safetext.Quote(s.Label), over)
	switch {
	case s.Closed:
		w.WriteString(", closed")
	case s.Capacity.Parallelism == 0:
		w.WriteString(", paused")
	}
	row("keys", "%d of %d, %d created, %d evicted", s.Keys, s.MaxKeys, created, evicted)
	if tooMany > 0 {
		row("too many keys", " %d rejected", tooMany)
	}
	row("each", "%v", s.Capacity)
	slots := fmt.Sprint(s.Slots)
	if s.Slots == bulk.Unlimited {
		slots = "unlimited"
	}
	row("slots", "%d of %s in use, %d in flight", s.InUse, slots, s.InFlight)
	if s.Places > 0 || s.Waiting > 0 {
		row("waiting", "%d of %d", s.Waiting, s.Places)
	}
	return w.String()
}

// LogValue returns the current state and the most important counts as a group, with
// the names of [bulk.Status.LogValue]: the capacity is the common one, and the other
// numbers are over all keys. Durations are integer nanoseconds.
func (s KeyedStatus) LogValue() slog.Value {
	return slog.GroupValue(append(s.asOne().LogValue().Group(),
		slog.Int("keys", s.Keys), slog.Int("max_keys", s.MaxKeys), slog.Uint64("created", s.Created),
		slog.Uint64("evicted", s.Evicted), slog.Uint64("too_many_keys", s.TooManyKeys))...)
}

// MarshalJSON returns s with the names of its field tags. Characters that cannot be
// printed are escaped.
func (s KeyedStatus) MarshalJSON() ([]byte, error) {
	type fields KeyedStatus
	return safetext.JSON(fields(s))
}
