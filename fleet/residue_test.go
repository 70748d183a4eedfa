package fleet

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestExcessIsOnlyThatOfAPausedProcess generates what no lease can prevent: a process
// that is paused for longer than its lease and the grace, between the admission of an
// operation and the call of the dependency, or that runs again before its timer. Whatever
// is inside above the total then belongs to such a process.
func TestExcessIsOnlyThatOfAPausedProcess(t *testing.T) {
	excess := 0
	check(t, 20, func(t *rapid.T) {
		total := rapid.IntRange(2, 20).Draw(t, "total")
		w := newWorld(total, rapid.Uint64().Draw(t, "seed"))
		defer w.end()
		var sleeper *process
		w.excused = func() bool { // w.mu is held
			sum := 0
			for p, n := range w.inside {
				if p != sleeper {
					sum += n
				}
			}
			return sum <= total
		}
		if err := Create(t.Context(), engineOf(w), "budget"); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			p := w.start(t.Context(), fmt.Sprint("p", i), 30, 2*time.Second, 1)
			p.twoCalls = i == 0
			p.load(30)
			if i == 0 {
				sleeper = p
			}
		}
		time.Sleep(time.Duration(rapid.IntRange(20_000, 30_000).Draw(t, "before")) * time.Millisecond)
		sleeper.pause()
		time.Sleep(w.ttl + w.grace + 2*w.refresh)
		sleeper.resume(0)
		time.Sleep(w.ttl)
		if text := w.result(); text != "" {
			t.Fatal(text)
		}
		if w.most > total {
			excess++
		}
	})
	if excess == 0 {
		t.Error("no process exceeded the total: the test does not show what it should")
	}
}

// TestRolledBackRecordIsNotBuiltUpon restores an older record, as an engine does that has
// lost acknowledged writes. Until the members notice, at their next refresh, this can
// exceed the total by what newcomers get. Then each member reports its share, and after a
// lease the total holds again.
func TestRolledBackRecordIsNotBuiltUpon(t *testing.T) {
	noticed := 0
	check(t, 30, func(t *rapid.T) {
		total := rapid.IntRange(4, 30).Draw(t, "total")
		w := newWorld(total, rapid.Uint64().Draw(t, "seed"))
		defer w.end()
		var distrusted atomic.Bool
		w.excused = distrusted.Load
		if err := Create(t.Context(), engineOf(w), "budget"); err != nil {
			t.Fatal(err)
		}
		start := func(i int) {
			w.start(t.Context(), fmt.Sprint("p", i), 30, 300*time.Millisecond, 1).load(rapid.IntRange(0, 30).Draw(t, "load"))
		}
		start(0)
		start(1)
		time.Sleep(time.Duration(rapid.IntRange(0, 30_000).Draw(t, "before the copy")) * time.Millisecond)
		w.engine.mu.Lock()
		old := w.engine.record
		w.engine.mu.Unlock()
		start(2)
		for _, p := range w.all {
			p.load(rapid.IntRange(0, 30).Draw(t, "load"))
		}
		time.Sleep(time.Duration(rapid.IntRange(0, 30_000).Draw(t, "after the copy")) * time.Millisecond)
		w.tell("the store restores %s", old)
		newcomer := rapid.Bool().Draw(t, "newcomer")
		distrusted.Store(newcomer)
		w.engine.restore(old)
		if newcomer {
			start(3)
		}
		time.Sleep(w.ttl + w.grace + 3*w.refresh)
		synctest.Wait()
		distrusted.Store(false)
		time.Sleep(4 * w.refresh)
		if text := w.result(); text != "" {
			t.Fatal(text)
		}
		text, _ := w.engine.load()
		before, _ := decode(old)
		if after, err := decode(text); err == nil && after.Epoch != before.Epoch {
			noticed++
		}
		for _, p := range w.all {
			if s := p.member.Status(); s.State != Holding {
				t.Fatalf("%s is %v\n%s", p.name, s.State, w.engine.record)
			}
		}
	})
	if noticed == 0 { // a member that had seen nothing newer builds upon the record
		t.Error("no member noticed that the record was older")
	}
}
