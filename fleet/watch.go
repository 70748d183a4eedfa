package fleet

import (
	"context"
)

// watch follows the record until ctx ends, so that a change of another member takes
// effect before the next refresh.
func (m *Member) watch(ctx context.Context) {
	for ctx.Err() == nil {
		for u := range m.store.Watch(ctx, m.budget) {
			r, err := decode(u.Record)
			m.mu.Lock()
			if err == nil {
				m.adoptWatched(r, u.Revision)
			}
			m.mu.Unlock()
			m.resize()
		}
		m.sleep(ctx, m.refresh/2)
	}
}
