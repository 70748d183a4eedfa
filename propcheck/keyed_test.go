package propcheck

import (
	"context"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

func newKeyed(label string, parallelism, maxKeys int, opts ...registry.KeyedOption) (KeyedSubject, error) {
	return registry.NewKeyed[string](label, parallelism, maxKeys, opts...)
}

// A Keyed itself against the model.
func TestKeyedAgainstModel(t *testing.T) {
	checks(t, *sequences/slower/10)
	var counts coverage
	rapid.Check(t, keyedProperty(newKeyed, &counts))
	counts.mustHave(t, 2_000, keyedCorners)
}

// keyedCorners are what the standard budget must reach.
var keyedCorners = []string{
	"Evict after Close: idle", "Evict after Close: in use", "Evict after Close: unknown",
	"Evict: idle", "Evict: in use", "Evict: unknown",
	"EvictIdle: a nanosecond too short", "EvictIdle: exactly long enough", "EvictIdle: longer", "EvictIdle: too short",
	"Shutdown: gives up", "Shutdown: gives up at once", "Shutdown: nothing is in flight",
	"Shutdown: nothing is in flight, and no time is left",
	"an evicted key comes again", "an idle key is used again",
	"at arrival: canceled", "at arrival: closed", "at arrival: expired", "at arrival: saturated", "at arrival: too many keys",
	"exit: ends its goroutine", "exit: panics", "exit: returns", "exit: returns an error",
	"lost with a known key: canceled", "lost with a known key: closed", "lost with a known key: expired",
	"lost with a new key: canceled", "lost with a new key: closed", "lost with a new key: expired",
	"lost with a new key: too many keys",
	"race for a known key", "race for a new key", "race in which the key is evicted",
	"verb Acquire", "verb GuardKey", "verb RunKey",
	"while waiting: canceled", "while waiting: closed", "while waiting: expired",
	"Close", "a key makes room", "handed over", "released twice",
}

// losesSlot runs operations for a key, but loses the slot when one panics.
type losesSlot struct{ KeyedSubject }

func (l losesSlot) DoKey(ctx context.Context, key string, fn func(context.Context) error, limits ...deadline.Limit) error {
	slot, err := l.Acquire(ctx, key, limits...)
	if err != nil {
		return err
	}
	err = fn(ctx)
	slot.Release()
	return err
}

// TestPlantedKeyedBug fails: see TestPlantedKeyedBugIsCaught.
func TestPlantedKeyedBug(t *testing.T) {
	if os.Getenv(plantedEnv) != t.Name() {
		t.Skip("run by TestPlantedKeyedBugIsCaught")
	}
	TestKeyed(t, func(label string, parallelism, maxKeys int, opts ...registry.KeyedOption) (KeyedSubject, error) {
		k, err := newKeyed(label, parallelism, maxKeys, opts...)
		return losesSlot{k}, err
	})
}

func TestPlantedKeyedBugIsCaught(t *testing.T) {
	// Where several came at once it may not come again, and be told at length.
	mustBeCaught(t, "TestPlantedKeyedBug", `DoKey`, `by the model`)
}
