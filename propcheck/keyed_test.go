package propcheck

import (
	"context"
	"os"
	"testing"

	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/internal/keys"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/registry"
)

func newKeyed(label string, parallelism, maxKeys int, opts ...registry.KeyedOption) (KeyedSubject, error) {
	return registry.NewKeyed[string](label, parallelism, maxKeys, opts...)
}

// A Keyed itself against the model.
func TestKeyedAgainstModel(t *testing.T) {
	checks(t, *sequences/slower/10)
	counts := newCounts()
	kit.Check(t, keys.New(newKeyed, counts.hit))
	counts.mustReach(t, keyedCorners)
}

// keyedCorners are what the standard budget must reach.
var keyedCorners = []string{
	"Acquire: fn panics reason(0), waited false", "Acquire: fn returns reason(0), waited false",
	"Acquire: fn returns an error reason(0), waited false", "Acquire: the goroutine ends reason(0), waited false",
	"Acquire: fn panics reason(0), waited true", "Acquire: fn returns reason(0), waited true",
	"Acquire: fn returns an error reason(0), waited true", "Acquire: the goroutine ends reason(0), waited true",
	"Acquire: in flight reason(0), waited true", "Acquire: rejected canceled, waited false",
	"Acquire: rejected canceled, waited true", "Acquire: rejected closed, waited false",
	"Acquire: rejected closed, waited true", "Acquire: rejected expired, waited false",
	"Acquire: rejected expired, waited true", "Acquire: rejected saturated, waited false",
	"Acquire: rejected: too many keys reason(0), waited false", "Close", "Evict: false, closed false", "Evict: false, closed true",
	"Evict: true, closed false", "Evict: true, closed true", "EvictIdle: idle for IdleAfter + -2ns", "EvictIdle: idle for IdleAfter + 0s",
	"EvictIdle: idle for IdleAfter + 1ns", "GuardKey: fn panics reason(0), waited false",
	"GuardKey: fn returns reason(0), waited false", "GuardKey: fn returns an error reason(0), waited false",
	"GuardKey: the goroutine ends reason(0), waited false", "GuardKey: fn panics reason(0), waited true",
	"GuardKey: fn returns reason(0), waited true", "GuardKey: fn returns an error reason(0), waited true",
	"GuardKey: in flight reason(0), waited true", "GuardKey: rejected canceled, waited false",
	"GuardKey: rejected canceled, waited true", "GuardKey: rejected closed, waited false",
	"GuardKey: rejected closed, waited true", "GuardKey: rejected expired, waited false",
	"GuardKey: rejected saturated, waited false", "GuardKey: rejected: too many keys reason(0), waited false",
	"Resize: <nil>, wrong for one key false", "Resize: bulk: bad configuration, wrong for one key false",
	"Resize: bulk: bad configuration, wrong for one key true", "Resize: bulk: closed, wrong for one key false",
	"RunKey: fn panics reason(0), waited false", "RunKey: fn returns reason(0), waited false",
	"RunKey: fn returns an error reason(0), waited false", "RunKey: the goroutine ends reason(0), waited false",
	"RunKey: fn panics reason(0), waited true", "RunKey: fn returns reason(0), waited true",
	"RunKey: fn returns an error reason(0), waited true", "RunKey: the goroutine ends reason(0), waited true",
	"RunKey: in flight reason(0), waited true", "RunKey: rejected canceled, waited false",
	"RunKey: rejected canceled, waited true", "RunKey: rejected closed, waited false",
	"RunKey: rejected closed, waited true", "RunKey: rejected expired, waited false",
	"RunKey: rejected saturated, waited false", "RunKey: rejected: too many keys reason(0), waited false",
	"SetCapacity: <nil>, wrong for one key false", "SetCapacity: bulk: bad configuration, wrong for one key false",
	"SetCapacity: bulk: bad configuration, wrong for one key true", "SetCapacity: bulk: closed, wrong for one key false",
	"Shutdown after 0s: in flight 1", "Shutdown after 1s: in flight 1", "Shutdown after 2s: in flight 1",
	"UpdateCapacity: <nil>, wrong for one key false", "UpdateCapacity: bulk: closed, wrong for one key false",
	"a change to -1 slots: bulk: bad configuration", "a change to 0 slots: <nil>", "a change to 0 slots: bulk: closed", "a change to 1 slots: <nil>",
	"a change to 1 slots: bulk: closed", "a change to 2 slots: <nil>", "a change to 2 slots: bulk: closed", "a change to 3 slots: <nil>",
	"a change to 3 slots: bulk: bad configuration", "a change to 3 slots: bulk: closed", "a change to 4 slots: <nil>",
	"a change to 4 slots: bulk: closed", "arrival: known false, idle false, came before false",
	"arrival: known false, idle false, came before false, another one makes room",
	"arrival: known false, idle false, came before false, bad capacity", "arrival: known false, idle false, came before false, lost",
	"arrival: known false, idle false, came before false, too many", "arrival: known false, idle false, came before true",
	"arrival: known false, idle false, came before true, another one makes room", "arrival: known false, idle false, came before true, lost",
	"arrival: known false, idle false, came before true, too many", "arrival: known true, idle false, came before true",
	"arrival: known true, idle false, came before true, lost", "arrival: known true, idle true, came before true",
	"arrival: known true, idle true, came before true, lost", "race for a known key", "race for a new key", "race in which the key is evicted",
	"race of two changes: known false, evicted false, with CapacityOf false",
	"race of two changes: known false, evicted false, with CapacityOf true", "race of two changes: known false, evicted true, with CapacityOf false",
	"race of two changes: known false, evicted true, with CapacityOf true",
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
	// A failure of operations that arrive concurrently may not come again, and then
	// has more steps.
	mustBeCaught(t, "TestPlantedKeyedBug", `DoKey`, `by the contract`)
}
