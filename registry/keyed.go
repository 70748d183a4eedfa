package registry

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Keyed has one bulkhead for each key, such as a tenant, a customer or a host, so
// that one key cannot use the capacity of the others. Create one with [NewKeyed] or [CreateKeyed];
// do not copy it. Its methods may be called concurrently.
//
// The bulkhead of a key is created on first use. A Keyed keeps at most maxKeys of
// them. At that limit, a new key evicts the key that has been idle for the longest
// time. A key is idle while none of its operations is in flight or waiting. If no
// key is idle, the operation of the new key is rejected with [ErrTooManyKeys]. An
// evicted key gets a new bulkhead when it is used again. At most parallelism ×
// maxKeys operations are in flight over all keys. The capacity of all keys can be
// changed while they are used: see [Keyed.SetCapacity] and [CapacityOf].
//
// All bulkheads have the label of the Keyed, and each has its own ID. Keys never
// appear in labels, statuses, events, errors or printed forms. Only
// [Keyed.Statuses] yields them.
//
// A call with a known key takes the lock of the Keyed, which all keys share, once
// at the beginning and once at the end. It allocates nothing, and its cost does not
// depend on the number of keys. An idle key occupies about 0.8 kB, and about 5 kB
// after one of its operations has waited, because of the histogram of waits.
type Keyed[K comparable] struct {
	// Set once by NewKeyed.
	id         uint64 // that of the rejector
	label      string
	maxKeys    int
	idleAfter  time.Duration
	each       []bulk.Option
	capacityOf func(K, bulk.Capacity) bulk.Capacity // nil without one
	origin     time.Time                            // instants count from here
	group      *hooks.Group                         // of all bulkheads; Rejection is the *TooManyKeysError

	*guardedKeys[K] // a pointer, because package fmt follows none in a field: see Format

	// rejector rejects operations for which no key is created: see reject. No
	// operation is ever in flight or waiting in it.
	rejector *bulk.Bulkhead
}

// guardedKeys has the fields of a Keyed that change.
type guardedKeys[K comparable] struct {
	// mu guards the fields below and the fields of every entry. It is held for a few
	// dozen instructions, while the status of an evicted bulkhead is read (EvictIdle
	// evicts up to 64 in one section), and while Status, Close and Shutdown copy the
	// list of entries. It is never held while anything blocks, nor while
	// caller-supplied code runs (ctx, options, CapacityOf, handlers, keyOf, fn). The
	// lock of a bulkhead may be taken under mu, but not mu under the lock of a bulkhead.
	//
	// A call holds a lease on the entry of its key. It takes the lease in the section
	// that finds or adds the entry, and returns it after the operation has ended or
	// was rejected. So an operation in flight or waiting always has a lease.
	//
	// Whenever mu is free:
	//
	//	keys has each entry of all once, under its key; len(keys) ≤ maxKeys
	//	all[e.place] is e
	//	operations in flight or waiting in e.bulkhead ≤ e.leases
	//	e is in idle if and only if e.leases = 0
	//	idle is in the order in which the last leases were returned
	//	created − evicted = len(keys)
	//	retired.Totals are those of the evicted bulkheads, which have no users any more
	//	if closed, the rejector is closed, and no entry is added
	//	if applying = 0, each open bulkhead has the capacity of its key for the common
	//	capacity, and the rejector, if open, has the common capacity
	mu      sync.Mutex
	keys    map[K]*entry[K]
	all     []*entry[K]
	idle    idleList[K]
	retired bulk.Status // of which only Totals is used
	closed  bool

	created, evicted, tooManyKeys uint64
	statuses                      uint64 // Status calls

	capacity   bulk.Capacity               // the common one
	changes    uint64                      // of capacity
	applying   int                         // calls of applyCapacity
	capacities map[*entry[K]]bulk.Capacity // by the last change; nil if applying = 0, or without capacityOf
}

// entry is a known key with its bulkhead.
type entry[K comparable] struct {
	keyed    *Keyed[K]
	key      K
	bulkhead *bulk.Bulkhead
	place    int // its index in all
	leases   int

	// Set while the entry is idle.
	since        time.Duration // when the last lease was returned; 0 without IdleAfter
	older, newer *entry[K]
}

// NewKeyed returns a Keyed that keeps at most maxKeys bulkheads, each with this
// label, this parallelism and the options given with [Each]. Parallelism and
// maxKeys must be at least 1; [Keyed.SetCapacity] changes the capacity later. If a value or an option is not allowed, NewKeyed
// returns the problems joined. Each is a [*bulk.ConfigError] or matches one.
//
// Choose maxKeys larger than the number of keys that are ever in use at the
// same time. With fewer, keys that come often are evicted often, and while all
// keys are in use, new ones are rejected.
func NewKeyed[K comparable](label string, parallelism, maxKeys int, opts ...KeyedOption) (*Keyed[K], error) {
	c, errs := keyedConfig(label, maxKeys, opts)
	capacityOf, err := capacityFunc[K](label, c.capacityOf)
	if err != nil {
		errs = append(errs, err)
	}
	group := &hooks.Group{Rejection: &TooManyKeysError{label, maxKeys}}
	each := append(c.each, func(c *bulk.Config) error {
		hooks.JoinGroup(c, group)
		return nil
	})
	rejector, err := bulk.New(label, parallelism, each...)
	if errs = append(unjoin(err), errs...); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Keyed[K]{
		id: rejector.Status().ID, label: label, maxKeys: maxKeys, idleAfter: c.idleAfter, each: each, capacityOf: capacityOf,
		origin: time.Now(), group: group, rejector: rejector,
		guardedKeys: &guardedKeys[K]{keys: make(map[K]*entry[K]), capacity: rejector.Capacity()},
	}, nil
}

// Label returns the label given to NewKeyed.
func (k *Keyed[K]) Label() string { return k.label }

// String returns the label, as in
//
//	keyed "tenants"
//
// It contains no key. The numbers are in [Keyed.Status].
func (k *Keyed[K]) String() string {
	if k == nil {
		return "<nil>"
	}
	return "keyed " + safetext.Quote(k.label)
}

// GoString returns the same as String.
func (k *Keyed[K]) GoString() string { return k.String() }

// LogValue returns the same as String.
func (k *Keyed[K]) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Format implements [fmt.Formatter]. Every verb shows the result of String and no
// field, because fields contain the keys. Where package fmt calls no method (with
// verbs that vet reports), it shows the address of the guarded fields.
func (k *Keyed[K]) Format(f fmt.State, verb rune) { safetext.Format(f, verb, k.String()) }
