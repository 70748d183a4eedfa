package linear

import (
	"context"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// line is one step of a made-up history.
func line(call, ret int64, in input, out output) porcupine.Operation {
	out.took = time.Duration(ret - call)
	return porcupine.Operation{Input: in, Output: out, Call: call, Return: ret}
}

// The steps of the histories below.
func tries(op, slots int) input {
	return input{verb: try, op: op, slots: slots, limits: []deadline.Limit{deadline.NoWait()}}
}
func asks(op, slots int) input {
	return input{verb: ask, op: op, slots: slots, limits: []deadline.Limit{deadline.NoWait()}}
}
func frees(op int) input { return input{verb: release, op: op} }
func ends(op int) input  { return input{verb: cancel, op: op} }

// waits is a call that may wait.
func waits(call, ret int64, op, slots int, out output) []porcupine.Operation {
	return []porcupine.Operation{
		line(call, ret, input{verb: arrive, op: op, slots: slots}, out),
		line(call, ret, input{verb: wake, op: op}, out),
	}
}

var yes, no = output{ok: true}, output{}

// rejected has the numbers of a capacity of 2 slots and 2 places.
func rejected(why bulk.Reason, slots, inFlight, inUse, waiting int, limit time.Duration) output {
	return output{rejection: model.Rejection{
		Label: label, Reason: why, Slots: slots, Parallelism: 2, WaitingRoom: 2,
		InFlight: inFlight, InUse: inUse, Waiting: waiting, Limit: limit,
	}}
}

// TestMadeUp checks histories that were made up: pairs, of which one has an
// order and the other, which differs in little, has none.
func TestMadeUp(t *testing.T) {
	roomy := bulk.Capacity{Parallelism: 2, WaitingRoom: 2}
	limited := bulk.Capacity{Parallelism: 2, WaitingRoom: 2, WaitLimit: 50}
	// queued says that operation 1 has come to wait by now, behind a holder of one or
	// two slots: an operation is rejected with these numbers.
	queued := func(op int, inUse, waiting int) porcupine.Operation {
		return line(20, 25, asks(op, 1), rejected(bulk.Saturated, 1, 1, inUse, waiting, 0))
	}
	type steps = []porcupine.Operation
	for _, c := range []struct {
		name     string
		capacity bulk.Capacity
		good     steps
		bad      steps
	}{
		{"a slot has one holder", roomy,
			steps{line(1, 9, tries(0, 2), yes), line(2, 8, tries(1, 2), no)},
			steps{line(1, 9, tries(0, 2), yes), line(2, 8, tries(1, 2), yes)}},
		{"the first to arrive may lose while both calls are under way, not afterwards", roomy,
			steps{line(1, 5, tries(0, 2), no), line(5, 8, tries(1, 2), yes)},
			steps{line(1, 5, tries(0, 2), no), line(6, 8, tries(1, 2), yes)}},
		{"a small operation does not overtake", roomy,
			append(waits(10, 90, 1, 2, yes), line(1, 5, tries(0, 1), yes), queued(2, 1, 1),
				line(30, 40, tries(3, 1), no), line(60, 70, frees(0), no)),
			append(waits(10, 90, 1, 2, yes), line(1, 5, tries(0, 1), yes), queued(2, 1, 1),
				line(30, 40, tries(3, 1), yes), line(50, 55, frees(3), no), line(60, 70, frees(0), no))},
		{"first come, first served", roomy,
			append(append(waits(10, 60, 1, 2, yes), waits(30, 90, 3, 2, yes)...),
				line(1, 5, tries(0, 2), yes), queued(2, 2, 1), line(50, 70, frees(0), no), line(75, 80, frees(1), no)),
			append(append(waits(10, 90, 1, 2, yes), waits(30, 60, 3, 2, yes)...),
				line(1, 5, tries(0, 2), yes), queued(2, 2, 1), line(50, 70, frees(0), no), line(75, 80, frees(3), no))},
		{"no operation is granted before slots are free", roomy,
			append(waits(10, 60, 1, 1, yes), line(1, 5, tries(0, 2), yes), line(60, 70, frees(0), no)),
			append(waits(10, 60, 1, 1, yes), line(1, 5, tries(0, 2), yes), line(61, 70, frees(0), no))},
		{"no slot is lost", roomy,
			steps{line(1, 5, tries(0, 2), yes), line(10, 20, frees(0), no), line(30, 40, tries(1, 2), yes)},
			steps{line(1, 5, tries(0, 2), yes), line(10, 20, frees(0), no), line(30, 40, tries(1, 2), no)}},
		{"no slot is freed twice", roomy,
			steps{line(1, 5, tries(0, 1), yes), line(6, 8, tries(1, 1), yes), line(10, 20, frees(0), no),
				line(11, 19, frees(0), no), line(30, 40, tries(2, 2), no)},
			steps{line(1, 5, tries(0, 1), yes), line(6, 8, tries(1, 1), yes), line(10, 20, frees(0), no),
				line(11, 19, frees(0), no), line(30, 40, tries(2, 2), yes)}},
		{"the numbers are those of one moment", roomy,
			steps{line(1, 5, tries(0, 2), yes), line(6, 9, asks(1, 1), rejected(bulk.Saturated, 1, 1, 2, 0, 0))},
			steps{line(1, 5, tries(0, 2), yes), line(6, 9, asks(1, 1), rejected(bulk.Saturated, 1, 1, 1, 0, 0))}},
		{"no operation expires before its bound", limited,
			append(waits(10, 60, 1, 1, rejected(bulk.Expired, 1, 1, 2, 0, 50)), line(1, 5, tries(0, 2), yes)),
			append(waits(10, 59, 1, 1, rejected(bulk.Expired, 1, 1, 2, 0, 50)), line(1, 5, tries(0, 2), yes))},
		{"no operation is canceled before its ctx has ended", roomy,
			append(waits(10, 60, 1, 1, rejected(bulk.Canceled, 1, 1, 2, 0, 0)), line(1, 5, tries(0, 2), yes), line(40, 50, ends(1), no)),
			append(waits(10, 60, 1, 1, rejected(bulk.Canceled, 1, 1, 2, 0, 0)), line(1, 5, tries(0, 2), yes), line(61, 62, ends(1), no))},
		{"cancellation wins over a later hand-over", roomy,
			append(waits(10, 60, 1, 1, yes), line(1, 5, tries(0, 2), yes), queued(2, 2, 1), line(30, 40, ends(1), no), line(40, 50, frees(0), no)),
			append(waits(10, 60, 1, 1, yes), line(1, 5, tries(0, 2), yes), queued(2, 2, 1), line(30, 40, ends(1), no), line(41, 50, frees(0), no))},
		{"what was handed to a canceled operation is free again", roomy,
			append(waits(10, 60, 1, 1, rejected(bulk.Canceled, 1, 0, 0, 0, 0)), line(1, 5, tries(0, 2), yes),
				line(30, 50, ends(1), no), line(41, 50, frees(0), no), line(70, 80, tries(3, 2), yes)),
			append(waits(10, 60, 1, 1, rejected(bulk.Canceled, 1, 0, 0, 0, 0)), line(1, 5, tries(0, 2), yes),
				line(30, 50, ends(1), no), line(41, 50, frees(0), no), line(70, 80, tries(3, 2), no))},
		{"no operation is admitted after Close", roomy,
			steps{line(1, 5, input{verb: shut}, no), line(5, 8, tries(0, 1), yes)},
			steps{line(1, 5, input{verb: shut}, no), line(6, 8, tries(0, 1), yes)}},
		{"Close rejects the operations that wait", roomy,
			append(waits(10, 60, 1, 1, rejected(bulk.Closed, 1, 1, 2, 0, 0)), line(1, 5, tries(0, 2), yes), line(50, 55, input{verb: shut}, no)),
			append(waits(10, 60, 1, 1, yes), line(1, 5, tries(0, 2), yes), queued(2, 2, 1), line(50, 54, input{verb: shut}, no), line(55, 56, frees(0), no))},
		{"growing grants", roomy,
			append(waits(10, 60, 1, 2, yes), line(1, 5, tries(0, 2), yes), line(50, 55, input{verb: resize, capacity: bulk.Capacity{Parallelism: 4}}, no)),
			append(waits(10, 60, 1, 2, yes), line(1, 5, tries(0, 2), yes), line(50, 55, input{verb: resize, capacity: bulk.Capacity{Parallelism: 3}}, no))},
		{"Done is closed when the last one is gone", roomy,
			steps{line(1, 2, tries(0, 1), yes), line(3, 4, input{verb: shut}, no), line(5, 9, frees(0), no), line(8, 9, input{verb: drained}, yes)},
			steps{line(1, 2, tries(0, 1), yes), line(3, 4, input{verb: shut}, no), line(6, 9, frees(0), no), line(4, 5, input{verb: drained}, yes)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (history{capacity: c.capacity, ops: c.good}).check(0); got != porcupine.Ok {
				t.Errorf("the good one: %v", got)
			}
			if got := (history{capacity: c.capacity, ops: c.bad}).check(0); got != porcupine.Illegal {
				t.Errorf("the bad one: %v", got)
			}
		})
	}
}

// TestFalsified changes one answer of recorded histories. None of them has an
// order any more.
func TestFalsified(t *testing.T) {
	for seed := range uint64(20) {
		h := record(seed, true, nil)
		at := len(h.ops) / 2
		for h.ops[at].Input.(input).verb != try {
			at++
		}
		out := h.ops[at].Output.(output)
		out.ok = !out.ok
		h.ops[at].Output = out
		if got := h.check(patience); got == porcupine.Ok {
			t.Errorf("history %d: the opposite answer to step %d is explained as well", seed, at)
		}
	}
}

// TestBroken records bulkheads that are broken in a way that only shows when
// several use them: a TryAcquireN that waits for a moment.
func TestBroken(t *testing.T) {
	for _, watched := range []bool{true, false} {
		caught := 0
		for seed := range uint64(20) {
			h := record(seed, watched, func(b *bulk.Bulkhead) func(int) (bulk.Slot, bool) {
				return func(n int) (bulk.Slot, bool) {
					slot, err := b.AcquireN(context.Background(), n, deadline.Within(100*time.Microsecond))
					return slot, err == nil
				}
			})
			if h.check(patience) == porcupine.Illegal {
				caught++
			}
		}
		t.Logf("events: %v; %d of 20 histories caught it", watched, caught)
		if caught == 0 {
			t.Error("a TryAcquireN that waits was not caught")
		}
	}
}
