package bulkotel

import (
	"fmt"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/bulklink/bulklink-go/sizing"
)

// Config is what the options of [Register] set. It has no exported fields.
type Config struct {
	statuses []func() []bulk.Status
	keyeds   []func() []registry.KeyedStatus
	shadows  []func() map[string]*sizing.Shadow
	limiters []func() []*adaptive.Limiter
	members  []func() []*fleet.Member
}

// Option is an option of [Register].
type Option = option.Option[Config]

func newConfig(opts []Option) Config {
	var c Config
	if err := option.Apply(&c, opts...); err != nil {
		panic("bulkotel: " + err.Error())
	}
	return c
}

// Registry observes the bulkheads and the Keyeds that r has at the time of a collection.
// A nil r panics.
func Registry(r *registry.Registry) Option {
	mustHave(r != nil, "Registry: nil registry")
	return option.Join(Statuses(r.Statuses), KeyedStatuses(r.KeyedStatuses))
}

// Bulkhead observes b. A nil b panics.
func Bulkhead(b *bulk.Bulkhead) Option {
	mustHave(b != nil, "Bulkhead: nil bulkhead")
	return Statuses(func() []bulk.Status { return []bulk.Status{b.Status()} })
}

// Keyed observes k as one series over all its keys. A nil k panics.
func Keyed[K comparable](k *registry.Keyed[K]) Option {
	mustHave(k != nil, "Keyed: nil Keyed")
	return KeyedStatuses(func() []registry.KeyedStatus { return []registry.KeyedStatus{k.Status()} })
}

// Statuses observes the statuses that f returns. It is called once for each collection,
// and must be safe for concurrent use. Of several statuses with the same ID the first is
// observed. A nil f panics.
func Statuses(f func() []bulk.Status) Option {
	mustHave(f != nil, "Statuses: nil function")
	return func(c *Config) error {
		c.statuses = append(c.statuses, f)
		return nil
	}
}

// KeyedStatuses is [Statuses] for the statuses of Keyeds.
func KeyedStatuses(f func() []registry.KeyedStatus) Option {
	mustHave(f != nil, "KeyedStatuses: nil function")
	return func(c *Config) error {
		c.keyeds = append(c.keyeds, f)
		return nil
	}
}

func mustHave(ok bool, format string, args ...any) {
	if !ok {
		panic("bulkotel: " + fmt.Sprintf(format, args...))
	}
}
