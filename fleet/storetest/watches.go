package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
)

// watchFirst ranges over the same sequence twice.
func watchFirst(ctx context.Context, e Engine) error {
	budget := newBudget()
	w := watch(ctx, e.Store, budget)
	defer w.stop()
	revision, err := write(ctx, e.Second, budget, "first", 0)
	if err != nil {
		return err
	}
	if err := w.yields("first", revision); err != nil {
		return fmt.Errorf("a watch that began before the record was created: %w", err)
	}
	if revision, err = write(ctx, e.Store, budget, "second", revision); err != nil {
		return err
	}
	sequence := e.Store.Watch(ctx, budget)
	for range 2 {
		again := loop(ctx, func(_ context.Context, yield func(fleet.Update) bool) {
			for u := range sequence {
				yield(u)
				return
			}
		})
		err := again.yields("second", revision)
		again.stop()
		if err != nil {
			return fmt.Errorf("a loop that began after the record was written: %w", err)
		}
	}
	return nil
}

// watchNewest writes more than a store may buffer while the loop does not read.
func watchNewest(ctx context.Context, e Engine) error {
	budget := newBudget()
	w := watch(ctx, e.Store, budget)
	defer w.stop()
	revision, err := write(ctx, e.Second, budget, "first", 0)
	if err != nil {
		return err
	}
	if err := w.yields("first", revision); err != nil {
		return err
	}
	record := ""
	for i := range 600 {
		record = fmt.Sprint("record ", i)
		if revision, err = write(ctx, e.Second, budget, record, revision); err != nil {
			return err
		}
	}
	return w.reaches(record, revision)
}

// watchOrder reads each record before the next one is written, and then while another
// client writes.
func watchOrder(ctx context.Context, e Engine) error {
	const slow, last = 10, 100
	budget := newBudget()
	w := watch(ctx, e.Store, budget)
	defer w.stop()

	name := func(i int) string { return fmt.Sprint("record ", i) }
	var written []uint64
	var revision uint64
	for i := range slow {
		var err error
		if revision, err = write(ctx, e.Second, budget, name(i), revision); err != nil {
			return err
		}
		if err := w.yields(name(i), revision); err != nil {
			return err
		}
		written = append(written, revision)
	}
	var writing error
	var group sync.WaitGroup
	group.Go(func() {
		for i := slow; i < last && writing == nil; i++ {
			revision, writing = write(ctx, e.Second, budget, name(i), revision)
			written = append(written, revision)
		}
	})
	var seen []fleet.Update
	var err error
	for len(seen) == 0 || string(seen[len(seen)-1].Record) != name(last-1) {
		var u fleet.Update
		if u, err = w.next(); err != nil {
			break
		}
		seen = append(seen, u)
	}
	group.Wait()
	if err := errors.Join(err, writing); err != nil {
		return err
	}
	before := slow - 1
	for _, u := range seen {
		i := slices.Index(written, u.Revision)
		if i < 0 || string(u.Record) != name(i) {
			return fmt.Errorf("Store.Watch yielded %s at revision %d, which was not written", short(string(u.Record)), u.Revision)
		}
		if i <= before {
			return fmt.Errorf("Store.Watch yielded %s after %s, which is newer or the same", name(i), name(before))
		}
		before = i
	}
	return nil
}

func watchDeleted(ctx context.Context, e Engine) error {
	budget := newBudget()
	revision, err := write(ctx, e.Store, budget, "first", 0)
	if err != nil {
		return err
	}
	w := watch(ctx, e.Store, budget)
	defer w.stop()
	if err := w.yields("first", revision); err != nil {
		return err
	}
	if err := e.Delete(ctx, budget); err != nil {
		return fmt.Errorf("Engine.Delete: %w", err)
	}
	if u, err := w.next(); err != nil {
		return fmt.Errorf("after the record was deleted: %w", err)
	} else if u.Revision != 0 || u.Record != nil {
		return fmt.Errorf("Store.Watch yielded %s at revision %d after the record was deleted; want the zero Update", short(string(u.Record)), u.Revision)
	}
	late := watch(ctx, e.Second, budget)
	defer late.stop()
	time.Sleep(time.Millisecond) // so that it begins before the record exists, mostly
	if revision, err = write(ctx, e.Second, budget, "second", 0); err != nil {
		return err
	}
	if err := w.yields("second", revision); err != nil {
		return fmt.Errorf("after the record was created again: %w", err)
	}
	if err := late.yields("second", revision); err != nil {
		return fmt.Errorf("a watch that began after the record was deleted: %w", err)
	}
	return nil
}

// watchMany ends some of several watches. The others go on.
func watchMany(ctx context.Context, e Engine) error {
	budget, quiet := newBudget(), newBudget()
	other := watch(ctx, e.Store, quiet)
	defer other.stop()
	var watches []*watcher
	for range 6 {
		w := watch(ctx, e.Store, budget)
		defer w.stop()
		watches = append(watches, w)
	}
	revision, err := write(ctx, e.Second, budget, "first", 0)
	if err != nil {
		return err
	}
	for _, w := range watches {
		if err := w.yields("first", revision); err != nil {
			return err
		}
	}
	// More than one write, because a watch that ends with another one may yield
	// once more before it does.
	for round := range 4 {
		ending, rest := watches[0], watches[1:]
		ending.stop()
		if err := ending.ends("its context"); err != nil {
			return err
		}
		record := fmt.Sprintf("after %d watches ended", round+1)
		if revision, err = write(ctx, e.Second, budget, record, revision); err != nil {
			return err
		}
		for _, w := range rest {
			if err := w.yields(record, revision); err != nil {
				return fmt.Errorf("after other watches ended: %w", err)
			}
		}
		watches = rest
	}
	if revision, err = write(ctx, e.Second, quiet, "of another budget", 0); err != nil {
		return err
	}
	return other.yields("of another budget", revision)
}

// watchEnds ends watches that wait, and one whose loop does not return.
func watchEnds(ctx context.Context, e Engine) error {
	budget := newBudget()
	empty := watch(ctx, e.Store, budget)
	empty.stop()
	if err := empty.ends("its context, without a record"); err != nil {
		return err
	}
	revision, err := write(ctx, e.Store, budget, "first", 0)
	if err != nil {
		return err
	}
	waiting := watch(ctx, e.Store, budget)
	defer waiting.stop()
	if err := waiting.yields("first", revision); err != nil {
		return err
	}
	waiting.stop()
	if err := waiting.ends("its context, while it waited"); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	err = within("the loop over Store.Watch with a deadline", func() {
		for range e.Store.Watch(limited, budget) {
		}
	})
	if err != nil {
		return err
	}
	return within("the loop over Store.Watch that was left with break", func() {
		for range e.Store.Watch(ctx, budget) {
			break
		}
	})
}

// watchLeaks ends many watches in each way. The client of an engine may keep some
// goroutines for all of them.
func watchLeaks(ctx context.Context, e Engine) error {
	const each, allowed = 20, 10
	budget := newBudget()
	if _, err := write(ctx, e.Store, budget, "first", 0); err != nil {
		return err
	}
	waiting := func() error {
		w := watch(ctx, e.Store, budget)
		defer w.stop()
		if _, err := w.next(); err != nil {
			return err
		}
		w.stop()
		return w.ends("its context")
	}
	left := func() error {
		return within("the loop over Store.Watch that was left with break", func() {
			for range e.Store.Watch(ctx, budget) {
				break
			}
		})
	}
	if err := errors.Join(waiting(), left()); err != nil { // these start what all watches share
		return err
	}
	before := runtime.NumGoroutine()
	for range each {
		if err := errors.Join(waiting(), left()); err != nil {
			return err
		}
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before+allowed; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%d goroutines run after %d watches ended, %d before", runtime.NumGoroutine(), 2*each, before)
		}
	}
	return nil
}
