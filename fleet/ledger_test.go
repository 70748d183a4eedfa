package fleet

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// A member that cannot be reached keeps its slots for its own lapse, which the others know
// from the record that is lost.
func TestLearningTakesTheLongestLapseOfTheRecordThatWasLost(t *testing.T) {
	bubble(t, 12, 1, func(t *testing.T, w *world) {
		long := 4 * (w.ttl + w.grace)
		patient := w.start(t.Context(), "p1", 20, 100*time.Millisecond, 1, TTL(long), Grace(0))
		patient.load(20)
		time.Sleep(4 * w.refresh)
		w.mustHave(t, "at first", 6, 6)
		patient.cutOff(true)
		w.all[0].cutOff(true)
		w.engine.forget()
		newcomer := w.start(t.Context(), "p2", 20, 100*time.Millisecond, 1) // makes the new record
		newcomer.load(20)
		time.Sleep(time.Second)
		w.all[0].cutOff(false)
		time.Sleep(long - 2*w.refresh)
		w.mustHave(t, "before the end of the long lease", 6, 6, 0)
		time.Sleep(6 * w.refresh)
		w.mustHave(t, "after it", 6, 0, 6)
	})
}

func TestShareOfAMemberIsKeptForItsOwnLapse(t *testing.T) {
	bubble(t, 12, 1, func(t *testing.T, w *world) {
		long := 4 * (w.ttl + w.grace)
		p := w.start(t.Context(), "p1", 20, 100*time.Millisecond, 1, TTL(long), Grace(0))
		p.load(20)
		time.Sleep(4 * w.refresh)
		p.cutOff(true)
		time.Sleep(long - 2*w.refresh)
		w.mustHave(t, "before the end of the long lease", 6, 6)
		time.Sleep(5 * w.refresh)
		w.mustHave(t, "after it", 12, 0)
	})
}

// behind is a store whose next reads can be those of a server that is behind.
type behind struct {
	Memory
	old       Update
	staleLoad atomic.Bool
	conflict  atomic.Bool
}

func (s *behind) Load(ctx context.Context, budget string) ([]byte, uint64, error) {
	if s.staleLoad.CompareAndSwap(true, false) {
		return s.old.Record, s.old.Revision, nil
	}
	return s.Memory.Load(ctx, budget)
}

func (s *behind) CompareAndSwap(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
	if s.conflict.CompareAndSwap(true, false) {
		s.staleLoad.Store(true)
		return 0, ErrConflict
	}
	return s.Memory.CompareAndSwap(ctx, budget, record, revision)
}

func TestReadOfAnOlderRecordDoesNotEndTheEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(behind)
		epoch := func() string {
			text, _, _ := s.Memory.Load(t.Context(), "budget")
			r, err := decode(text)
			if err != nil {
				t.Fatal(err)
			}
			return r.Epoch
		}
		if err := Create(t.Context(), s, "budget"); err != nil {
			t.Fatal(err)
		}
		m, err := Join(t.Context(), s, "budget", 10, bulk.Must(bulk.New("payments", 1)), Name("caf\xe9"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		before := epoch()
		text, revision, _ := s.Memory.Load(t.Context(), "budget")
		s.old = Update{text, revision}
		time.Sleep(time.Minute)
		for range 10 {
			s.conflict.Store(true)
			time.Sleep(time.Minute)
			if s.conflict.Load() || s.staleLoad.Load() {
				t.Fatal("the old record was not read")
			}
			if got := epoch(); got != before || m.Status().State != Holding {
				t.Fatalf("epoch %s, then %s; %v", before, got, m.Status())
			}
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A write of which the outcome is not known can still succeed: it is at the revision that
// is current again.
func TestReadOfAnOlderRecordForgetsNoPendingWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := joinAlone(t)
		m.mu.Lock()
		newest, revision, before := m.ledger.record, m.ledger.revision, m.ledger.version()
		older := newest.clone()
		older.Count--
		m.lease.pending = []attempt{{m.lease.seq + 1, m.clock.now(), 3}}
		m.adoptLoaded(older, revision-1, before)
		m.adoptLoaded(newest, revision, m.ledger.version())
		if m.ledger.record == nil {
			t.Error("the newest record is not adopted again")
		}
		if n := m.share(m.clock.now()); n != 3 {
			t.Errorf("share %d while a write with 3 is pending", n)
		}
		m.mu.Unlock()
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
		b.Close()
	})
}
