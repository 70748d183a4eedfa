package registry

import (
	"slices"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
)

// KeyedOption configures a [Keyed] when it is made.
type KeyedOption = option.Option[KeyedConfig]

// KeyedConfig is what options work on. It is opaque: use the options of this
// package to fill it.
type KeyedConfig struct {
	idleAfter time.Duration
	each      []bulk.Option
}

// IdleAfter sets for how long a key must have been idle to be evicted by
// [Keyed.EvictIdle]. The default is 0: as soon as nothing of it is in flight or
// waiting. Eviction for want of room doesn't wait for it.
//
// With IdleAfter each call reads the clock once more, at its end.
func IdleAfter(d time.Duration) KeyedOption {
	return func(c *KeyedConfig) error {
		c.idleAfter = d
		return nil
	}
}

// Each gives options to the bulkhead of every key. They are applied and checked
// once by [NewKeyed], and again for every key: an option that fails later is
// the error of the call that brought the key. It may be given several times.
//
// Event handlers get the events of all keys, which they can tell apart by ID
// only; an evicted key's bulkhead makes closed and drained. One more ID stands for
// no key: what is turned away without one (see [Keyed.Status]) and the end of the
// Keyed itself are its events.
func Each(opts ...bulk.Option) KeyedOption {
	opts = slices.Clone(opts)
	return func(c *KeyedConfig) error {
		c.each = append(c.each, opts...)
		return nil
	}
}

// keyedConfig applies opts. It returns one error for each problem with maxKeys
// and opts; each is a *bulk.ConfigError or matches one.
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

func (e *failedOption) Unwrap() []error { return []error{e.ConfigError, e.cause} }
