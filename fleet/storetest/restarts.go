package storetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/bulklink/bulklink-go/fleet"
)

func restarted(ctx context.Context, e Engine) error {
	budget, before, err := begin(ctx, e)
	if err != nil {
		return err
	}
	if err := e.Restart(ctx); err != nil {
		return fmt.Errorf("Engine.Restart: %w", err)
	}
	for _, s := range []fleet.Store{e.Store, e.Second} {
		record, revision, err := loadSoon(ctx, s, budget)
		if err != nil {
			return err
		}
		if record != "before" || revision != before {
			return fmt.Errorf("after a restart Load returned %s at revision %d; want %s at revision %d", short(record), revision, short("before"), before)
		}
	}
	after, err := write(ctx, e.Store, budget, "after", before)
	if err != nil {
		return fmt.Errorf("after a restart: %w", err)
	}
	return has(ctx, e.Second, budget, "after", after)
}

func watchRestart(ctx context.Context, e Engine) error {
	budget, revision, err := begin(ctx, e)
	if err != nil {
		return err
	}
	w := follow(ctx, e.Store, budget)
	defer w.stop()
	if err := w.yields("before", revision); err != nil {
		return err
	}
	if err := e.Restart(ctx); err != nil {
		return fmt.Errorf("Engine.Restart: %w", err)
	}
	if _, revision, err = loadSoon(ctx, e.Second, budget); err != nil {
		return err
	}
	if revision, err = write(ctx, e.Second, budget, "after", revision); err != nil {
		return err
	}
	if err := w.reaches("after", revision); err != nil {
		return fmt.Errorf("after a restart: %w", err)
	}
	return nil
}

// wiped wipes the engine, writes records, wipes it again, and writes more of them. An
// engine that counts from the beginning again would accept a revision that a client
// knows from before, and replace a record that the client has never seen.
func wiped(ctx context.Context, e Engine) error {
	const before, after = 20, 40
	budget := newBudget()
	if err := e.Wipe(ctx); err != nil {
		return fmt.Errorf("Engine.Wipe: %w", err)
	}
	if _, _, err := loadSoon(ctx, e.Store, budget); err != nil {
		return err
	}
	var records []string
	for i := range before {
		records = append(records, fmt.Sprint("before ", i))
	}
	old, err := writeAll(ctx, e.Store, budget, records...)
	if err != nil {
		return err
	}
	if err := e.Wipe(ctx); err != nil {
		return fmt.Errorf("Engine.Wipe: %w", err)
	}
	for _, s := range []fleet.Store{e.Store, e.Second} {
		if record, revision, err := loadSoon(ctx, s, budget); err != nil {
			return err
		} else if revision != 0 {
			return fmt.Errorf("after a wipe Load returned %s at revision %d; want no record", short(record), revision)
		}
	}
	var revision uint64
	for i := range after {
		for _, r := range old {
			if err := isConflict(ctx, e.Second, budget, r); err != nil {
				return fmt.Errorf("%d records after a wipe, with a revision from before it: %w", i, err)
			}
		}
		if revision, err = write(ctx, e.Store, budget, fmt.Sprint("after ", i), revision); err != nil {
			return fmt.Errorf("after a wipe: %w", err)
		}
		if slices.Contains(old, revision) {
			return fmt.Errorf("record %d after a wipe has revision %d, which another record had before it", i, revision)
		}
	}
	return nil
}

func watchWipe(ctx context.Context, e Engine) error {
	budget := newBudget()
	var records []string
	for i := range 50 { // so that the engine counts further than it does after the wipe
		records = append(records, fmt.Sprint("before ", i))
	}
	old, err := writeAll(ctx, e.Store, budget, records...)
	if err != nil {
		return err
	}
	w := follow(ctx, e.Store, budget)
	defer w.stop()
	if err := w.yields(records[len(records)-1], old[len(old)-1]); err != nil {
		return err
	}
	if err := e.Wipe(ctx); err != nil {
		return fmt.Errorf("Engine.Wipe: %w", err)
	}
	if _, _, err := loadSoon(ctx, e.Second, budget); err != nil {
		return err
	}
	revision, err := write(ctx, e.Second, budget, "after", 0)
	if err != nil {
		return err
	}
	if err := w.reaches("after", revision); err != nil {
		return fmt.Errorf("after a wipe: %w", err)
	}
	return nil
}
