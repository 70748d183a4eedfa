package etcd

import (
	"context"
	"iter"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
	"go.etcd.io/etcd/client/v3"
)

// progress is how often a watch asks for the revision of the cluster. It ends when it
// has no answer until the next time.
const progress = 5 * time.Second

// Watch yields the record of the budget and its changes, as [fleet.Store] describes it.
// The sequence ends when the cluster is silent for ten seconds, when the server that the
// client is connected to has no leader, and when the cluster was installed again or
// restored from a snapshot.
func (s *Store) Watch(ctx context.Context, budget string) iter.Seq[fleet.Update] {
	return func(yield func(fleet.Update) bool) {
		k, err := keysOf(budget)
		if err != nil {
			return
		}
		ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
		defer cancel()
		p, first, err := s.load(ctx, k)
		if err != nil {
			return
		}
		record, revision := p.load()
		if revision != 0 && !yield(fleet.Update{Record: record, Revision: revision}) {
			return
		}
		// A server does not answer a request for progress before it has reached the
		// revision at which the watch begins, so this one begins with what was loaded.
		w := follower{keys: k, pair: p, seen: revision, cluster: first.Header.ClusterId, reached: first.Header.Revision}
		responses := s.client.Watch(ctx, k.prefix, clientv3.WithPrefix(), clientv3.WithRev(first.Header.Revision))
		ask := time.NewTicker(progress)
		defer ask.Stop()
		heard := true
		for {
			select {
			case <-ctx.Done():
				return
			case <-ask.C:
				if !heard || s.client.RequestProgress(ctx) != nil {
					return
				}
				heard = false
			case response, open := <-responses:
				heard = true
				if !open || ctx.Err() != nil || !w.next(response, yield) {
					return
				}
			}
		}
	}
}

// follower is the state of a watch.
type follower struct {
	keys
	pair
	seen    uint64 // the revision of the record that was yielded last; 0: none, or a deletion
	cluster uint64
	reached int64 // the revision of the cluster
}

// next yields what a response changes. It reports whether the watch goes on.
func (f *follower) next(response clientv3.WatchResponse, yield func(fleet.Update) bool) bool {
	if response.Err() != nil {
		return false
	}
	// The client resumes a watch at the revision that it has reached. A cluster that was
	// installed again is silent until it reaches that too, or is beyond it already.
	if response.Header.ClusterId != f.cluster || response.Header.Revision < f.reached {
		return false
	}
	f.reached = response.Header.Revision
	for _, e := range response.Events { // of one or several transactions, each of them complete
		if e.Type == clientv3.EventTypeDelete {
			f.remove(f.keys, e.Kv.Key)
		} else if f.put(f.keys, e.Kv) != nil {
			return false
		}
	}
	record, revision := f.load()
	if revision == f.seen {
		return true
	}
	f.seen = revision
	return yield(fleet.Update{Record: record, Revision: revision})
}
