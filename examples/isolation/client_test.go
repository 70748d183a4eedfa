package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// answer is a dependency that answers at once.
func answer(s string) call {
	return func(context.Context) (string, error) { return s, nil }
}

// silence is a dependency that never answers.
func silence(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestOneSilentDependencyTakesAllTheWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startProgram(t.Context(), [targets]call{fast: answer("ok"), slow: silence}, time.Second)
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
		if got := p.ledger.read()[fast]; got.sent != want.sent || got.shed != want.shed || got.settled() != want.shed {
			t.Errorf("while the workers are held: %+v, want %+v", got, want)
		}
		p.stop()
		if d := time.Since(start); d != time.Second {
			t.Errorf("the workers were held for %v, want the patience of one second", d)
		}
		got := p.ledger.read()
		if got[slow].timedOut != workers || got[slow].settled() != workers {
			t.Errorf("slow: %+v", got[slow])
		}
		if got[fast].succeeded != inboxSize || got[fast].settled() != inboxSize+5 {
			t.Errorf("fast: %+v", got[fast])
		}
	})
}

func TestOneSilentDependencyInACompartmentTakesItsShareOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompartments()
		p := startProgram(t.Context(), c.guard([targets]call{fast: answer("ok"), slow: silence}), time.Second)
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
			t.Fatal("time went by")
		}
		got := p.ledger.read()
		if got[fast].succeeded != inboxSize {
			t.Errorf("fast: %+v", got[fast])
		}
		capacity := c[slow].Capacity()
		if share := capacity.Parallelism + capacity.WaitingRoom; got[slow].saturated != workers-share {
			t.Errorf("slow: %+v, want all but %d saturated", got[slow], share)
		}
		p.stop()
		slowTally := p.ledger.read()[slow]
		if slowTally.expired != capacity.WaitingRoom || slowTally.timedOut != capacity.Parallelism || slowTally.settled() != workers {
			t.Errorf("slow: %+v, want %d expired and %d timed out", slowTally, capacity.WaitingRoom, capacity.Parallelism)
		}
		if _, err := c.shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestPatienceCountsFromTheArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		see := func(ctx context.Context) (string, error) {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return "", errors.New("seen")
		}
		p := startProgram(t.Context(), [targets]call{fast: see, slow: see}, time.Second)
		p.take(request{target: fast, arrived: time.Now().Add(-300 * time.Millisecond)})
		p.stop()
		if left != 700*time.Millisecond {
			t.Errorf("%v left of one second after 300ms", left)
		}
		if got := p.ledger.read()[fast]; got.failed != 1 || got.settled() != 1 {
			t.Errorf("%+v, want one failed", got)
		}
	})
}
