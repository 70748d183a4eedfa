package etcd

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"

	"github.com/bulklink/bulklink-go/bulk"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// longest is how many bytes the name of a budget may have.
const longest = 255

// keys are the two keys of a budget, and the prefix that only they have.
type keys struct{ prefix, record, revision string }

func keysOf(budget string) (keys, error) {
	if budget == "" || len(budget) > longest {
		return keys{}, &bulk.ConfigError{Field: "budget", Value: budget, Problem: fmt.Sprintf("must have from 1 to %d bytes", longest)}
	}
	prefix := "bulklink/fleet/" + url.PathEscape(budget) + "/" // no slash is left in it
	return keys{prefix, prefix + "record", prefix + "revision"}, nil
}

// newRevision returns a revision that no record has had. It is never 0.
func newRevision() uint64 {
	for {
		if r := rand.Uint64(); r != 0 {
			return r
		}
	}
}

// pair is what the two keys contain. A record exists if both do.
type pair struct {
	record   []byte
	revision uint64 // 0: there is no such key
	exists   bool   // the key of the record
}

// put adds a key and its value.
func (p *pair) put(k keys, kv *mvccpb.KeyValue) error {
	switch string(kv.Key) {
	case k.record:
		p.record, p.exists = kv.Value, true
	case k.revision:
		r, err := strconv.ParseUint(string(kv.Value), 10, 64)
		if err != nil || r == 0 {
			return fmt.Errorf("etcd: key %s has the value %q: must be a number from 1 to 2^64-1; delete it", kv.Key, kv.Value)
		}
		p.revision = r
	}
	return nil
}

// remove removes a key.
func (p *pair) remove(k keys, key []byte) {
	switch string(key) {
	case k.record:
		p.record, p.exists = nil, false
	case k.revision:
		p.revision = 0
	}
}

// load returns the record and its revision.
func (p *pair) load() ([]byte, uint64) {
	if !p.exists || p.revision == 0 {
		return nil, 0
	}
	return p.record, p.revision
}
