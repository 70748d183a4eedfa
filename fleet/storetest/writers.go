package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/bulklink/bulklink-go/fleet"
)

func conflict(ctx context.Context, e Engine) error {
	budget := newBudget()
	revisions, err := writeAll(ctx, e.Store, budget, "first", "second")
	if err != nil {
		return err
	}
	first, second := revisions[0], revisions[1]
	for _, revision := range []uint64{0, first, second + 1, second - 1, ^second} {
		if err := isConflict(ctx, e.Second, budget, revision); err != nil {
			return err
		}
		if err := has(ctx, e.Store, budget, "second", second); err != nil {
			return fmt.Errorf("after a conflict: %w", err)
		}
	}
	return nil
}

func deleted(ctx context.Context, e Engine) error {
	budget := newBudget()
	revisions, err := writeAll(ctx, e.Store, budget, "first", "second")
	if err != nil {
		return err
	}
	if err := e.Delete(ctx, budget); err != nil {
		return fmt.Errorf("Engine.Delete: %w", err)
	}
	if err := has(ctx, e.Store, budget, "", 0); err != nil {
		return fmt.Errorf("after the record was deleted: %w", err)
	}
	for _, revision := range revisions {
		if err := isConflict(ctx, e.Store, budget, revision); err != nil {
			return fmt.Errorf("after the record was deleted: %w", err)
		}
	}
	revision, err := write(ctx, e.Second, budget, "third", 0)
	if err != nil {
		return fmt.Errorf("after the record was deleted: %w", err)
	}
	return has(ctx, e.Store, budget, "third", revision)
}

// revisions writes many records, and deletes some of them if the engine can.
func revisions(ctx context.Context, e Engine) error {
	budget := newBudget()
	used := make(map[uint64]int)
	var revision uint64
	for i := range 60 {
		next, err := write(ctx, e.Store, budget, fmt.Sprint("record ", i), revision)
		if err != nil {
			return err
		}
		if before, ok := used[next]; ok {
			return fmt.Errorf("record %d has revision %d, as record %d had", i, next, before)
		}
		used[next], revision = i, next
		if i%10 == 9 && e.Delete != nil {
			if err := e.Delete(ctx, budget); err != nil {
				return fmt.Errorf("Engine.Delete: %w", err)
			}
			revision = 0
		}
	}
	return nil
}

// race lets many goroutines create a record, and then replace the same revision. One
// of them succeeds each time, and its record is the one that exists.
func race(ctx context.Context, e Engine) error {
	const writers = 16
	budget := newBudget()
	var revision uint64
	for round := range 10 {
		var (
			group sync.WaitGroup
			errs  [writers]error
			next  [writers]uint64
		)
		name := func(i int) string { return fmt.Sprintf("round %d, writer %d", round, i) }
		for i := range writers {
			s := e.Store
			if i%2 == 1 {
				s = e.Second
			}
			group.Go(func() { next[i], errs[i] = s.CompareAndSwap(ctx, budget, []byte(name(i)), revision) })
		}
		group.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				return fmt.Errorf("%s and %s replaced the same revision %d", name(winner), name(i), revision)
			case err == nil:
				winner = i
			case !errors.Is(err, fleet.ErrConflict):
				return fmt.Errorf("%s at revision %d: %w; want ErrConflict", name(i), revision, err)
			}
		}
		if winner < 0 {
			return fmt.Errorf("round %d: none of %d writers replaced revision %d: each had a conflict", round, writers, revision)
		}
		revision = next[winner]
		if err := has(ctx, e.Store, budget, name(winner), revision); err != nil {
			return err
		}
	}
	return nil
}

// counter increments a number from many goroutines, each of which loads it and writes
// it with one added until there is no conflict.
func counter(ctx context.Context, e Engine) error {
	const writers, each = 8, 25
	budget := newBudget()
	var group sync.WaitGroup
	var errs [writers]error
	for i := range writers {
		s := e.Store
		if i%2 == 1 {
			s = e.Second
		}
		group.Go(func() {
			for range each {
				if errs[i] = increment(ctx, s, budget); errs[i] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	record, _, err := e.Store.Load(ctx, budget)
	if err != nil {
		return err
	}
	if want := strconv.Itoa(writers * each); string(record) != want {
		return fmt.Errorf("the counter is %s after %s increments", record, want)
	}
	return nil
}

func increment(ctx context.Context, s fleet.Store, budget string) error {
	for {
		record, revision, err := s.Load(ctx, budget)
		if err != nil {
			return fmt.Errorf("Store.Load: %w", err)
		}
		n := 0
		if revision != 0 {
			if n, err = strconv.Atoi(string(record)); err != nil {
				return fmt.Errorf("Store.Load at revision %d: %w", revision, err)
			}
		}
		_, err = s.CompareAndSwap(ctx, budget, strconv.AppendInt(nil, int64(n+1), 10), revision)
		if !errors.Is(err, fleet.ErrConflict) {
			return err
		}
	}
}

// linearizable loads with one client immediately after the other one wrote.
func linearizable(ctx context.Context, e Engine) error {
	budget := newBudget()
	var revision uint64
	writer, reader := e.Store, e.Second
	for i := range 100 {
		record := fmt.Sprint("record ", i)
		var err error
		if revision, err = write(ctx, writer, budget, record, revision); err != nil {
			return err
		}
		if err := has(ctx, reader, budget, record, revision); err != nil {
			return err
		}
		writer, reader = reader, writer
	}
	return nil
}
