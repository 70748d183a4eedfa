package bulkheads

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// check looks at all that is not part of the view, now that it is known what
// happened: s.
func (m *machine) check(s *state, last bulk.Status) {
	m.checkStatuses(s, last)
	m.checkHandlers(s)
	for _, c := range m.calls {
		switch t := s.task(c.id); {
		case t.outcome() == GaveUp:
			m.matchesCtx(c)
			if c.drain.Label != s.model.Label {
				m.problem("%v: the DrainError's label is %q", c, c.drain.Label)
			}
			for _, s := range sentinels { // whatever the cause is
				if errors.Is(c.err, s.err) {
					m.problem("%v: the DrainError matches %v", c, s.err)
				}
			}
		case t.outcome() == Rejected && !c.verb.yesOrNo():
			m.checkRejection(c)
		}
	}
	// Most who wait for the drain asked for the channel long before it.
	if early := isClosed(m.done); early != s.model.Drained {
		m.problem("the channel that Done returned at the beginning: closed is %t, drained is %t", early, s.model.Drained)
	}
	if b, ok := m.subject.(*bulk.Bulkhead); ok {
		if err := hooks.Check(b); err != nil {
			m.problem("invariants: %v", err)
		}
	}
	if got := m.subject.Label(); got != s.model.Label {
		m.problem("Label is %q, not %q", got, s.model.Label)
	}
	if got := m.subject.Capacity(); got != s.model.Capacity {
		m.problem("Capacity is %v, not %v", got, s.model.Capacity)
	}
}

// sentinels lists which reasons each sentinel matches.
var sentinels = []struct {
	err     error
	reasons []bulk.Reason
}{
	{bulk.ErrNotStarted, []bulk.Reason{bulk.Saturated, bulk.Expired, bulk.Closed, bulk.Oversized, bulk.Canceled}},
	{bulk.ErrOverload, []bulk.Reason{bulk.Saturated, bulk.Expired}},
	{bulk.ErrSaturated, []bulk.Reason{bulk.Saturated}},
	{bulk.ErrExpired, []bulk.Reason{bulk.Expired}},
	{bulk.ErrClosed, []bulk.Reason{bulk.Closed}},
	{bulk.ErrOversized, []bulk.Reason{bulk.Oversized}},
	{bulk.ErrCanceled, []bulk.Reason{bulk.Canceled}},
}

// rejectionOf returns the fields of the error of a rejected operation.
func rejectionOf(err error) model.Rejection {
	var e *bulk.AdmissionError
	if !errors.As(err, &e) {
		return model.Rejection{Label: fmt.Sprintf("no AdmissionError: %v", err)}
	}
	return model.RejectionOf(e)
}

// checkRejection looks at the error of an operation that was rejected as it
// should be: its fields are right.
func (m *machine) checkRejection(c *call) {
	var e *bulk.AdmissionError
	if !errors.As(c.err, &e) {
		m.problem("%v: %v is no AdmissionError", c, c.err)
		return
	}
	for _, s := range sentinels {
		if got, want := errors.Is(c.err, s.err), slices.Contains(s.reasons, e.Reason); got != want {
			m.problem("%v: errors.Is(%v, %v) is %t", c, c.err, s.err, got)
		}
	}
	if !strings.HasPrefix(e.Error(), fmt.Sprintf("bulkhead %q: %v", e.Label, e.Reason)) {
		m.problem("%v: the error reads %q", c, e)
	}
	if _, ok := error(e).(interface{ Timeout() bool }); ok {
		m.problem("%v: the error has a method Timeout", c)
	}
	if e.Reason == bulk.Canceled {
		m.matchesCtx(c)
	} else if errors.Is(c.err, context.Canceled) || errors.Is(c.err, context.DeadlineExceeded) {
		m.problem("%v: %v matches a context error", c, c.err)
	}
	if m.bulkhead != nil && !bulk.NotStarted(c.err, m.bulkhead) {
		m.problem("%v: NotStarted(%v) is false", c, c.err)
	}
	if bulk.NotStarted(c.err, m.other) {
		m.problem("%v: NotStarted(%v) is true for another bulkhead", c, c.err)
	}
	m.rejected = c.err
}

// matchesCtx looks at an error that says that ctx ended: it matches ctx.Err() and
// the cause.
func (m *machine) matchesCtx(c *call) {
	end, cause := c.ctx.Err(), context.Cause(c.ctx.Context)
	if end == nil {
		m.problem("%v: %v, but ctx is not done", c, c.err)
	}
	for _, target := range []error{end, cause} {
		if target != nil && !errors.Is(c.err, target) {
			m.problem("%v: %v does not match %v", c, c.err, target)
		}
	}
	// context.DeadlineExceeded has a method that can be asked for, and a cause has
	// not: it is found behind one.
	var timeout interface{ Timeout() bool }
	if errors.As(end, &timeout) && !errors.As(c.err, &timeout) {
		m.problem("%v: errors.As does not find %v", c, end)
	}
	var got, want *causeError
	if errors.As(cause, &want) && (!errors.As(c.err, &got) || got != want) {
		m.problem("%v: errors.As does not find the cause, %v", c, cause)
	}
}

// resultOf chooses with which error a function ends.
func (m *machine) resultOf(c *call, end Outcome) error {
	switch end {
	case Failed:
		return fmt.Errorf("failure of #%d", c.id)
	case Panicked:
		return fmt.Errorf("panic of #%d", c.id)
	}
	return nil
}

// wrongResult says what is wrong with what a call returned for what its function
// returned. m.mu is held.
func (m *machine) wrongResult(c *call, want order, value int) string {
	if value != want.value || c.err != want.err {
		return "not the same"
	}
	return ""
}

// checkStatuses looks at all statuses that were taken in this step, wherever.
// last is the one at its end.
func (m *machine) checkStatuses(s *state, last bulk.Status) {
	indexes := make([]uint64, 0, len(m.statuses))
	for _, got := range m.statuses {
		indexes = append(indexes, got.Index)
		waits := got.Totals.Waits
		got.Index, got.Totals.Waits = 0, bulk.Waits{}
		i := slices.IndexFunc(s.statuses, func(want bulk.Status) bool { return want.LastEvent == got.LastEvent })
		if i < 0 {
			m.problem("a Status has LastEvent %d, which never was", got.LastEvent)
			continue
		}
		want := s.statuses[i]
		if want.At = got.At; got != want {
			m.problems = append(m.problems, kit.Differences("a Status", got, want)...)
		}
		if waits.Count() != got.Totals.AdmittedFromQueue {
			m.problem("Waits has %d waits, AdmittedFromQueue is %d", waits.Count(), got.Totals.AdmittedFromQueue)
		}
		if got.LastEvent == last.LastEvent {
			m.checkWaits(waits, s.model.Waits)
		}
	}
	slices.Sort(indexes)
	if first := m.readings - uint64(len(indexes)) + 1; m.bulkhead != nil && (indexes[0] != first || indexes[len(indexes)-1] != m.readings) {
		m.problem("the Index of the Statuses is %v, not from %d to %d", indexes, first, m.readings)
	}
	if len(slices.Compact(indexes)) != len(m.statuses) {
		m.problem("two Statuses have the same Index")
	}
	m.checkMethods(s, last)
}

// checkMethods looks at what can be asked of a Status.
func (m *machine) checkMethods(s *state, got bulk.Status) {
	t, free := got.Totals, got.Capacity.Parallelism-got.InUse
	mean := func(sum time.Duration, n uint64) time.Duration { return sum / time.Duration(max(n, 1)) }
	queue := 0.0 // without a room
	if got.Capacity.WaitingRoom > 0 {
		queue = float64(got.Waiting) / float64(got.Capacity.WaitingRoom)
	}
	saturated := s.model.Clone().Arrive(s.now, model.Arrival{Slots: 1}, false).Rejection.Reason == bulk.Saturated
	for _, method := range []struct {
		name string
		ok   bool
	}{
		{"Free", got.Free() == max(0, free)},
		{"Excess", got.Excess() == max(0, -free)},
		{"Saturated", got.Saturated() == saturated},
		{"Drained", got.Drained() == s.model.Drained},
		{"Utilization", got.Utilization() == float64(got.InUse)/float64(max(1, got.Capacity.Parallelism))},
		{"QueueUtilization", got.QueueUtilization() == queue},
		{"Totals.MeanWait", t.MeanWait() == mean(t.Wait, t.AdmittedFromQueue)},
		{"Totals.Holds.Mean", t.Holds.Mean() == mean(t.Holds.Sum, t.Holds.Samples)},
		{"Totals.Arrivals", t.Arrivals() == t.Admitted-t.AdmittedFromQueue+t.Queued+t.Saturated+
			t.ExpiredAtArrival+t.CanceledAtArrival+t.ClosedAtArrival+t.OversizedAtArrival},
		{"Totals.Rejected", t.Rejected() == t.Saturated+t.Expired+t.ExpiredAtArrival+
			t.Closed+t.ClosedAtArrival+t.Oversized+t.OversizedAtArrival},
	} {
		if !method.ok {
			m.problem("Status.%s() is wrong for %+v", method.name, got)
		}
	}
}

// checkWaits compares the histogram with the waits that it stands for.
func (m *machine) checkWaits(h bulk.Waits, waits []time.Duration) {
	if h.Count() != uint64(len(waits)) {
		m.problem("the histogram has %d waits, not %d", h.Count(), len(waits))
		return
	}
	if len(waits) == m.compared {
		return
	}
	m.compared = len(waits)
	sorted := slices.Sorted(slices.Values(waits))
	rest := sorted
	for bound, n := range h.Buckets() {
		for range n {
			// Relative error at most 12.5 %.
			if len(rest) == 0 || rest[0] > bound || bound-rest[0] > rest[0]/8 {
				m.problem("the bucket up to %v has %d waits; the waits are %v", bound, n, sorted)
				return
			}
			rest = rest[1:]
		}
	}
	for i, wait := range sorted {
		// Nearest rank: the quantile that ends with this wait.
		q := (float64(i) + 0.5) / float64(len(sorted))
		if got := h.Quantile(q); got < wait || got-wait > wait/8 {
			m.problem("Quantile(%g) is %v, not %v", q, got, wait)
		}
	}
}

// What is not allowed is rejected by its name, and is no arrival: nothing is
// counted, no event is made.
func (m *machine) misuse() {
	m.counts.Hit("misuse")
	m.step(m.nothing(m.doAllThatIsNotAllowed, "all that is not allowed is done"))
}

func (m *machine) doAllThatIsNotAllowed() {
	ctx, s := context.Background(), m.subject
	fields := func(what string, err error, want ...string) {
		if got := badFields(err); !errors.Is(err, bulk.ErrConfig) || errors.Is(err, bulk.ErrNotStarted) || !slices.Equal(got, want) {
			m.note("%s: %v, which has a ConfigError for each of %v, not for %v", what, err, got, want)
		}
	}
	panics := func(what string, f func()) {
		defer func() {
			if recover() == nil {
				m.note("%s does not panic", what)
			}
		}()
		f()
	}
	for _, bad := range []struct {
		label       string
		parallelism int
		options     []bulk.Option
		fields      []string
	}{
		{" ", 1, nil, []string{"label"}},
		{"label", 0, nil, []string{"parallelism"}},
		{"label", 1, []bulk.Option{bulk.WaitingRoom(-1)}, []string{"waiting_room"}},
		{"label", 1, []bulk.Option{bulk.WaitLimit(-1)}, []string{"wait_limit"}},
		{"label", 1, []bulk.Option{bulk.OnEvent(nil)}, []string{"handler"}},
		{"label", 1, []bulk.Option{bulk.OnHandlerPanic(nil)}, []string{"handler"}},
		{"label", 1, []bulk.Option{nil}, []string{"option"}},
		{"", -1, []bulk.Option{nil, bulk.OnEvent(nil), bulk.WaitLimit(-1), bulk.WaitingRoom(-1)},
			[]string{"handler", "label", "option", "parallelism", "wait_limit", "waiting_room"}},
	} {
		_, err := m.build(bad.label, bad.parallelism, bad.options...)
		fields("making a subject", err, bad.fields...)
	}
	for _, n := range []int{0, -1} {
		slot, err := s.AcquireN(ctx, n)
		fields("AcquireN", err, "slots")
		slot.Release()
		if slot, ok := s.TryAcquireN(n); ok || slot != (bulk.Slot{}) {
			m.note("TryAcquireN(%d) is true", n)
		}
	}
	fields("SetCapacity", s.SetCapacity(bulk.Capacity{Parallelism: -1, WaitingRoom: -1, WaitLimit: -1}), "parallelism", "wait_limit", "waiting_room")
	bulk.Slot{}.Release()
	panics("OnEvent(nil)", func() { s.OnEvent(nil) })
	if b := m.bulkhead; b != nil {
		type fn = func(context.Context) (int, error)
		_, err := bulk.RunN(ctx, b, 0, func(context.Context) (int, error) { return 0, nil })
		fields("RunN", err, "slots")
		panics("Run(nil)", func() { _, _ = bulk.Run(ctx, b, fn(nil)) })
		panics("RunN(0, nil)", func() { _, _ = bulk.RunN(ctx, b, 0, fn(nil)) }) // nil comes first
		panics("Do(nil)", func() { _ = bulk.Do(ctx, b, nil) })
		panics("Guard(nil)", func() { bulk.Guard(b, fn(nil)) })
		panics("Guard1(nil)", func() { bulk.Guard1[int, int](b, nil) })
		panics("GuardDo(nil)", func() { bulk.GuardDo(b, nil) })
	}
}

// badFields returns the fields of all ConfigErrors in err.
func badFields(err error) (fields []string) {
	switch e := err.(type) {
	case *bulk.ConfigError:
		return []string{e.Field}
	case interface{ Unwrap() error }:
		fields = badFields(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			fields = append(fields, badFields(one)...)
		}
	}
	slices.Sort(fields)
	return fields
}
