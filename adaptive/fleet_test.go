package adaptive_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/internal/simdep"
)

// A limiter that observes and tells the member what it would set: docs/fleet.md.
func limitedByBoth(t *testing.T, total int) (b *bulk.Bulkhead, l *adaptive.Limiter, m *fleet.Member) {
	t.Helper()
	store := new(fleet.Memory)
	if err := fleet.Create(t.Context(), store, "budget"); err != nil {
		t.Fatal(err)
	}
	b = bulk.Must(bulk.New("dependency", 1))
	m, err := fleet.Join(t.Context(), store, "budget", total, b)
	if err != nil {
		t.Fatal(err)
	}
	l, err = adaptive.New(b, 1, total, adaptive.Observe(), adaptive.OnDecision(func(d adaptive.Decision) {
		if err := m.Follow(d.To); err != nil {
			t.Error(err)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute) // the member has its share
	return b, l, m
}

func TestLimiterGoesBelowTheShareOfAFleetAndNeverAboveIt(t *testing.T) {
	for _, c := range []struct {
		name                    string
		total, capacity         int
		lowest, highest, beyond int
	}{
		{"the dependency takes less than the share", 100, 50, 40, 65, 100},
		{"the share is less than the dependency takes", 20, 50, 20, 20, 20},
	} {
		synctest.Test(t, func(t *testing.T) {
			b, l, m := limitedByBoth(t, c.total)
			highest := 0
			defer b.OnEvent(func(e bulk.Event) { highest = max(highest, e.Capacity.Parallelism) })()
			d := simdep.Dependency{Capacity: simdep.Constant(float64(c.capacity)), Service: simdep.Erlang(service, 4)}
			load := simdep.Load{Rate: simdep.Steady(2 * float64(c.capacity) / service.Seconds()), Duration: 2 * time.Minute, Seed: 1}
			simdep.Run(d, load, ours{b, l})
			if n := b.Capacity().Parallelism; n < c.lowest || n > c.highest {
				t.Errorf("%s: parallelism %d, want %d to %d", c.name, n, c.lowest, c.highest)
			}
			if highest > c.beyond {
				t.Errorf("%s: parallelism %d above the share %d", c.name, highest, c.beyond)
			}
			if err := m.Leave(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// The limit of a member that uses its whole share must not hold the share where it is.
func TestShareOfAMemberWithALimiterFollowsItsLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(fleet.Memory)
		if err := fleet.Create(t.Context(), store, "budget"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		var limiters []*adaptive.Limiter
		join := func(n int, idle time.Duration) *fleet.Member {
			b := bulk.Must(bulk.New("dependency", 1, bulk.WaitingRoom(100)))
			m, err := fleet.Join(ctx, store, "budget", 100, b)
			if err != nil {
				t.Fatal(err)
			}
			l, err := adaptive.New(b, 1, 100, adaptive.Observe(), adaptive.OnDecision(func(d adaptive.Decision) { _ = m.Follow(d.To) }))
			if err != nil {
				t.Fatal(err)
			}
			limiters = append(limiters, l)
			call := adaptive.MeasureDo(l, func(context.Context) error { time.Sleep(50 * time.Millisecond); return nil })
			for range n {
				callers.Go(func() {
					time.Sleep(idle)
					for ctx.Err() == nil {
						_ = bulk.Do(ctx, b, call)
					}
				})
			}
			return m
		}
		first, second := join(80, 0), join(80, 30*time.Second)
		time.Sleep(30*time.Second + 2*fleet.DefaultRefresh + time.Second)
		if a, b := first.Status().Share, second.Status().Share; a < 45 || b < 45 {
			t.Errorf("two refreshes after the second member had load: shares %d and %d, want about 50", a, b)
		}
		cancel()
		callers.Wait()
		for i, m := range []*fleet.Member{first, second} {
			if err := errors.Join(limiters[i].Close(), m.Leave(t.Context())); err != nil {
				t.Error(err)
			}
		}
	})
}

// A bulkhead has at most one that sets its parallelism. Each leaves it free for the other.
func TestMemberAndLimiterThatSetsExcludeEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(fleet.Memory)
		if err := fleet.Create(t.Context(), store, "budget"); err != nil {
			t.Fatal(err)
		}
		b := bulk.Must(bulk.New("dependency", 1))
		for range 2 {
			l := mustLimit(t, b, 1, 20)
			if _, err := fleet.Join(t.Context(), store, "budget", 20, b); !errors.Is(err, fleet.ErrLimited) || !strings.Contains(err.Error(), `"dependency"`) {
				t.Errorf("a member beside a limiter that sets: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			m, err := fleet.Join(t.Context(), store, "budget", 20, b)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := adaptive.New(b, 1, 20); !errors.Is(err, adaptive.ErrJoined) || !strings.Contains(err.Error(), `"dependency"`) {
				t.Errorf("a limiter that sets beside a member: %v", err)
			}
			for range 2 { // a limiter that observes does not take what the member has
				if err := mustLimit(t, b, 1, 20, adaptive.Observe()).Close(); err != nil {
					t.Error(err)
				}
			}
			l = mustLimit(t, b, 1, 20, adaptive.Observe())
			if _, err := adaptive.New(b, 1, 20); !errors.Is(err, adaptive.ErrLimited) {
				t.Errorf("a second limiter: %v", err)
			}
			if _, err := fleet.Join(t.Context(), store, "budget", 20, b); !errors.Is(err, fleet.ErrJoined) {
				t.Errorf("a second member: %v", err)
			}
			if err := m.Leave(t.Context()); err != nil {
				t.Error(err)
			}
			if m, err = fleet.Join(t.Context(), store, "budget", 20, b); err != nil { // the limiter observes
				t.Fatal(err)
			}
			if err := errors.Join(l.Close(), m.Leave(t.Context())); err != nil {
				t.Error(err)
			}
		}
	})
}

// The limit of a member with a slow dependency brings its share down. The share must not
// be what the limiter takes for the bound then.
func TestLimitThatHasLoweredTheShareStays(t *testing.T) {
	skipIfShort(t)
	synctest.Test(t, func(t *testing.T) {
		store := new(fleet.Memory)
		if err := fleet.Create(t.Context(), store, "budget"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		join := func() (*bulk.Bulkhead, *fleet.Member) {
			b := bulk.Must(bulk.New("dependency", 1, bulk.WaitingRoom(300)))
			m, err := fleet.Join(ctx, store, "budget", 100, b)
			if err != nil {
				t.Fatal(err)
			}
			return b, m
		}
		call := func(b *bulk.Bulkhead, n int, after time.Duration, op func(context.Context) error) {
			for range n {
				callers.Go(func() {
					for time.Sleep(after); ctx.Err() == nil; {
						_ = bulk.Do(ctx, b, op)
					}
				})
			}
		}
		a, knee := join()
		b, other := join()
		l, err := adaptive.New(a, 1, 100, adaptive.Observe(), adaptive.OnDecision(func(d adaptive.Decision) { _ = knee.Follow(d.To) }))
		if err != nil {
			t.Fatal(err)
		}
		slow := adaptive.MeasureDo(l, func(context.Context) error { // takes 20 operations
			time.Sleep(50 * time.Millisecond * time.Duration(max(20, a.Status().InFlight)) / 20)
			return nil
		})
		call(a, 10, 0, slow)
		call(a, 140, 20*time.Second, slow)
		call(b, 300, 20*time.Second, func(context.Context) error { time.Sleep(50 * time.Millisecond); return nil })
		time.Sleep(2 * time.Minute)
		sum, beyond := 0, 0
		const seconds = 180
		for range seconds {
			time.Sleep(time.Second)
			if sum += b.Capacity().Parallelism; a.Capacity().Parallelism > 30 {
				beyond++
			}
		}
		if mean := sum / seconds; mean < 70 || beyond > seconds/20 {
			t.Errorf("the other member has %d slots on average, want about 80; the limit of 20 was exceeded by half in %d of %d s", mean, beyond, seconds)
		}
		cancel()
		callers.Wait()
		if err := errors.Join(l.Close(), knee.Leave(t.Context()), other.Leave(t.Context())); err != nil {
			t.Error(err)
		}
	})
}
