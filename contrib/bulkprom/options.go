package bulkprom

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/bulklink/bulklink-go/sizing"
)

// Config is what the options of a [Collector] set. It has no exported fields.
type Config struct {
	statuses []func() []bulk.Status
	keyeds   []func() []registry.KeyedStatus
	shadows  []func() map[string]*sizing.Shadow
	limiters []func() []*adaptive.Limiter
	members  []func() []*fleet.Member
	buckets  int
	native   bool
}

// Option is an option of [New].
type Option = option.Option[Config]

func newConfig(opts []Option) Config {
	c := Config{buckets: 4}
	if err := option.Apply(&c, opts...); err != nil {
		panic("bulkprom: " + err.Error())
	}
	return c
}

// read returns all statuses, each kind in the order of IDs. Of several with the same ID
// the first is first.
func (c Config) read() (statuses []bulk.Status, keyeds []registry.KeyedStatus) {
	for _, f := range c.statuses {
		statuses = append(statuses, f()...)
	}
	for _, f := range c.keyeds {
		keyeds = append(keyeds, f()...)
	}
	slices.SortStableFunc(statuses, func(a, b bulk.Status) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortStableFunc(keyeds, func(a, b registry.KeyedStatus) int { return cmp.Compare(a.ID, b.ID) })
	return statuses, keyeds
}

// Registry collects the bulkheads and the Keyeds that r has at the time of a scrape. A
// nil r panics.
func Registry(r *registry.Registry) Option {
	mustHave(r != nil, "Registry: nil registry")
	return option.Join(Statuses(r.Statuses), KeyedStatuses(r.KeyedStatuses))
}

// Bulkhead collects b. A nil b panics.
func Bulkhead(b *bulk.Bulkhead) Option {
	mustHave(b != nil, "Bulkhead: nil bulkhead")
	return Statuses(func() []bulk.Status { return []bulk.Status{b.Status()} })
}

// Keyed collects k as one series over all its keys. A nil k panics.
func Keyed[K comparable](k *registry.Keyed[K]) Option {
	mustHave(k != nil, "Keyed: nil Keyed")
	return KeyedStatuses(func() []registry.KeyedStatus { return []registry.KeyedStatus{k.Status()} })
}

// Statuses collects the statuses that f returns. It is called once for each scrape, and
// must be safe for concurrent use. Of several statuses with the same ID the first is
// collected. A nil f panics.
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

// Buckets sets how many buckets the classic histogram of waits has for each power of
// two from 0.5 ms to 17 s: 1, 2, 4 or 8. Another n panics. The default is 4. Fewer
// buckets are fewer series, and a larger error of a quantile:
//
//	n   series   error at most
//	1       16   100 %
//	2       31    50 %
//	4       61    25 %
//	8      121    12.5 %
func Buckets(n int) Option {
	mustHave(n == 1 || n == 2 || n == 4 || n == 8, "Buckets(%d): must be 1, 2, 4 or 8", n)
	return func(c *Config) error {
		c.buckets = n
		return nil
	}
}

// NativeHistogram adds a native histogram of waits, with an error of a quantile of at
// most 17 %. A Prometheus server that scrapes native histograms then ignores the classic
// one, unless always_scrape_classic_histograms is set; another server ignores the
// native one.
func NativeHistogram() Option {
	return func(c *Config) error {
		c.native = true
		return nil
	}
}

func mustHave(ok bool, format string, args ...any) {
	if !ok {
		panic("bulkprom: " + fmt.Sprintf(format, args...))
	}
}
