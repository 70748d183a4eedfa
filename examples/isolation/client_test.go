package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// answer returns a dependency that answers immediately.
func answer(s string) call {
	return func(context.Context) (string, error) { return s, nil }
}

// hang is a dependency that never answers.
func hang(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestOneHangingDependencyOccupiesAllWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startProgram(t.Context(), [targets]call{fast: answer("ok"), slow: hang}, time.Second)
		start := time.Now()
		for range workers {
			p.take(request{target: slow, arrived: start})
		}
		synctest.Wait()
		for range inboxSize + 5 {
			p.take(request{target: fast, arrived: start})
		}
		synctest.Wait()
		want := tally{sent: inboxSize + 5, shed: 5}
		if got := p.outcomes.read()[fast]; got.sent != want.sent || got.shed != want.shed || got.ended() != want.shed {
			t.Errorf("while all workers are occupied: %+v, want %+v", got, want)
		}
		p.stop()
		if d := time.Since(start); d != time.Second {
			t.Errorf("the workers were occupied for %v, want the patience of one second", d)
		}
		got := p.outcomes.read()
		if got[slow].timedOut != workers || got[slow].ended() != workers {
			t.Errorf("slow: %+v", got[slow])
		}
		if got[fast].succeeded != inboxSize || got[fast].ended() != inboxSize+5 {
			t.Errorf("fast: %+v", got[fast])
		}
	})
}

func TestOneHangingDependencyBehindABulkheadOccupiesOnlyItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guards := newBulkheads()
		p := startProgram(t.Context(), guards.guard([targets]call{fast: answer("ok"), slow: hang}), time.Second)
		start := time.Now()
		for range workers {
			p.take(request{target: slow, arrived: start})
		}
		synctest.Wait()
		for range inboxSize {
			p.take(request{target: fast, arrived: start})
		}
		synctest.Wait()
		if time.Since(start) != 0 {
			t.Fatal("the virtual clock advanced before the answers")
		}
		got := p.outcomes.read()
		if got[fast].succeeded != inboxSize {
			t.Errorf("fast: %+v", got[fast])
		}
		capacity := guards[slow].Capacity()
		if share := capacity.Parallelism + capacity.WaitingRoom; got[slow].saturated != workers-share {
			t.Errorf("slow: %+v, want all but %d saturated", got[slow], share)
		}
		p.stop()
		slowTally := p.outcomes.read()[slow]
		if slowTally.expired != capacity.WaitingRoom || slowTally.timedOut != capacity.Parallelism || slowTally.ended() != workers {
			t.Errorf("slow: %+v, want %d expired and %d timed out", slowTally, capacity.WaitingRoom, capacity.Parallelism)
		}
		if _, err := guards.shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestPatienceCountsFromTheArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		observe := func(ctx context.Context) (string, error) {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return "", errors.New("observed")
		}
		p := startProgram(t.Context(), [targets]call{fast: observe, slow: observe}, time.Second)
		p.take(request{target: fast, arrived: time.Now().Add(-300 * time.Millisecond)})
		p.stop()
		if left != 700*time.Millisecond {
			t.Errorf("%v left of one second after 300ms", left)
		}
		if got := p.outcomes.read()[fast]; got.failed != 1 || got.ended() != 1 {
			t.Errorf("%+v, want one failed", got)
		}
	})
}
