package fleet

import (
	"context"
	"errors"
	"iter"
)

// ErrConflict is the error of [Store.CompareAndSwap] if the record has another
// revision than the given one, so that nothing was written. It may be wrapped.
var ErrConflict = errors.New("fleet: conflict: the record has another revision")

// Store keeps one small record for each budget. It is everything that a fleet needs
// from an engine. The stores of this module are [Memory], which has no engine, and
// the packages fleet/natskv and fleet/etcd. Package fleet/storetest tests a store.
//
// All calls of a Store can be made concurrently. They return soon after ctx has
// ended. A Store does not retry: the member that calls it does, with the state that
// it has then.
//
// Reads and writes of one record are linearizable: a CompareAndSwap that succeeded is
// seen by every Load and every CompareAndSwap that begins after it returned. An engine
// that can lose an acknowledged write, as one with asynchronous replication can in a
// failover, makes a record older than it was. A [Member] notices that only if its own row
// is missing from the record, or is older than its last write.
type Store interface {
	// Load returns the record of a budget and its revision. If there is no record, it
	// returns nil, 0 and nil.
	Load(ctx context.Context, budget string) (record []byte, revision uint64, err error)

	// CompareAndSwap replaces the record if it has the given revision. Revision 0 means
	// that there is no record. It returns the revision of the new record, which is never
	// 0 and differs from every earlier revision of this record.
	//
	// If the error matches [ErrConflict], nothing was written. After any other error the
	// record may have been written, or may be written later.
	CompareAndSwap(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error)

	// Watch yields the record as it is now, if there is one, and then each newer one.
	// It may leave out all but the newest. A record that was deleted is the zero Update.
	//
	// The sequence ends when ctx has ended, when the loop is left, or when the engine
	// ended the watch. In the last case the caller loads the record and watches again.
	Watch(ctx context.Context, budget string) iter.Seq[Update]
}

// Update is a record that [Store.Watch] yields, with its revision. The zero Update
// means that there is no record.
type Update struct {
	Record   []byte
	Revision uint64
}
