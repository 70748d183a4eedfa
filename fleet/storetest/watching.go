package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
)

// watcher is a loop over Store.Watch in a goroutine of its own.
type watcher struct {
	updates chan fleet.Update // not buffered: the loop waits for the reader
	cancel  context.CancelFunc
	ended   chan struct{} // closed when the loop has ended
}

// watch watches a record until stop.
func watch(ctx context.Context, s fleet.Store, budget string) *watcher {
	return loop(ctx, func(ctx context.Context, yield func(fleet.Update) bool) {
		s.Watch(ctx, budget)(yield)
	})
}

// follow watches a record until stop, and watches it again each time the store ends
// the watch, as a member does.
func follow(ctx context.Context, s fleet.Store, budget string) *watcher {
	return loop(ctx, func(ctx context.Context, yield func(fleet.Update) bool) {
		for ctx.Err() == nil {
			s.Watch(ctx, budget)(yield)
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
}

func loop(ctx context.Context, watch func(context.Context, func(fleet.Update) bool)) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{updates: make(chan fleet.Update), cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		watch(ctx, func(u fleet.Update) bool {
			select {
			case w.updates <- u:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	return w
}

// stop ends the watch, and does not wait for its end.
func (w *watcher) stop() { w.cancel() }

// next returns what the watch yields next.
func (w *watcher) next() (fleet.Update, error) {
	select {
	case u := <-w.updates:
		return u, nil
	case <-w.ended:
		return fleet.Update{}, fmt.Errorf("Store.Watch ended, although its context has not")
	case <-time.After(patience):
		return fleet.Update{}, fmt.Errorf("Store.Watch yielded nothing for %v", patience)
	}
}

// yields requires that the watch yields this record next.
func (w *watcher) yields(record string, revision uint64) error {
	u, err := w.next()
	if err != nil {
		return fmt.Errorf("%w; want %s at revision %d", err, short(record), revision)
	}
	if u.Revision != revision || string(u.Record) != record {
		return fmt.Errorf("Store.Watch yielded %s at revision %d; want %s at revision %d", short(string(u.Record)), u.Revision, short(record), revision)
	}
	return nil
}

// reaches requires that the watch yields a record, whatever it yields before.
func (w *watcher) reaches(record string, revision uint64) error {
	for {
		u, err := w.next()
		if err != nil {
			return fmt.Errorf("%w; want %s at revision %d", err, short(record), revision)
		}
		if u.Revision == revision {
			if string(u.Record) != record {
				return fmt.Errorf("Store.Watch yielded %s at revision %d; want %s", short(string(u.Record)), u.Revision, short(record))
			}
			return nil
		}
	}
}

// ends requires that the loop ends.
func (w *watcher) ends(when string) error {
	select {
	case <-w.ended:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("Store.Watch has not ended %v after %s", patience, when)
	}
}
