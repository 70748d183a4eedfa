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
	"Acquire: finished reason(0), waited false, fn panics", "Acquire: finished reason(0), waited false, fn returns",
	"Acquire: finished reason(0), waited false, fn returns an error", "Acquire: finished reason(0), waited false, the goroutine ends",
	"Acquire: finished reason(0), waited true, fn panics", "Acquire: finished reason(0), waited true, fn returns",
	"Acquire: finished reason(0), waited true, fn returns an error", "Acquire: finished reason(0), waited true, the goroutine ends",
	"Acquire: in flight reason(0), waited true, fn returns", "Acquire: rejected canceled, waited false, fn returns",
	"Acquire: rejected canceled, waited true, fn returns", "Acquire: rejected closed, waited false, fn returns",
	"Acquire: rejected closed, waited true, fn returns", "Acquire: rejected expired, waited false, fn returns",
	"Acquire: rejected expired, waited true, fn returns", "Acquire: rejected saturated, waited false, fn returns",
	"Acquire: rejected: too many keys reason(0), waited false, fn returns", "Close", "Evict: false, closed false", "Evict: false, closed true",
	"Evict: true, closed false", "Evict: true, closed true", "EvictIdle: idle for IdleAfter + -2ns", "EvictIdle: idle for IdleAfter + 0s",
	"EvictIdle: idle for IdleAfter + 1ns", "GuardKey: finished reason(0), waited false, fn panics",
	"GuardKey: finished reason(0), waited false, fn returns", "GuardKey: finished reason(0), waited false, fn returns an error",
	"GuardKey: finished reason(0), waited false, the goroutine ends", "GuardKey: finished reason(0), waited true, fn panics",
	"GuardKey: finished reason(0), waited true, fn returns", "GuardKey: finished reason(0), waited true, fn returns an error",
	"GuardKey: in flight reason(0), waited true, fn returns", "GuardKey: rejected canceled, waited false, fn returns",
	"GuardKey: rejected canceled, waited true, fn returns", "GuardKey: rejected closed, waited false, fn returns",
	"GuardKey: rejected closed, waited true, fn returns", "GuardKey: rejected expired, waited false, fn returns",
	"GuardKey: rejected saturated, waited false, fn returns", "GuardKey: rejected: too many keys reason(0), waited false, fn returns",
	"Resize: <nil>, wrong for one key false", "Resize: bulk: bad configuration, wrong for one key false",
	"Resize: bulk: bad configuration, wrong for one key true", "Resize: bulk: closed, wrong for one key false",
	"RunKey: finished reason(0), waited false, fn panics", "RunKey: finished reason(0), waited false, fn returns",
	"RunKey: finished reason(0), waited false, fn returns an error", "RunKey: finished reason(0), waited false, the goroutine ends",
	"RunKey: finished reason(0), waited true, fn panics", "RunKey: finished reason(0), waited true, fn returns",
	"RunKey: finished reason(0), waited true, fn returns an error", "RunKey: finished reason(0), waited true, the goroutine ends",
	"RunKey: in flight reason(0), waited true, fn returns", "RunKey: rejected canceled, waited false, fn returns",
	"RunKey: rejected canceled, waited true, fn returns", "RunKey: rejected closed, waited false, fn returns",
	"RunKey: rejected closed, waited true, fn returns", "RunKey: rejected expired, waited false, fn returns",
	"RunKey: rejected saturated, waited false, fn returns", "RunKey: rejected: too many keys reason(0), waited false, fn returns",
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
