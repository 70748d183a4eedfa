package bulkheads

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

var begun = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// twoOperations returns a state in which #1 has the only slot and #2 waits for it.
func twoOperations(room int, limits []deadline.Limit, ctxDeadline time.Time) *state {
	s := &state{
		model:    model.New("tie", bulk.Capacity{Parallelism: 1, WaitingRoom: room}),
		now:      begun,
		contexts: []*ctxRef{{}, {id: 1, deadline: ctxDeadline}},
		ended:    []bool{false, false},
	}
	for id := 1; id <= 2; id++ {
		s.tasks = append(s.tasks, task{call: operationOf(s, id, id-1, limits), phase: arriving, after: id - 1})
	}
	s.tasks[0].limits = nil
	s.complete()
	return s
}

func operationOf(s *state, id, ctx int, limits []deadline.Limit) *call {
	return &call{id: id, verb: noVerb, slots: 1, limits: limits, ctx: s.contexts[ctx]}
}

// script adds to a state what is called on one goroutine.
func (s *state) script(calls ...call) {
	after := 0
	for i := range calls {
		c := &calls[i]
		c.id = 10 + len(s.tasks)
		c.verb, c.ctx = noVerb, s.contexts[0]
		if c.cancels != nil {
			c.cancels = s.contexts[c.cancels.id]
		}
		s.tasks = append(s.tasks, task{call: c, phase: calling, after: after})
		after = c.id
	}
}

// all returns all ends of the orders in which a state can go on.
func (s *state) all(of func(*state) string) []string {
	got := map[string]bool{}
	f := &search{heard: true, been: map[uint64]bool{}, accepts: func(s *state) bool {
		got[of(s)] = true
		return false
	}}
	f.run(s)
	return slices.Sorted(maps.Keys(got))
}

// A tie is accepted in exactly the ways that the contract allows.
func TestTiesHaveExactlyTheOutcomesOfTheContract(t *testing.T) {
	const limit = 2 * time.Millisecond
	within := []deadline.Limit{deadline.Within(limit)}
	type script = []call
	apply := func(f func(*state)) call { return call{apply: func(s *state) Outcome { f(s); return Done }} }
	release := apply(func(s *state) { s.model.Release(s.now, 1); s.finish(s.task(1), Released) })
	closing := apply(func(s *state) { s.model.Close(s.now) })
	grow := apply(func(s *state) { s.model.SetCapacity(s.now, bulk.Capacity{Parallelism: 2, WaitingRoom: 2}) })
	tryAcquire := apply(func(s *state) {
		s.model.Arrive(s.now, model.Arrival{Op: 7, Slots: 1, Limits: []deadline.Limit{deadline.NoWait()}}, false)
		s.decided = len(s.model.Decisions)
	})
	cancel := apply(func(s *state) { s.ended[1] = true })
	cancel.cancels = &ctxRef{id: 1}

	for _, c := range []struct {
		why     string
		limits  []deadline.Limit
		dies    bool // the ctx of #2 has a deadline at the instant
		scripts []script
		want    []string // what can become of #2
	}{
		{why: "nothing happens: it waits", want: []string{"waiting"}},
		{why: "a bound ends the wait", limits: within, want: []string{"expired"}},
		{why: "a deadline of ctx ends the wait", dies: true, want: []string{"canceled"}},
		{why: "at the same instant ctx comes before the bound", limits: within, dies: true, want: []string{"canceled"}},
		{why: "bound against hand-over: whoever takes the lock first", limits: within,
			scripts: []script{{release}}, want: []string{"expired", "in flight"}},
		{why: "cancellation against hand-over: it was not handed over yet, or passes its slots on, or had started",
			scripts: []script{{cancel}, {release}}, want: []string{"abandoned", "canceled", "in flight"}},
		{why: "a ctx that is done when it wakes wins", scripts: []script{{cancel, release}},
			want: []string{"abandoned", "canceled"}},
		{why: "once started, cancellation is its own business", scripts: []script{{release, cancel}},
			want: []string{"abandoned", "in flight"}},
		{why: "a deadline against hand-over is a cancellation", dies: true,
			scripts: []script{{release}}, want: []string{"abandoned", "canceled", "in flight"}},
		{why: "all three: never expired", limits: within, dies: true,
			scripts: []script{{release}}, want: []string{"abandoned", "canceled", "in flight"}},
		{why: "close against bound", limits: within, scripts: []script{{closing}}, want: []string{"closed", "expired"}},
		{why: "close against cancellation", scripts: []script{{closing}, {cancel}}, want: []string{"canceled", "closed"}},
		{why: "close against hand-over", scripts: []script{{closing}, {release}}, want: []string{"closed", "in flight"}},
		{why: "growing hands over", scripts: []script{{grow}}, want: []string{"in flight"}},
		{why: "growing against cancellation", scripts: []script{{grow}, {cancel}}, want: []string{"abandoned", "canceled", "in flight"}},
		{why: "growing against bound", limits: within, scripts: []script{{grow}}, want: []string{"expired", "in flight"}},
		{why: "an arrival never overtakes", scripts: []script{{tryAcquire}, {release}}, want: []string{"in flight"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			dies := time.Time{}
			if c.dies {
				dies = begun.Add(limit)
			}
			s := twoOperations(2, c.limits, dies)
			s.now = begun.Add(limit)
			for _, script := range c.scripts {
				s.script(slices.Clone(script)...)
			}
			if diff := cmp.Diff(c.want, s.all(func(s *state) string { return s.became(2) })); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TryAcquire doesn't say why it got nothing. That two orders leave it with the
// same answer doesn't make them one: the reason is counted.
func TestTiesAreToldApartByWhatIsCounted(t *testing.T) {
	s := twoOperations(1, nil, time.Time{})
	release := call{apply: func(s *state) Outcome {
		if s.model.IsInFlight(1) {
			s.model.Release(s.now, 1)
		}
		return Done
	}}
	s.script(call{apply: func(s *state) Outcome { s.model.Close(s.now); return Done }})
	s.script(release)
	s.script(release)
	try := operationOf(s, 9, 0, []deadline.Limit{deadline.NoWait()})
	try.slots, try.verb = 2, &verb{try: func(int) (bulk.Slot, bool) { return bulk.Slot{}, false }}
	s.tasks = append(s.tasks, task{call: try, phase: arriving})
	got := s.all(func(s *state) string {
		if s.became(2) != "closed" {
			return "" // it was granted the slot: the close came after that
		}
		return fmt.Sprintf("%d closed, %d oversized", s.model.Totals.ClosedAtArrival, s.model.Totals.OversizedAtArrival)
	})
	if diff := cmp.Diff([]string{"", "0 closed, 1 oversized", "1 closed, 0 oversized"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
