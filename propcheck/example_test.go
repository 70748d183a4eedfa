package propcheck_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck"
)

// loggedBulkhead is a bulkhead that logs whom it turns away.
type loggedBulkhead struct {
	*bulk.Bulkhead
	log *slog.Logger
}

func newLogged(label string, parallelism int, log *slog.Logger, opts ...bulk.Option) (*loggedBulkhead, error) {
	b, err := bulk.New(label, parallelism, opts...)
	if err != nil {
		return nil, err
	}
	return &loggedBulkhead{b, log}, nil
}

// Do runs fn in the bulkhead.
func (l *loggedBulkhead) Do(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
	err := bulk.Do(ctx, l.Bulkhead, fn, limits...)
	if bulk.NotStarted(err, l.Bulkhead) {
		l.log.Warn("turned away", "bulkhead", l.Label(), "err", err)
	}
	return err
}

// Acquire takes a slot.
func (l *loggedBulkhead) Acquire(ctx context.Context, limits ...deadline.Limit) (bulk.Slot, error) {
	slot, err := l.Bulkhead.Acquire(ctx, limits...)
	if err != nil {
		l.log.Warn("turned away", "bulkhead", l.Label(), "err", err)
	}
	return slot, err
}

// A wrapper of one's own is checked in one call. This is the body of a test
// function.
func ExampleTestBulkhead() {
	var t *testing.T // the test's

	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	propcheck.TestBulkhead(t, func(label string, parallelism int, opts ...bulk.Option) (propcheck.Subject, error) {
		return newLogged(label, parallelism, log, opts...)
	})
}

// Keep this in sync with ExampleTestBulkhead.
func TestLoggedBulkhead(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	propcheck.TestBulkhead(t, func(label string, parallelism int, opts ...bulk.Option) (propcheck.Subject, error) {
		return newLogged(label, parallelism, log, opts...)
	})
}

// A bulkhead itself is a Subject.
func TestBareBulkhead(t *testing.T) {
	propcheck.TestBulkhead(t, func(label string, parallelism int, opts ...bulk.Option) (propcheck.Subject, error) {
		return bulk.New(label, parallelism, opts...)
	})
}
