package fleet

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// String returns the change on one line.
func (c Change) String() string {
	return fmt.Sprintf("fleet %s: member %s: %s: from %s to %s",
		safetext.Quote(c.Budget), safetext.Quote(c.Name), c.Reason, slots(c.From), slots(c.To))
}

// LogValue returns the change as a group.
func (c Change) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("budget", safetext.Printable(c.Budget)), slog.String("name", safetext.Printable(c.Name)),
		slog.String("reason", c.Reason.String()), slog.String("from", slots(c.From)), slog.String("to", slots(c.To)))
}

// MarshalJSON returns c with the names of its field tags. Characters that cannot be
// printed are escaped.
func (c Change) MarshalJSON() ([]byte, error) {
	type fields Change
	return safetext.JSON(fields(c))
}

// String returns the status on a few lines, with one for each member, and without a
// newline at the end.
func (s Status) String() string {
	var w strings.Builder
	fmt.Fprintf(&w, "fleet %s, member %s: %s", safetext.Quote(s.Budget), safetext.Quote(s.Name), s.State)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&w, "\n  %-12s"+format, append([]any{name}, args...)...)
	}
	line("share", "%d of %d slots, parallelism %s", s.Share, s.Total, slots(s.Parallelism))
	if s.Limit != bulk.Unlimited {
		fmt.Fprintf(&w, ", limit %d", s.Limit)
	}
	if s.Followed != bulk.Unlimited {
		fmt.Fprintf(&w, ", limiter at %d", s.Followed)
	}
	if s.OwnTotal != s.Total {
		fmt.Fprintf(&w, "; this member was told %d", s.OwnTotal)
	}
	if s.Drain > 0 {
		line("draining", "%d above the share", s.Drain)
	}
	line("demand", "%d on average, %d at the peak", s.Load, s.Demand)
	if s.Lease > 0 {
		line("lease", "%v left", s.Lease.Round(time.Millisecond))
	} else {
		line("lease", "none")
	}
	line("store", "%d writes, %d conflicts, %d failures, %d leases lost", s.Writes, s.Conflicts, s.Failures, s.Losses)
	if s.LastError != "" {
		line("last error", "%s", safetext.Printable(s.LastError))
	}
	if s.Last.Reason != 0 {
		line("last change", "from %s to %s, %s, at %s", slots(s.Last.From), slots(s.Last.To), s.Last.Reason, s.Last.At.Format(time.RFC3339))
	}
	if len(s.Members) > 0 {
		line("members", "%d, %d slots free", len(s.Members), s.Free)
	}
	for _, p := range s.Members {
		fmt.Fprintf(&w, "\n    %-24s share %d, demand %d, at the peak %d", safetext.Printable(p.Name), p.Share, p.Load, p.Demand)
		if p.Drain > 0 {
			fmt.Fprintf(&w, ", draining %d", p.Drain)
		}
		if p.Leaving {
			w.WriteString(", leaving")
		}
		fmt.Fprintf(&w, ", seen %v ago", p.Age.Round(time.Millisecond))
		if p.Self {
			w.WriteString(" (this member)")
		}
	}
	return w.String()
}

// LogValue returns the state of the member as a group, without the other members.
func (s Status) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("budget", safetext.Printable(s.Budget)), slog.String("name", safetext.Printable(s.Name)),
		slog.String("state", s.State.String()), slog.Int("share", s.Share), slog.Int("total", s.Total),
		slog.String("parallelism", slots(s.Parallelism)), slog.Int("drain", s.Drain), slog.Int("load", s.Load), slog.Int("demand", s.Demand),
		slog.Int("free", s.Free),
		slog.Int64("lease_ns", int64(s.Lease)), slog.Int("members", len(s.Members)),
		slog.Uint64("writes", s.Writes), slog.Uint64("conflicts", s.Conflicts), slog.Uint64("failures", s.Failures), slog.Uint64("losses", s.Losses),
	}
	if s.LastError != "" {
		attrs = append(attrs, slog.String("last_error", safetext.Printable(s.LastError)))
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON returns s with the names of its field tags. Characters that cannot be
// printed are escaped. Members is never null.
func (s Status) MarshalJSON() ([]byte, error) {
	if s.Members == nil {
		s.Members = []Peer{}
	}
	type fields Status
	return safetext.JSON(fields(s))
}

// slots returns a parallelism as a number, or "unlimited".
func slots(n int) string {
	if n == bulk.Unlimited {
		return "unlimited"
	}
	return strconv.Itoa(n)
}

// String returns the member as in
//
//	fleet "payments": member "pod-1"
func (m *Member) String() string {
	return fmt.Sprintf("fleet %s: member %s", safetext.Quote(m.budget), safetext.Quote(m.name))
}

// GoString returns the same as String.
func (m *Member) GoString() string { return m.String() }

// Format implements [fmt.Formatter]. With every verb it shows what String returns, and no
// field: fields may be read with the lock held only.
func (m *Member) Format(f fmt.State, verb rune) { safetext.Format(f, verb, m.String()) }

// LogValue returns the same as String.
func (m *Member) LogValue() slog.Value { return slog.StringValue(m.String()) }
