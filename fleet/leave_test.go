package fleet

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestLeaveEndsTheMemberAlsoIfItsContextHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 { // a select with two cases that are ready takes any
			b, m := joinAlone(t)
			if err := m.Leave(ended); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if n := b.Capacity().Parallelism; n != 0 {
				t.Fatalf("parallelism %d", n)
			}
			if err := m.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// unreachable is a store that can be cut off.
type unreachable struct {
	Memory
	down atomic.Bool
}

func (s *unreachable) CompareAndSwap(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
	if s.down.Load() {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return s.Memory.CompareAndSwap(ctx, budget, record, revision)
}

// The timer of the old lease is due while the new member has its share.
func TestNewMemberIsNotDisturbedByTheOneThatCouldNotGiveBackItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(unreachable)
		if err := Create(t.Context(), s, "budget"); err != nil {
			t.Fatal(err)
		}
		b := bulk.Must(bulk.New("payments", 1))
		old, err := Join(t.Context(), s, "budget", 10, b)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.down.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := old.Leave(ctx); err == nil {
			t.Fatal("left without the store")
		}
		s.down.Store(false)
		m, err := Join(t.Context(), s, "budget", 10, b)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := b.Capacity().Parallelism; n != 10 {
			t.Errorf("parallelism %d an hour later, %v", n, m.Status())
		}
		slot, err := b.Acquire(t.Context()) // of the new member: the old one does not wait for it
		if err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := old.Leave(soon); err != nil {
			t.Error(err)
		}
		slot.Release()
		if n := b.Capacity().Parallelism; n != 10 {
			t.Errorf("parallelism %d after the old member has left", n)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
