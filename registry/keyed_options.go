package registry

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
)

// KeyedOption configures a [Keyed] when it is created. Options are applied in
// order. Several can be kept together as a preset with [option.Join].
type KeyedOption = option.Option[KeyedConfig]

// KeyedConfig is the configuration that a [KeyedOption] changes. It is opaque: only
// the options of this package change it.
type KeyedConfig struct {
	idleAfter  time.Duration
	each       []bulk.Option
	capacityOf any // func(K, bulk.Capacity) bulk.Capacity; nil without one
}

// IdleAfter sets how long a key must have been idle before [Keyed.EvictIdle]
// evicts it. The default is 0: immediately. It must not be negative. At the limit of
// maxKeys, a new key evicts an idle key regardless of IdleAfter.
//
// With IdleAfter, each call reads the clock once more, at its end.
func IdleAfter(d time.Duration) KeyedOption {
	return func(c *KeyedConfig) error {
		c.idleAfter = d
		return nil
	}
}

// Each sets options for the bulkhead of every key. Given several times, it adds
// options. [NewKeyed] applies and checks them once, and the capacity that they set
// then is the common one. They are applied again for each new key, so an option must
// be safe for concurrent use. If it fails then, the call with the new key returns its
// error.
//
// Event handlers get the events of all keys. The ID of an event tells the keys
// apart; it does not say which key it is. Evicting a key makes the events closed and
// drained. One more ID belongs to no key: it has the events of operations that were
// rejected without a key (see [Keyed.Status]), of changes of the common capacity, and
// of the Close of the Keyed itself.
func Each(opts ...bulk.Option) KeyedOption {
	opts = slices.Clone(opts)
	return func(c *KeyedConfig) error {
		c.each = append(c.each, opts...)
		return nil
	}
}

// CapacityOf lets some keys have another capacity than the common one, such as a
// tenant that pays for more:
//
//	registry.CapacityOf(func(tenant string, common bulk.Capacity) bulk.Capacity {
//		if premium[tenant] {
//			common.Parallelism *= 4
//		}
//		return common
//	})
//
// f is called when the bulkhead of a key is created, and for each key that there is
// when the common capacity is set: see [Keyed.SetCapacity]. It may pause a key
// (parallelism 0) and may return common unchanged. If the capacity of a new key is not
// allowed, the call that brought the key returns the [*bulk.ConfigError], and the key
// is not created.
//
// f runs on the goroutine of that call, without a lock, and must be safe for
// concurrent use. It must not change the capacity of the Keyed. If it panics, nothing
// has changed.
//
// K must be the type of the keys: NewKeyed checks that. Given several times, the last
// one counts.
func CapacityOf[K comparable](f func(key K, common bulk.Capacity) bulk.Capacity) KeyedOption {
	return func(c *KeyedConfig) error {
		if f == nil {
			return &bulk.ConfigError{Field: "option", Value: "CapacityOf", Problem: "its function must not be nil"}
		}
		c.capacityOf = f
		return nil
	}
}

// capacityFunc returns the function of CapacityOf, or nil. It is an error if that is
// for keys of another type.
func capacityFunc[K comparable](label string, given any) (func(K, bulk.Capacity) bulk.Capacity, error) {
	f, ok := given.(func(K, bulk.Capacity) bulk.Capacity)
	if ok || given == nil {
		return f, nil
	}
	option := fmt.Sprintf("CapacityOf[%v]", reflect.TypeOf(given).In(0))
	return nil, &bulk.ConfigError{Label: label, Field: "option", Value: option,
		Problem: fmt.Sprintf("must be for keys of type %v", reflect.TypeFor[K]())}
}

// keyedConfig applies opts. It returns an error for each problem with maxKeys and
// opts. Each is a *bulk.ConfigError or matches one.
func keyedConfig(label string, maxKeys int, opts []KeyedOption) (c KeyedConfig, errs []error) {
	if strings.TrimSpace(label) == "" {
		label = "" // bulk.New reports it
	}
	for _, err := range unjoin(option.Apply(&c, opts...)) {
		errs = append(errs, optionError(label, err))
	}
	if maxKeys < 1 {
		errs = append(errs, &bulk.ConfigError{Label: label, Field: "max_keys", Value: maxKeys, Problem: "must be at least 1"})
	}
	if c.idleAfter < 0 {
		errs = append(errs, &bulk.ConfigError{Label: label, Field: "idle_after", Value: c.idleAfter, Problem: "must be 0 (immediately) or more"})
	}
	return c, errs
}

// failedOption is the error of a KeyedOption that returned cause. It matches
// both.
type failedOption struct {
	*bulk.ConfigError
	cause error
}

// optionError returns the error for a KeyedOption that returned cause.
func optionError(label string, cause error) error {
	e := bulk.ConfigError{Field: "option", Problem: cause.Error()}
	if c, ok := cause.(*bulk.ConfigError); ok {
		if e = *c; e.Label != "" {
			return c
		}
	}
	e.Label = label
	return &failedOption{&e, cause}
}

// Unwrap returns the *bulk.ConfigError and the cause.
func (e *failedOption) Unwrap() []error { return []error{e.ConfigError, e.cause} }
