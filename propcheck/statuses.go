package propcheck

import (
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// checkStatuses looks at all statuses that were taken in this step, wherever.
// last is the one taken at its end.
func (m *machine) checkStatuses(w *world, last bulk.Status) {
	indexes := make([]uint64, 0, len(m.statuses))
	for _, s := range m.statuses {
		for _, wrong := range inconsistencies(s) {
			m.problem("a Status is not consistent in itself: %s", wrong)
		}
		indexes = append(indexes, s.Index)
		waits := s.Totals.Waits
		if waits.Count() != s.Totals.AdmittedFromQueue {
			m.problem("Waits has %d waits, AdmittedFromQueue is %d", waits.Count(), s.Totals.AdmittedFromQueue)
		}
		s.Index, s.Totals.Waits = 0, bulk.Waits{}
		if s.LastEvent == last.LastEvent && s != last {
			m.problem("two Statuses with the same LastEvent differ:\n%+v\n%+v", s, last)
		}
		if s.LastEvent == last.LastEvent {
			m.checkWaits(waits, w.model.Waits)
		}
	}
	slices.Sort(indexes)
	if first := m.readings - uint64(len(indexes)) + 1; m.bulkhead != nil && (indexes[0] != first || indexes[len(indexes)-1] != m.readings) {
		m.problem("the Index of the Statuses taken is %v, not from %d to %d", indexes, first, m.readings)
	}
	if len(slices.Compact(indexes)) != len(m.statuses) {
		m.problem("two Statuses have the same Index: %v", indexes)
	}
	probe := w.model.Clone()
	saturated := probe.Arrive(w.now, arrival{Slots: 1}, false).Rejection.Reason == bulk.Saturated
	if last.Saturated() != saturated {
		m.problem("Status.Saturated is %t", last.Saturated())
	}
	if m.fold != nil {
		m.fold.check(m, m.listeners[0].bySeq())
	}
}

// checkWaits compares the histogram with the waits that it stands for.
func (m *machine) checkWaits(h bulk.Waits, waits []time.Duration) {
	if h.Count() != uint64(len(waits)) {
		m.problem("the histogram has %d waits, not %d", h.Count(), len(waits))
		return
	}
	if len(waits) == 0 || len(waits) == m.compared {
		return
	}
	m.compared = len(waits)
	sorted := slices.Sorted(slices.Values(waits))
	rest := sorted
	for bound, n := range h.Buckets() {
		var in int
		for in < len(rest) && rest[in] <= bound {
			// Relative error at most 12.5 %.
			if bound-rest[in] > rest[in]/8 {
				m.problem("a wait of %v is in the bucket up to %v", rest[in], bound)
			}
			in++
		}
		if uint64(in) != n {
			m.problem("the bucket up to %v has %d waits, not %d", bound, n, in)
			return
		}
		rest = rest[in:]
	}
	for i, wait := range sorted {
		// Nearest rank: the quantile that ends with this wait.
		q := (float64(i) + 0.5) / float64(len(sorted))
		if got := h.Quantile(q); got < wait || got-wait > wait/8 {
			m.problem("Quantile(%g) is %v, not %v", q, got, wait)
		}
	}
}
