package propcheck

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// KeyedSubject is what a bulkhead per key must offer to be checked: the methods
// of a [registry.Keyed] whose keys are strings. A type that embeds one, and adds
// something to some of its methods, is a KeyedSubject.
//
// What runs an operation is a function in package registry, not a method. A
// subject that has a way of its own to do that offers it as a [KeyedDoer].
// Without, its operations are checked through Acquire and Release.
type KeyedSubject interface {
	Acquire(ctx context.Context, key string, limits ...deadline.Limit) (bulk.Slot, error)
	Status() registry.KeyedStatus
	Evict(key string) bool
	EvictIdle() int
	Close() error
	Shutdown(ctx context.Context) error
}

// KeyedDoer is a KeyedSubject that runs operations, as [registry.RunKey] does.
type KeyedDoer interface {
	DoKey(ctx context.Context, key string, fn func(context.Context) error, limits ...deadline.Limit) error
}

var _ KeyedSubject = (*registry.Keyed[string])(nil)

// MakeKeyed makes a KeyedSubject, as [registry.NewKeyed] makes a Keyed, and
// passes everything on. It is called inside a testing/synctest bubble, once for
// each sequence of actions.
type MakeKeyed = func(label string, parallelism, maxKeys int, opts ...registry.KeyedOption) (KeyedSubject, error)

// TestKeyed checks what build makes against a model of [registry.Keyed], in as
// many random sequences of actions as -rapid.checks says (100 if nothing is
// said), each of about -rapid.steps actions. It must not be called in a
// testing/synctest bubble.
//
// A [*registry.Keyed] itself is checked through RunKey and GuardKey as well.
func TestKeyed(t *testing.T, build MakeKeyed) {
	t.Helper()
	rapid.Check(t, keyedProperty(build, nil))
}

var errKeyedEnd = errors.New("the user went away")

const keyedLabel = "tenants"
