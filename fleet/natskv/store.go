package natskv

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Store is a [fleet.Store] in one bucket. It has one key for each budget.
type Store struct {
	conn   *nats.Conn
	kv     jetstream.KeyValue
	create func(context.Context) error // nil: somebody else creates the bucket
}

var _ fleet.Store = (*Store)(nil)

// Load returns the record of the budget, as [fleet.Store] describes it.
func (s *Store) Load(ctx context.Context, budget string) ([]byte, uint64, error) {
	key, err := keyOf(budget)
	if err != nil {
		return nil, 0, err
	}
	entry, err := s.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrStreamNotFound) && s.create != nil {
		if err = s.create(ctx); err == nil {
			entry, err = s.kv.Get(ctx, key)
		}
	}
	if errors.Is(err, jetstream.ErrKeyNotFound) { // ErrKeyDeleted matches it too
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, failed(ctx, "load", budget, err)
	}
	if err := checkRevision(s.kv.Bucket(), entry.Revision()); err != nil {
		return nil, 0, err
	}
	return entry.Value(), entry.Revision(), nil
}

// CompareAndSwap replaces the record of the budget, as [fleet.Store] describes it. A
// record may be as large as a message: 1 MiB, unless the server's max_payload or the
// bucket's MaxValueSize says otherwise.
func (s *Store) CompareAndSwap(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
	key, err := keyOf(budget)
	if err != nil {
		return 0, err
	}
	next, err := s.swap(ctx, key, record, revision)
	for pause := time.Millisecond; pause < time.Second && isBusy(err) && sleep(ctx, pause); pause *= 2 {
		next, err = s.swap(ctx, key, record, revision)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, fmt.Errorf("natskv: write budget %q: %w: %w", budget, fleet.ErrConflict, err)
	}
	if err != nil {
		return 0, failed(ctx, "write", budget, err)
	}
	if err := checkRevision(s.kv.Bucket(), next); err != nil {
		return 0, err
	}
	return next, nil
}

// swap makes one request to write. If it is a conflict, nothing was written.
func (s *Store) swap(ctx context.Context, key string, record []byte, revision uint64) (uint64, error) {
	if revision == 0 {
		return s.kv.Create(ctx, key, record) // also succeeds if the key was deleted
	}
	return s.kv.Update(ctx, key, record, revision)
}

// isBusy reports whether the leader of several replicas rejected a write without a look
// at its revision, because it has not finished another write of the key: that of another
// member, which makes this one a conflict, or one that it has acknowledged just now.
func isBusy(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant
}

// sleep waits for d, and returns false if ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// Watch yields the record of the budget and its changes, as [fleet.Store] describes it.
// The sequence ends when the connection is lost. A record that expired because of the
// TTL of the bucket is announced only if the bucket has a LimitMarkerTTL.
func (s *Store) Watch(ctx context.Context, budget string) iter.Seq[fleet.Update] {
	return func(yield func(fleet.Update) bool) {
		key, err := keyOf(budget)
		if err != nil {
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // ends the goroutine that the client starts for ctx

		// The client finds out that its consumer is gone when it has heard nothing for up
		// to 20 s. A server that was restarted has no consumer, so a new watch is faster.
		lost := s.conn.StatusChanged(nats.RECONNECTING, nats.CLOSED)
		defer s.conn.RemoveStatusListener(lost)

		// The request for the consumer is lost if the connection is, and has no end itself.
		late := time.AfterFunc(setUp, cancel)
		watcher, err := s.kv.Watch(ctx, key)
		if err != nil {
			return
		}
		defer func() {
			cancel()
			_ = watcher.Stop()            // an error says that it has stopped already
			for range watcher.Updates() { // the client may be about to send; it closes the channel afterwards
			}
		}()
		// The replica that has the consumer may lag behind what was read elsewhere.
		record, revision, err := s.Load(ctx, budget)
		if !late.Stop() || err != nil {
			return
		}
		if revision == 0 || yield(fleet.Update{Record: record, Revision: revision}) {
			follow(ctx, watcher.Updates(), lost, revision, yield)
		}
	}
}

// setUp is how long the request for a watch may take.
const setUp = 10 * time.Second

// follow yields the updates of a watch that are newer than a revision, until the watch
// ends or the connection is lost.
func follow(ctx context.Context, updates <-chan jetstream.KeyValueEntry, lost <-chan nats.Status, seen uint64, yield func(fleet.Update) bool) {
	exists := seen != 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-lost:
			return
		case entry, open := <-updates:
			if !open || ctx.Err() != nil {
				return
			}
			if entry == nil || entry.Revision() <= seen { // nil: everything that existed when the watch began was sent
				continue
			}
			var u fleet.Update
			if entry.Operation() == jetstream.KeyValuePut {
				u = fleet.Update{Record: entry.Value(), Revision: entry.Revision()}
			}
			if changed := exists || u.Revision != 0; changed && !yield(u) {
				return
			}
			seen, exists = entry.Revision(), u.Revision != 0
		}
	}
}

// failed is an error of the engine. It matches the error of ctx if that has ended.
func failed(ctx context.Context, action, budget string, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	return fmt.Errorf("natskv: %s budget %q: %w", action, budget, err)
}
