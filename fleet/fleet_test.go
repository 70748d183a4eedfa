package fleet_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
)

func newBulkhead(t testing.TB, label string) *bulk.Bulkhead {
	t.Helper()
	b, err := bulk.New(label, 1, bulk.WaitingRoom(1000))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func join(t testing.TB, s fleet.Store, total int, b *bulk.Bulkhead, opts ...fleet.Option) *fleet.Member {
	t.Helper()
	m, err := fleet.Join(t.Context(), s, "budget", total, b, append([]fleet.Option{fleet.Name(b.Label())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// load keeps n operations of the duration hold in flight or waiting until ctx ends.
func load(ctx context.Context, b *bulk.Bulkhead, n int, hold time.Duration) {
	for range n {
		go func() {
			for ctx.Err() == nil {
				_ = bulk.Do(ctx, b, func(context.Context) error { time.Sleep(hold); return nil })
			}
		}()
	}
}

func TestMemberGetsWhatOthersDoNotUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s fleet.Memory
		if err := fleet.Create(t.Context(), &s, "budget"); err != nil {
			t.Fatal(err)
		}
		var members []*fleet.Member
		var bulkheads []*bulk.Bulkhead
		for i := range 5 {
			b := newBulkhead(t, fmt.Sprint("m", i))
			members, bulkheads = append(members, join(t, &s, 100, b)), append(bulkheads, b)
		}
		time.Sleep(2 * fleet.DefaultRefresh)
		for busy := range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			load(ctx, bulkheads[busy], 200, 100*time.Millisecond)
			time.Sleep(2*fleet.DefaultRefresh + time.Second)
			if share := members[busy].Status().Share; share != 96 { // MinShare is 1
				t.Errorf("member %d has %d slots, want 96", busy, share)
			}
			cancel()
		}
		for _, m := range members {
			if err := m.Leave(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
}

// Four members have a burst of eight operations each second, and two to three slots in use
// on average. A fifth one could use all slots all the time. Its share must not be the fifth
// that a division by the highest numbers gives it, while most slots of the others are idle.
func TestMemberThatIsAlwaysFullComesBeforeShortBursts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s fleet.Memory
		if err := fleet.Create(t.Context(), &s, "budget"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var members []*fleet.Member
		for i := range 5 {
			b := newBulkhead(t, fmt.Sprint("m", i))
			members = append(members, join(t, &s, 30, b))
			if i == 0 {
				load(ctx, b, 40, 100*time.Millisecond)
				continue
			}
			go func() {
				for ctx.Err() == nil {
					for range 8 {
						go func() {
							_ = bulk.Do(ctx, b, func(context.Context) error { time.Sleep(300 * time.Millisecond); return nil })
						}()
					}
					time.Sleep(time.Second)
				}
			}()
		}
		time.Sleep(3 * fleet.DefaultRefresh)
		var sum int
		for range 60 {
			time.Sleep(fleet.DefaultRefresh)
			sum += members[0].Status().Share
		}
		if mean := float64(sum) / 60; mean < 8 {
			t.Errorf("the member that is always full has %.1f slots on average, want at least 8", mean)
		}
		cancel()
		time.Sleep(time.Second) // the bursts end
		for _, m := range members {
			if err := m.Leave(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}
