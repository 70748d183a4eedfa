package bulkpgx

import (
	"context"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/internal/admission"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
)

// Config is what the options of a [DB] set. It has no exported fields.
type Config = admission.Config

// Option is an option of [New].
type Option = option.Option[Config]

// SharedWith names the other bulkheads whose operations use the same pool: the pool must
// be at least as large as the sum of their parallelisms. A nil bulkhead panics.
func SharedWith(others ...*bulk.Bulkhead) Option {
	mustHave(!slices.Contains(others, nil), "SharedWith: nil bulkhead")
	return admission.SharedWith(slices.Clone(others))
}

// PerKey admits each operation to the bulkhead of its key in k first, and then to that of
// the DB: no key, such as a tenant, can use all connections. keyOf returns the key from
// the ctx of the operation; an operation for which it returns false has no key, and is
// admitted by the bulkhead of the DB alone. The limits of [DB.With] bound both waits
// together. A nil k or keyOf panics.
func PerKey[K comparable](k *registry.Keyed[K], keyOf func(context.Context) (key K, limited bool)) Option {
	mustHave(k != nil, "PerKey: nil Keyed")
	mustHave(keyOf != nil, "PerKey: nil function")
	return admission.PerKey(k, keyOf)
}
