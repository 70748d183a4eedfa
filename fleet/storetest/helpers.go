package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
)

var (
	budgetsMade atomic.Uint64
	run         = fmt.Sprintf("%x", time.Now().UnixNano()) // the engine may have records of another run
)

// newBudget returns the name of a budget that has no record.
func newBudget() string { return fmt.Sprintf("storetest-%s-%d", run, budgetsMade.Add(1)) }

// write writes a record and requires that it succeeds.
func write(ctx context.Context, s fleet.Store, budget, record string, revision uint64) (uint64, error) {
	next, err := s.CompareAndSwap(ctx, budget, []byte(record), revision)
	switch {
	case err != nil:
		return 0, fmt.Errorf("Store.CompareAndSwap of %s at revision %d: %w", short(record), revision, err)
	case next == 0:
		return 0, fmt.Errorf("Store.CompareAndSwap of %s returned revision 0", short(record))
	case next == revision:
		return 0, fmt.Errorf("Store.CompareAndSwap of %s returned revision %d, which the record had before", short(record), next)
	}
	return next, nil
}

// writeAll writes records one after another, and returns their revisions.
func writeAll(ctx context.Context, s fleet.Store, budget string, records ...string) (revisions []uint64, err error) {
	var revision uint64
	for _, record := range records {
		if revision, err = write(ctx, s, budget, record, revision); err != nil {
			return nil, err
		}
		revisions = append(revisions, revision)
	}
	return revisions, nil
}

// isConflict requires that a write at a revision is a conflict.
func isConflict(ctx context.Context, s fleet.Store, budget string, revision uint64) error {
	next, err := s.CompareAndSwap(ctx, budget, []byte("a record that must not be written"), revision)
	if err == nil {
		return fmt.Errorf("Store.CompareAndSwap at revision %d, which the record does not have, succeeded with revision %d; want ErrConflict", revision, next)
	}
	if !errors.Is(err, fleet.ErrConflict) {
		return fmt.Errorf("Store.CompareAndSwap at revision %d, which the record does not have: %w; want ErrConflict", revision, err)
	}
	return nil
}

// has requires that the record and its revision are the given ones. Revision 0 means
// that there is none.
func has(ctx context.Context, s fleet.Store, budget, record string, revision uint64) error {
	got, at, err := s.Load(ctx, budget)
	switch {
	case err != nil:
		return fmt.Errorf("Store.Load: %w", err)
	case revision == 0 && (at != 0 || got != nil):
		return fmt.Errorf("Store.Load returned %s at revision %d; want no record: nil, 0 and nil", short(string(got)), at)
	case at != revision || !bytes.Equal(got, []byte(record)):
		return fmt.Errorf("Store.Load returned %s at revision %d; want %s at revision %d", short(string(got)), at, short(record), revision)
	}
	return nil
}

// loadSoon loads the record when the engine answers again.
func loadSoon(ctx context.Context, s fleet.Store, budget string) (string, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		record, revision, err := tryLoad(ctx, s, budget)
		if err == nil {
			return string(record), revision, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return "", 0, fmt.Errorf("Store.Load still fails %v after the engine was back: %w", patience, err)
		}
	}
}

func tryLoad(ctx context.Context, s fleet.Store, budget string) ([]byte, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return s.Load(ctx, budget)
}

// within requires that f returns soon, whatever it returns.
func within(what string, f func()) error {
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		f()
	}()
	select {
	case <-returned:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s has not returned after %v", what, patience)
	}
}

// short is a record as an error shows it.
func short(record string) string {
	const most = 60
	if len(record) <= most {
		return fmt.Sprintf("%q", record)
	}
	return fmt.Sprintf("%q… (%d bytes)", strings.ToValidUTF8(record[:most], "?"), len(record))
}
