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

// Keyed has a bulkhead for each key: a compartment for each customer, tenant or
// host, so that one of them can't take what is there for all. Make one with
// [NewKeyed]; a Keyed must not be copied. All methods may be called from any
// number of goroutines at the same time.
//
// The bulkhead of a key is made on first use, and evicted when room is needed
// for another one while nothing of it is in flight or waiting. There are at
// most maxKeys of them: when a new key comes, the one that has been idle for the
// longest time makes room, and if none is idle the new one is turned away with
// [ErrTooManyKeys]. So all of them together never run more than parallelism ×
// maxKeys operations. An evicted key that comes again gets a new bulkhead.
//
// All bulkheads have the label of the Keyed and an ID of their own. No key is
// in any label, status, event or error.
//
// A call with a known key takes one more lock than the bulkhead itself, at the
// start and at the end, and allocates nothing; what it costs doesn't depend on
// how many keys there are. The lock is shared by all keys. An idle key takes about
// 0.8 kB, and 5 kB once one of its operations has waited: its waits are counted in
// a histogram.
type Keyed[K comparable] struct {
	// Set once by NewKeyed.
	label       string
	parallelism int
	maxKeys     int
	idleAfter   time.Duration
	each        []bulk.Option
	origin      time.Time    // clock readings count from here
	group       *hooks.Group // of all bulkheads; Rejection is the *TooManyKeysError

	*guardedKeys[K] // a pointer, because package fmt follows none in a field: see Format

	// rejector rejects what is lost whatever its key: see reject. Nothing is
	// ever in flight or waiting in it.
	rejector *bulk.Bulkhead
}

// guardedKeys is what changes in a Keyed.
type guardedKeys[K comparable] struct {
	// mu guards what follows and the fields of every entry. It is held for a
	// few dozen instructions, while a bulkhead that nobody uses is read (up to 64 of
	// them by EvictIdle), and while all is copied by Status, Close and Shutdown;
	// never while anything blocks, and never while a stranger's code runs (ctx,
	// options, handlers, keyOf, fn). A bulkhead's own lock may be taken under
	// it, never the other way round.
	//
	// A lease is what a call holds on the entry of its key: taken in the section
	// that finds or adds the entry, given back when the operation is over or was
	// turned away. In between there is no instant at which the bulkhead could
	// have something in flight or waiting without a lease.
	//
	// Between two sections:
	//
	//	keys has each entry of all once, under its key; len(keys) ≤ maxKeys
	//	all[e.place] is e
	//	operations in flight or waiting in e.bulkhead ≤ e.leases
	//	e is in idle if and only if e.leases = 0
	//	idle is in the order in which the last leases were given back
	//	created − evicted = len(keys)
	//	retired has the totals of the bulkheads that were evicted, which nobody uses any more
	//	closed: the rejector is closed, and nothing is added any more
	mu      sync.Mutex
	keys    map[K]*entry[K]
	all     []*entry[K]
	idle    idleList[K]
	retired bulk.Totals
	closed  bool

	created, evicted, tooManyKeys uint64
}

// entry is a key that is known, with its bulkhead.
type entry[K comparable] struct {
	keyed    *Keyed[K]
	key      K
	bulkhead *bulk.Bulkhead
	place    int
	leases   int

	// While it is idle.
	since        time.Duration // clock reading at the last give-back; 0 without IdleAfter
	older, newer *entry[K]
}

// NewKeyed returns a Keyed that keeps at most maxKeys bulkheads, each with this
// label, this parallelism and the options given with [Each]. Parallelism and
// maxKeys must be at least 1. If values are not allowed, the error joins a
// [*bulk.ConfigError] for each of them.
//
// Choose maxKeys larger than the number of keys that are ever in use at the
// same time. With fewer, keys that come often are evicted often, and while all
// keys are in use, new ones are rejected.
func NewKeyed[K comparable](label string, parallelism, maxKeys int, opts ...KeyedOption) (*Keyed[K], error) {
	c, errs := keyedConfig(label, maxKeys, opts)
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
		label: label, parallelism: parallelism, maxKeys: maxKeys, idleAfter: c.idleAfter, each: each,
		origin: time.Now(), group: group,
		rejector: rejector, guardedKeys: &guardedKeys[K]{keys: make(map[K]*entry[K])},
	}, nil
}

// String returns the label, as in
//
//	keyed "tenants"
//
// It shows no key. The numbers are in [Keyed.Status].
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

// Format implements [fmt.Formatter]. With every verb it shows what String
// returns, and no field, because fields hold the keys. Where package fmt calls no
// method (with verbs that vet reports) it shows the address of the guarded fields.
func (k *Keyed[K]) Format(f fmt.State, verb rune) { safetext.Format(f, verb, k.String()) }
