package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
)

func endedContext(ctx context.Context, e Engine) error {
	budget := newBudget()
	revision, err := write(ctx, e.Store, budget, "before", 0)
	if err != nil {
		return err
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	expired, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	for _, ended := range []context.Context{canceled, expired} {
		if _, _, err := e.Store.Load(ended, budget); !errors.Is(err, ended.Err()) {
			return fmt.Errorf("Store.Load: error %v; want one that matches %v", err, ended.Err())
		}
		for _, at := range []uint64{revision, 0} {
			if _, err := e.Store.CompareAndSwap(ended, budget, []byte("after"), at); !errors.Is(err, ended.Err()) {
				return fmt.Errorf("Store.CompareAndSwap: error %v; want one that matches %v", err, ended.Err())
			}
		}
		err := within("the loop over Store.Watch with an ended context", func() {
			for range e.Store.Watch(ended, budget) {
			}
		})
		if err != nil {
			return err
		}
	}
	return has(ctx, e.Second, budget, "before", revision)
}

// abandoned ends the context of writes while they are under way. Each is then a
// success, a conflict, or unknown. Of those that are unknown some are written and some
// are not, but no record appears that was reported as a conflict, and none disappears
// that was reported as written.
func abandoned(ctx context.Context, e Engine) error {
	budget := newBudget()
	took := time.Duration(0)
	record, revision := "", uint64(0)
	for i := range 60 {
		next := fmt.Sprint("abandoned ", i)
		limited, cancel := context.WithTimeout(ctx, time.Duration(rand.Int64N(int64(2*took+time.Microsecond))))
		start := time.Now()
		at, err := e.Store.CompareAndSwap(limited, budget, []byte(next), revision)
		cancel()
		switch {
		case errors.Is(err, fleet.ErrConflict):
			return fmt.Errorf("%s at the revision that the record has: %w", next, err)
		case err == nil:
			took = time.Since(start)
			if err := has(ctx, e.Second, budget, next, at); err != nil {
				return fmt.Errorf("after a write that succeeded: %w", err)
			}
			record, revision = next, at
			continue
		}
		// A write that arrives late can no longer succeed after this one.
		got, at, err := e.Second.Load(ctx, budget)
		if err != nil {
			return err
		}
		if string(got) != next && (string(got) != record || at != revision) {
			return fmt.Errorf("Store.Load returned %s at revision %d after an abandoned write of %s over %s at revision %d", short(string(got)), at, short(next), short(record), revision)
		}
		start = time.Now()
		record = fmt.Sprint("settled ", i)
		revision, err = e.Second.CompareAndSwap(ctx, budget, []byte(record), at)
		if errors.Is(err, fleet.ErrConflict) { // it arrived in between
			if got, at, err = e.Second.Load(ctx, budget); err != nil {
				return err
			}
			if string(got) != next {
				return fmt.Errorf("Store.Load returned %s at revision %d after an abandoned write of %s", short(string(got)), at, short(next))
			}
			revision, err = e.Second.CompareAndSwap(ctx, budget, []byte(record), at)
		}
		if err != nil {
			return err
		}
		took = time.Since(start)
	}
	return has(ctx, e.Second, budget, record, revision)
}
