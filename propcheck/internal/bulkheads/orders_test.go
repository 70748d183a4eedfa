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
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
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
		s.tasks = append(s.tasks, task{fate: fate{Outcome: Waiting}, operation: &operation{Operation: kit.Operation{ID: id}, verb: new(verb), slots: 1, ctx: s.contexts[id-1]}})
		s.tasks[id-1].Limits = [][]deadline.Limit{nil, limits}[id-1]
		s.complete()
	}
	return s
}

// complete lets everything happen that is still to come, in some order.
func (s *state) complete() {
	for moves := s.moves(nil); len(moves) > 0; moves = s.moves(nil) {
		moves[0](s)
	}
}

// all returns all ends of the orders in which a state can go on.
func (s *state) all(of func(*state) string) []string {
	got := map[string]bool{}
	f := &search{heard: true, been: map[uint64]bool{}, ends: map[uint64]bool{}, accepts: func(s *state) bool {
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
	type script = []command
	apply := func(f func(*state)) command { return command{apply: f} }
	release := apply(func(s *state) {
		s.model.Release(s.now, 1)
		s.finish(s.task(1), Outcome(kit.Returns), model.Rejection{})
	})
	closing := apply(func(s *state) { s.model.Close(s.now) })
	grow := apply(func(s *state) { s.model.SetCapacity(s.now, bulk.Capacity{Parallelism: 2, WaitingRoom: 2}) })
	tryAcquire := apply(func(s *state) {
		s.model.Arrive(s.now, model.Arrival{Op: 7, Slots: 1, Limits: []deadline.Limit{deadline.NoWait()}}, false)
	})
	cancel := command{kind: cancel, apply: func(s *state) { s.ended[1] = true }}

	for _, c := range []struct {
		why    string
		limits []deadline.Limit
		dies   bool // the ctx of #2 has a deadline at the instant
		script script
		want   []string // the possible outcomes of #2
	}{
		{why: "nothing happens: it waits", want: []string{"waiting"}},
		{why: "a bound ends the wait", limits: within, want: []string{"expired"}},
		{why: "a deadline of ctx ends the wait", dies: true, want: []string{"canceled"}},
		{why: "at the same instant ctx comes before the bound", limits: within, dies: true, want: []string{"canceled"}},
		{why: "bound against hand-over: the first to take the lock wins", limits: within,
			script: script{release}, want: []string{"expired", "in flight"}},
		{why: "a ctx that is done when it wakes wins", script: script{cancel, release}, want: []string{"abandoned", "canceled"}},
		{why: "once started, cancellation is its own business", script: script{release, cancel}, want: []string{"abandoned", "in flight"}},
		{why: "a deadline against hand-over: it was not handed over yet, or passes its slots on, or had started", dies: true,
			script: script{release}, want: []string{"abandoned", "canceled", "in flight"}},
		{why: "all three: never expired", limits: within, dies: true,
			script: script{release}, want: []string{"abandoned", "canceled", "in flight"}},
		{why: "close against bound", limits: within, script: script{closing}, want: []string{"closed", "expired"}},
		{why: "close, then cancellation", script: script{closing, cancel}, want: []string{"closed"}},
		{why: "cancellation, then close", script: script{cancel, closing}, want: []string{"canceled", "closed"}},
		{why: "close, then release", script: script{closing, release}, want: []string{"closed"}},
		{why: "hand-over, then close", script: script{release, closing}, want: []string{"in flight"}},
		{why: "growing hands over", script: script{grow}, want: []string{"in flight"}},
		{why: "growing, then cancellation", script: script{grow, cancel}, want: []string{"abandoned", "in flight"}},
		{why: "growing against bound", limits: within, script: script{grow}, want: []string{"expired", "in flight"}},
		{why: "an arrival never overtakes", script: script{tryAcquire, release}, want: []string{"in flight"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			dies := time.Time{}
			if c.dies {
				dies = begun.Add(limit)
			}
			s := twoOperations(2, c.limits, dies)
			s.now = begun.Add(limit)
			for _, o := range c.script {
				if o.kind == cancel.kind {
					o.cancels = s.contexts[1]
				}
				s.script = append(s.script, o)
			}
			if diff := cmp.Diff(c.want, s.all(func(s *state) string { return s.became(s.task(2)) })); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TryAcquire doesn't say why it got nothing. That two orders leave it with the
// same answer doesn't make them one: the reason is counted.
func TestTiesAreToldApartByWhatIsCounted(t *testing.T) {
	s := twoOperations(1, nil, time.Time{})
	try := &operation{verb: &verb{try: true}, slots: 2, ctx: s.contexts[0]}
	try.ID, try.Limits = 9, []deadline.Limit{deadline.NoWait()}
	s.script = []command{
		{private: true, apply: func(s *state) { s.tasks = append(s.tasks, task{operation: try, fate: fate{Outcome: Waiting}}) }},
		{apply: func(s *state) { s.model.Close(s.now) }},
		{apply: func(s *state) { s.model.Release(s.now, 1) }},
	}
	got := s.all(func(s *state) string {
		return fmt.Sprintf("%d closed, %d oversized", s.model.Totals.ClosedAtArrival, s.model.Totals.OversizedAtArrival)
	})
	if diff := cmp.Diff([]string{"0 closed, 1 oversized", "1 closed, 0 oversized"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
