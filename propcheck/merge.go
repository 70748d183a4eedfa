package propcheck

import (
	"encoding/binary"
	"slices"
)

// Different orders can lead to the same point, and to the same end.

// same reports whether two worlds that look the same are the same: who waits
// where, and who is in flight since when.
func (w *world) same(v *world) bool {
	inFlight := func(m *Model) []running {
		return slices.SortedFunc(slices.Values(m.InFlight), func(a, b running) int { return a.Op - b.Op })
	}
	return slices.Equal(w.model.Room, v.model.Room) && slices.Equal(inFlight(w.model), inFlight(v.model))
}

// key identifies the point that a world has come to on its way through one
// instant, among all that lead on from the same beginning: two with the same key
// have the same future. Who made which event matters only if somebody listens.
func (w *world) key(listeners bool) string {
	var buf [512]byte
	key := buf[:0]
	put := func(numbers ...int) {
		for _, n := range numbers {
			key = binary.AppendVarint(key, int64(n))
		}
	}
	m := w.model
	for _, r := range m.Room {
		put(r.Op, int(r.Allowed))
	}
	put(-1)
	for _, f := range m.InFlight {
		put(f.Op)
	}
	put(-1, int(m.Seq), int(m.Totals.Holds.Samples), m.Peak.InFlight, m.Peak.InUse, m.Peak.Waiting)
	// Not all operations are told why they were turned away, but it is counted.
	for _, n := range []uint64{m.Totals.Saturated, m.Totals.Expired, m.Totals.ExpiredAtArrival,
		m.Totals.Canceled, m.Totals.CanceledAtArrival, m.Totals.Closed, m.Totals.ClosedAtArrival,
		m.Totals.Oversized, m.Totals.OversizedAtArrival, m.Totals.Abandoned} {
		put(int(n))
	}
	put(m.Capacity.Parallelism, m.Capacity.WaitingRoom, int(m.Capacity.WaitLimit))
	for i := range w.tasks {
		t := &w.tasks[i]
		r := &t.refusal
		put(int(t.phase), int(r.Reason), r.Parallelism, r.WaitingRoom, r.InFlight, r.InUse, r.Waiting, int(r.Limit))
		key = append(key, t.state...)
	}
	for _, s := range w.scripts {
		put(len(s))
	}
	for _, c := range w.contexts {
		if c.done {
			put(1)
		} else {
			put(0)
		}
	}
	for _, r := range w.removals {
		put(int(r.seq))
	}
	if listeners {
		put(w.makers...)
	}
	return string(key)
}
