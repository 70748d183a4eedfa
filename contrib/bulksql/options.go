package bulksql

import (
	"context"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
)

// Config is what the options of a [DB] set. It has no exported fields.
type Config struct {
	others []*bulk.Bulkhead
	perKey func(ctx context.Context, limit deadline.Limit, fn func(context.Context) error) error // nil without PerKey
}

// Option is an option of [New].
type Option = option.Option[Config]

// apply applies the options of the DB with the bulkhead b.
func (c *Config) apply(b *bulk.Bulkhead, opts []Option) error {
	if err := option.Apply(c, opts...); err != nil {
		return &optionError{b, err}
	}
	return nil
}

// optionError is the error for an option that is nil or failed.
type optionError struct {
	bulkhead *bulk.Bulkhead
	err      error
}

func (e *optionError) Error() string        { return "bulksql: " + e.bulkhead.String() + ": " + e.err.Error() }
func (e *optionError) Unwrap() error        { return e.err }
func (e *optionError) Is(target error) bool { return target == bulk.ErrConfig }

// SharedWith names the other bulkheads whose operations use the same pool: the pool must
// be at least as large as the sum of their parallelisms. A nil bulkhead panics.
func SharedWith(others ...*bulk.Bulkhead) Option {
	mustHave(!slices.Contains(others, nil), "SharedWith: nil bulkhead")
	others = slices.Clone(others)
	return func(c *Config) error {
		c.others = append(c.others, others...)
		return nil
	}
}

// PerKey admits each operation to the bulkhead of its key in k first, and then to that of
// the DB: no key, such as a tenant, can use all connections. keyOf returns the key from
// the ctx of the operation; an operation for which it returns false has no key, and is
// admitted by the bulkhead of the DB alone. The limits of [DB.With] bound both waits
// together. A nil k or keyOf panics.
func PerKey[K comparable](k *registry.Keyed[K], keyOf func(context.Context) (key K, limited bool)) Option {
	mustHave(k != nil, "PerKey: nil Keyed")
	mustHave(keyOf != nil, "PerKey: nil function")
	return func(c *Config) error {
		c.perKey = func(ctx context.Context, limit deadline.Limit, fn func(context.Context) error) error {
			key, limited := keyOf(ctx)
			if !limited {
				return fn(ctx)
			}
			_, err := registry.RunKey(ctx, k, key, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, fn(ctx)
			}, limit)
			return err
		}
		return nil
	}
}
