package dashboard

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
)

// KeyedOption configures [Keyed].
type KeyedOption = option.Option[KeyedConfig]

// KeyedConfig is what a [KeyedOption] changes. It is opaque: use the options of this
// package.
type KeyedConfig struct {
	busiest  int
	showKeys bool
}

// defaultBusiest is how many keys are shown without the option Busiest.
const defaultBusiest = 10

// maxBusiest bounds the size of the page.
const maxBusiest = 1000

// Busiest sets how many keys are listed: those with the most slots in use and operations
// waiting, and of these the ones with the most arrivals. The default is 10; 0 lists none.
// At most 1000 are allowed. To find them the status of every key is read, which takes
// about a microsecond for each key. That is done only for the page of the Keyed itself,
// and for the text and JSON forms.
func Busiest(n int) KeyedOption {
	return func(c *KeyedConfig) error {
		if n < 0 || n > maxBusiest {
			return fmt.Errorf("Busiest(%d): must be from 0 to %d", n, maxBusiest)
		}
		c.busiest = n
		return nil
	}
}

// ShowKeys shows the keys themselves, as package fmt prints them, in HTML, text and JSON.
// Without it a key is shown as the number of its bulkhead ([bulk.Status].ID), because a
// key can be a customer or a secret.
func ShowKeys() KeyedOption {
	return func(c *KeyedConfig) error {
		c.showKeys = true
		return nil
	}
}

// Keyed returns a source that shows k: the sums over all keys, and a list of the busiest
// keys. If k is also a member of a registry that is shown, it is shown once, like this.
//
// Keyed panics if k is nil or an option is not allowed.
func Keyed[K comparable](k *registry.Keyed[K], opts ...KeyedOption) Source {
	if k == nil {
		panic("dashboard: Keyed: nil *registry.Keyed")
	}
	c := KeyedConfig{busiest: defaultBusiest}
	if err := option.Apply(&c, opts...); err != nil {
		panic(fmt.Sprintf("dashboard: Keyed: %v", err))
	}
	s := keyedSource{keyed: k}
	if c.busiest > 0 {
		s.busiest = func() []keyStatus { return busiest(k, c) }
	}
	return s
}

// keyStatus is a line of the list of the busiest keys.
type keyStatus struct {
	Key    string      `json:"key"`
	Status bulk.Status `json:"status"`
}

// busiest returns the busiest keys of k, the busiest one first. It keeps at most twice
// as many statuses as are wanted.
func busiest[K comparable](k *registry.Keyed[K], c KeyedConfig) []keyStatus {
	type line struct {
		key    K
		status bulk.Status
	}
	var lines []line
	busier := func(a, b line) int {
		return cmp.Or(
			cmp.Compare(b.status.InUse+b.status.Waiting, a.status.InUse+a.status.Waiting),
			cmp.Compare(b.status.Totals.Arrivals(), a.status.Totals.Arrivals()),
			cmp.Compare(a.status.ID, b.status.ID))
	}
	for key, s := range k.Statuses() {
		if lines = append(lines, line{key, s}); len(lines) >= 2*c.busiest {
			slices.SortFunc(lines, busier)
			lines = lines[:c.busiest]
		}
	}
	slices.SortFunc(lines, busier)
	found := make([]keyStatus, 0, c.busiest)
	for _, l := range lines[:min(len(lines), c.busiest)] {
		name := fmt.Sprintf("key %d", l.status.ID)
		if c.showKeys {
			name = safetext.Printable(fmt.Sprint(l.key))
		}
		found = append(found, keyStatus{name, l.status})
	}
	return found
}
