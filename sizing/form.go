package sizing

import (
	"fmt"
	"log/slog"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Fields of a Shadow and a Recorder may be read with their lock held only, so no form shows
// them.

// String returns the name of the real bulkhead as in
//
//	shadow of bulkhead "payments"
//
// The numbers are in [Shadow.Status].
func (s *Shadow) String() string {
	if s == nil {
		return "<nil>"
	}
	return "shadow of " + s.bulkhead.String()
}

// GoString returns the same as String.
func (s *Shadow) GoString() string { return s.String() }

// LogValue returns the same as String.
func (s *Shadow) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Format implements [fmt.Formatter]. With every verb it shows what String returns.
func (s *Shadow) Format(f fmt.State, verb rune) { safetext.Format(f, verb, s.String()) }

// String returns the name of the bulkhead as in
//
//	recorder of bulkhead "payments"
//
// The operations are in [Recorder.Trace].
func (r *Recorder) String() string {
	if r == nil {
		return "<nil>"
	}
	return "recorder of " + r.bulkhead.String()
}

// GoString returns the same as String.
func (r *Recorder) GoString() string { return r.String() }

// LogValue returns the same as String.
func (r *Recorder) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Format implements [fmt.Formatter]. With every verb it shows what String returns.
func (r *Recorder) Format(f fmt.State, verb rune) { safetext.Format(f, verb, r.String()) }
