package propcheck

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

// A tie is accepted in exactly the ways that the contract allows. In each case
// #1 has the only slot and #2 waits for it, and things happen at one instant.
func TestTiesHaveExactlyTheOutcomesOfTheContract(t *testing.T) {
	const limit = 2 * time.Millisecond
	within := []deadline.Limit{deadline.Within(limit)}
	release := script{{kind: moveRelease, call: 3, target: 1}}
	cancel := script{{kind: moveCancel, call: 4, context: 1}}
	closing := script{{kind: moveClose, call: 5}}
	grow := script{{kind: moveChange, call: 6, capacity: bulk.Capacity{Parallelism: 2, WaitingRoom: 2}}}
	arrive := script{{kind: moveStart, call: 7}}

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
			scripts: []script{release}, want: []string{"expired", "in flight"}},
		{why: "cancellation against hand-over: it was not handed over yet, or passes its slots on, or had started",
			scripts: []script{cancel, release}, want: []string{"abandoned", "canceled", "in flight"}},
		{why: "a ctx that is done when it wakes wins", scripts: []script{slices.Concat(cancel, release)},
			want: []string{"abandoned", "canceled"}},
		{why: "once started, cancellation is its own business", scripts: []script{slices.Concat(release, cancel)},
			want: []string{"abandoned", "in flight"}},
		{why: "a deadline against hand-over is a cancellation", dies: true,
			scripts: []script{release}, want: []string{"abandoned", "canceled", "in flight"}},
		{why: "all three: never expired", limits: within, dies: true,
			scripts: []script{release}, want: []string{"abandoned", "canceled", "in flight"}},
		{why: "close against bound", limits: within, scripts: []script{closing}, want: []string{"closed", "expired"}},
		{why: "close against cancellation", scripts: []script{closing, cancel}, want: []string{"canceled", "closed"}},
		{why: "close against hand-over", scripts: []script{closing, release}, want: []string{"closed", "in flight"}},
		{why: "growing hands over", scripts: []script{grow}, want: []string{"in flight"}},
		{why: "growing against cancellation", scripts: []script{grow, cancel}, want: []string{"abandoned", "canceled", "in flight"}},
		{why: "growing against bound", limits: within, scripts: []script{grow}, want: []string{"expired", "in flight"}},
		{why: "an arrival never overtakes", scripts: []script{arrive, release}, want: []string{"in flight"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			ctx := contextState{}
			if c.dies {
				ctx.dies = start.Add(limit)
			}
			w := &world{
				model:    model.New("tie", bulk.Capacity{Parallelism: 1, WaitingRoom: 2}),
				now:      start,
				contexts: []contextState{{}, ctx},
				tasks:    []task{{id: 1, slots: 1}, {id: 2, slots: 1, context: 1, limits: c.limits}},
				scripts:  []script{{{kind: moveStart, call: 1}, {kind: moveStart, call: 2, after: 1}}},
			}
			w.finish()
			w.now = start.Add(limit)
			w.scripts = slices.Clone(c.scripts)
			for id := 3; id < 7; id++ {
				w.tasks = append(w.tasks, task{id: id, role: interloper})
			}
			w.tasks = append(w.tasks, task{id: 7, slots: 1, limits: noWait})

			got := map[string]bool{}
			s := &search{heard: true, explains: func(w *world) bool {
				got[w.became(2)] = true
				return false
			}}
			s.run(w)
			if diff := cmp.Diff(c.want, slices.Sorted(maps.Keys(got))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TryAcquire doesn't say why it got nothing. That two orders leave it with the
// same answer doesn't make them one: the reason is counted.
func TestTiesAreToldApartByWhatIsCounted(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := &world{
		model:    model.New("tie", bulk.Capacity{Parallelism: 1, WaitingRoom: 1}),
		now:      now,
		contexts: []contextState{{}},
		tasks:    []task{{id: 1, slots: 1}, {id: 2, slots: 1}},
		scripts:  []script{{{kind: moveStart, call: 1}, {kind: moveStart, call: 2, after: 1}}},
	}
	w.finish()
	w.tasks = append(w.tasks,
		task{id: 3, role: interloper}, task{id: 4, role: interloper}, task{id: 5, role: interloper},
		task{id: 6, slots: 2, limits: noWait, try: true})
	w.scripts = []script{
		{{kind: moveClose, call: 3}},
		{{kind: moveRelease, call: 4, target: 1}},
		{{kind: moveRelease, call: 5, target: 1}},
		{{kind: moveStart, call: 6}},
	}
	got := map[string]bool{}
	s := &search{explains: func(w *world) bool {
		if w.became(2) != "closed" {
			return false // it was handed the slot: the close came after that
		}
		got[fmt.Sprintf("%d closed, %d oversized", w.model.Totals.ClosedAtArrival, w.model.Totals.OversizedAtArrival)] = true
		return false
	}}
	s.run(w)
	want := []string{"0 closed, 1 oversized", "1 closed, 0 oversized"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// While it searches, no order may break the equations either.
func TestEveryOrderIsConsistent(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := &world{
		model:    model.New("tie", bulk.Capacity{Parallelism: 2, WaitingRoom: 2}),
		now:      now,
		contexts: []contextState{{}, {}},
	}
	for id := 1; id <= 5; id++ {
		w.tasks = append(w.tasks, task{id: id, slots: 1 + id%2, context: id % 2})
		w.scripts = append(w.scripts, script{{kind: moveStart, call: id}})
	}
	for id := 6; id <= 8; id++ {
		w.tasks = append(w.tasks, task{id: id, role: interloper})
	}
	w.scripts = append(w.scripts,
		script{{kind: moveCancel, call: 6, context: 1}},
		script{{kind: moveChange, call: 7, capacity: bulk.Capacity{Parallelism: 1}}, {kind: moveClose, call: 8}})
	s := &search{heard: true, explains: func(w *world) bool {
		s := w.model.Status(now)
		for _, wrong := range inconsistencies(s) {
			t.Error(wrong)
		}
		f := foldFrom(bulk.Capacity{Parallelism: 2, WaitingRoom: 2})
		for _, e := range w.model.Events {
			f.add(e)
		}
		s.Label, s.At, s.Totals.Holds = "", time.Time{}, bulk.Holds{}
		if diff := cmp.Diff(s, f.status); diff != "" {
			t.Errorf("the events do not give the status (-status +events)\n%s", diff)
		}
		return false
	}}
	s.run(w)
	if s.tried < 100 {
		t.Errorf("only %d orders", s.tried)
	}
}
