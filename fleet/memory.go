package fleet

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"
)

// Memory is a [Store] in the memory of this process: for tests, and for examples that
// need no engine. Its records end with the process. The zero Memory is ready to use.
// It must not be copied after its first use.
type Memory struct {
	mu      sync.Mutex
	last    uint64 // the revision given last; never reset, so that none is used twice
	records map[string]Update
	changed chan struct{} // closed at the next change; nil without a watch that waits for one
}

// Load returns the record of the budget, as [Store] describes it.
func (m *Memory) Load(ctx context.Context, budget string) ([]byte, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.records[budget]
	return bytes.Clone(u.Record), u.Revision, nil
}

// CompareAndSwap replaces the record of the budget, as [Store] describes it.
func (m *Memory) CompareAndSwap(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if present := m.records[budget].Revision; present != revision {
		return 0, fmt.Errorf("%w: budget %q has revision %d, want %d", ErrConflict, budget, present, revision)
	}
	if m.records == nil {
		m.records = make(map[string]Update)
	}
	m.last++
	m.records[budget] = Update{bytes.Clone(record), m.last}
	m.announce()
	return m.last, nil
}

// Watch yields the record of the budget and its changes, as [Store] describes it. It
// starts no goroutine: the loop waits for a change.
func (m *Memory) Watch(ctx context.Context, budget string) iter.Seq[Update] {
	return func(yield func(Update) bool) {
		var seen uint64
		for ctx.Err() == nil {
			m.mu.Lock()
			u := m.records[budget]
			if m.changed == nil {
				m.changed = make(chan struct{})
			}
			changed := m.changed
			m.mu.Unlock()
			if u.Revision != seen {
				seen = u.Revision
				if !yield(Update{bytes.Clone(u.Record), u.Revision}) {
					return
				}
				continue
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}

// Delete removes the record of the budget, as an engine does that lost its data. The
// members then learn from each other what each of them holds.
func (m *Memory) Delete(budget string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, budget)
	m.announce()
}

// announce wakes the watches. The lock is held.
func (m *Memory) announce() {
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}
