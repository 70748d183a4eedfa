// Package badstore is a store of package fleet that fails when a test says so.
package badstore

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/bulklink/bulklink-go/fleet"
)

// Store rejects the first write as a conflict. While it is away, each request fails. The
// zero Store is empty and ready.
type Store struct {
	fleet.Memory
	writes atomic.Int64
	away   atomic.Bool
}

// ErrAway is the error of each request while the store is away.
var ErrAway = errors.New("the store is away")

// SetAway sets whether the store is away.
func (s *Store) SetAway(away bool) { s.away.Store(away) }

// Load is that of [fleet.Store].
func (s *Store) Load(ctx context.Context, budget string) ([]byte, uint64, error) {
	if s.away.Load() {
		return nil, 0, ErrAway
	}
	return s.Memory.Load(ctx, budget)
}

// CompareAndSwap is that of [fleet.Store].
func (s *Store) CompareAndSwap(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
	switch {
	case s.away.Load():
		return 0, ErrAway
	case s.writes.Add(1) == 1:
		return 0, fleet.ErrConflict
	}
	return s.Memory.CompareAndSwap(ctx, budget, record, revision)
}
