package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
)

// soon is how long the calls of these tests may take while the engine is away.
const soon = 300 * time.Millisecond

// begin writes a first record by way of the link.
func begin(ctx context.Context, e Engine) (budget string, revision uint64, err error) {
	budget = newBudget()
	revision, err = write(ctx, e.Store, budget, "before", 0)
	return budget, revision, err
}

// fails makes a write that cannot have an answer. It requires that the result is
// unknown: neither a success nor a conflict.
func fails(ctx context.Context, s fleet.Store, budget, record string, revision uint64, why string) error {
	limited, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	var err error
	late := within("Store.CompareAndSwap "+why, func() { _, err = s.CompareAndSwap(limited, budget, []byte(record), revision) })
	switch {
	case late != nil:
		return late
	case err == nil:
		return fmt.Errorf("Store.CompareAndSwap %s succeeded", why)
	case errors.Is(err, fleet.ErrConflict):
		return fmt.Errorf("Store.CompareAndSwap %s: %w; want another error, because the record may have been written", why, err)
	}
	return nil
}

// settled requires that the record is one of several, and can be replaced. A write that
// had no answer may still arrive, so that the record becomes another one of them.
func settled(ctx context.Context, e Engine, budget string, records ...string) error {
	for {
		record, revision, err := loadSoon(ctx, e.Store, budget)
		if err != nil {
			return err
		}
		i := slices.Index(records, record)
		if i < 0 {
			return fmt.Errorf("Store.Load returned %s; want one of %q", short(record), records)
		}
		next, err := write(ctx, e.Store, budget, "after", revision)
		if err == nil {
			return has(ctx, e.Second, budget, "after", next)
		}
		if !errors.Is(err, fleet.ErrConflict) {
			return err
		}
		records = slices.Delete(slices.Clone(records), i, i+1)
	}
}

func away(ctx context.Context, e Engine) error {
	budget, revision, err := begin(ctx, e)
	if err != nil {
		return err
	}
	e.Link.Cut()
	defer e.Link.Restore()
	limited, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	late := within("Store.Load without a connection", func() { _, _, err = e.Store.Load(limited, budget) })
	if late != nil {
		return late
	}
	if err == nil {
		return errors.New("Store.Load without a connection succeeded")
	}
	if err := fails(ctx, e.Store, budget, "without a connection", revision, "without a connection"); err != nil {
		return err
	}
	watching, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	late = within("the loop over Store.Watch without a connection", func() {
		for range e.Store.Watch(watching, budget) {
		}
	})
	if late != nil {
		return late
	}
	e.Link.Restore()
	return settled(ctx, e, budget, "before", "without a connection")
}

func lostRequest(ctx context.Context, e Engine) error {
	budget, revision, err := begin(ctx, e)
	if err != nil {
		return err
	}
	e.Link.LoseRequests()
	defer e.Link.Restore()
	if err := fails(ctx, e.Store, budget, "lost", revision, "whose request is lost"); err != nil {
		return err
	}
	if err := has(ctx, e.Second, budget, "before", revision); err != nil {
		return fmt.Errorf("after a request was lost: %w", err)
	}
	e.Link.Restore()
	return settled(ctx, e, budget, "before", "lost")
}

// lostAnswer loses the answer to a write that ends while the link is down, and to one
// that still waits when it is back: a client that then sends it again would get a
// conflict with itself.
func lostAnswer(ctx context.Context, e Engine) error {
	budget, revision, err := begin(ctx, e)
	if err != nil {
		return err
	}
	defer e.Link.Restore()
	e.Link.LoseAnswers()
	if err := fails(ctx, e.Store, budget, "without an answer", revision, "whose answer is lost"); err != nil {
		return err
	}
	e.Link.Restore()
	record, revision, err := loadSoon(ctx, e.Store, budget)
	if err != nil {
		return err
	}
	if record != "before" && record != "without an answer" {
		return fmt.Errorf("Store.Load returned %s after an answer was lost", short(record))
	}

	e.Link.LoseAnswers()
	limited, cancel := context.WithTimeout(ctx, 10*soon)
	defer cancel()
	var next uint64
	answered := make(chan error, 1)
	go func() {
		var err error
		next, err = e.Store.CompareAndSwap(limited, budget, []byte("sent"), revision)
		answered <- err
	}()
	arrived := false
	for end := time.Now().Add(soon); !arrived && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		record, _, err := e.Second.Load(ctx, budget)
		if err != nil {
			return err
		}
		arrived = string(record) == "sent"
	}
	e.Link.Restore()
	select {
	case err = <-answered:
	case <-time.After(patience):
		return fmt.Errorf("Store.CompareAndSwap whose answer is lost has not returned after %v", patience)
	}
	switch {
	case errors.Is(err, fleet.ErrConflict):
		return fmt.Errorf("Store.CompareAndSwap whose answer is lost: %w, with itself; the record arrived: %t", err, arrived)
	case err == nil:
		return has(ctx, e.Second, budget, "sent", next)
	case arrived:
		return settled(ctx, e, budget, "sent")
	}
	return settled(ctx, e, budget, record, "sent")
}

// lateWrite lets a client keep a write until it is connected again, when another one
// has replaced the record.
func lateWrite(ctx context.Context, e Engine) error {
	budget, revision, err := begin(ctx, e)
	if err != nil {
		return err
	}
	e.Link.Cut()
	defer e.Link.Restore()
	if err := fails(ctx, e.Store, budget, "late", revision, "without a connection"); err != nil {
		return err
	}
	if revision, err = write(ctx, e.Second, budget, "newer", revision); err != nil {
		return err
	}
	e.Link.Restore()
	if _, _, err := loadSoon(ctx, e.Store, budget); err != nil {
		return err
	}
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, s := range []fleet.Store{e.Store, e.Second} {
			if err := has(ctx, s, budget, "newer", revision); err != nil {
				return fmt.Errorf("after a late write: %w", err)
			}
		}
	}
	return nil
}

func watchPartition(ctx context.Context, e Engine) error {
	budget, revision, err := begin(ctx, e)
	if err != nil {
		return err
	}
	w := follow(ctx, e.Store, budget)
	defer w.stop()
	if err := w.yields("before", revision); err != nil {
		return err
	}
	e.Link.Cut()
	defer e.Link.Restore()
	if revision, err = write(ctx, e.Second, budget, "meanwhile", revision); err != nil {
		return err
	}
	e.Link.Restore()
	if err := w.reaches("meanwhile", revision); err != nil {
		return fmt.Errorf("after a partition: %w", err)
	}
	if revision, err = write(ctx, e.Second, budget, "after", revision); err != nil {
		return err
	}
	if err := w.reaches("after", revision); err != nil {
		return fmt.Errorf("after a partition: %w", err)
	}
	return nil
}
