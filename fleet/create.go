package fleet

import (
	"context"
	"crypto/rand"
	"fmt"
)

// Create makes the record of a budget that no process uses yet, so that the first
// members get their shares immediately. Without it, they cannot tell a new budget from
// one whose record the store has lost, and learn for TTL and Grace before they use any
// slot.
//
// Call it once for a budget, as with a migration of a database, and never when a process
// starts: if members hold shares while the record is lost, a new record without them
// gives their slots to others. If there is a record, Create changes nothing and returns
// an error that matches [ErrConflict].
func Create(ctx context.Context, s Store, budget string) error {
	r := record{Version: recordVersion, Epoch: rand.Text()[:16], Count: 1}
	if _, err := s.CompareAndSwap(ctx, budget, r.encode(), 0); err != nil {
		return fmt.Errorf("fleet: budget %q not created: %w", budget, err)
	}
	return nil
}
