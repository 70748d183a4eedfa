package etcd

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/bulklink/bulklink-go/fleet"
	"go.etcd.io/etcd/client/v3"
)

// Store is a [fleet.Store] in an etcd cluster.
type Store struct{ client *clientv3.Client }

var _ fleet.Store = (*Store)(nil)

// New returns a store that uses the client. It makes no request. It does not close the
// client. A nil client panics.
func New(client *clientv3.Client) *Store {
	if client == nil {
		panic("etcd: New: nil client")
	}
	return &Store{client}
}

// Load returns the record of the budget, as [fleet.Store] describes it.
func (s *Store) Load(ctx context.Context, budget string) ([]byte, uint64, error) {
	k, err := keysOf(budget)
	if err != nil {
		return nil, 0, err
	}
	p, _, err := s.load(ctx, k)
	if err != nil {
		return nil, 0, failed(ctx, "load", budget, err)
	}
	record, revision := p.load()
	return record, revision, nil
}

// load returns both keys, and the response with the state of the cluster.
func (s *Store) load(ctx context.Context, k keys) (pair, *clientv3.GetResponse, error) {
	response, err := s.client.Get(ctx, k.prefix, clientv3.WithPrefix())
	if err != nil {
		return pair{}, nil, err
	}
	var p pair
	for _, kv := range response.Kvs {
		if err := p.put(k, kv); err != nil {
			return pair{}, nil, err
		}
	}
	return p, response, nil
}

// CompareAndSwap replaces the record of the budget, as [fleet.Store] describes it. A
// record may be almost as large as a request: 1.5 MiB, unless the cluster's
// --max-request-bytes says otherwise.
func (s *Store) CompareAndSwap(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
	k, err := keysOf(budget)
	if err != nil {
		return 0, err
	}
	next := newRevision()
	write := []clientv3.Op{
		clientv3.OpPut(k.record, string(record)),
		clientv3.OpPut(k.revision, strconv.FormatUint(next, 10)),
	}
	txn := s.client.Txn(ctx)
	if revision == 0 {
		// There is no record if one of the keys does not exist.
		txn = txn.If(absent(k.revision)).Then(write...).
			Else(clientv3.OpTxn([]clientv3.Cmp{absent(k.record)}, write, nil))
	} else {
		same := clientv3.Compare(clientv3.Value(k.revision), "=", strconv.FormatUint(revision, 10))
		txn = txn.If(same, exists(k.record)).Then(write...)
	}
	response, err := txn.Commit()
	if err != nil {
		return 0, failed(ctx, "write", budget, err)
	}
	written := response.Succeeded
	if !written && revision == 0 {
		written = response.Responses[0].GetResponseTxn().Succeeded
	}
	if !written {
		return 0, fmt.Errorf("etcd: write budget %q: %w", budget, fleet.ErrConflict)
	}
	return next, nil
}

func absent(key string) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(key), "=", 0)
}
func exists(key string) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(key), ">", 0)
}

// failed is an error of the engine. It matches the error of ctx if that has ended.
func failed(ctx context.Context, action, budget string, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	return fmt.Errorf("etcd: %s budget %q: %w", action, budget, err)
}
