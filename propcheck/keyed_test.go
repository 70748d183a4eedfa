package propcheck

import (
	"context"
	"os"
	"testing"

	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

func newKeyed(label string, parallelism int, opts ...registry.KeyedOption) (KeyedSubject, error) {
	return registry.NewKeyed[string](label, parallelism, opts...)
}

// The standard budget: a Keyed itself against the model.
func TestKeyedAgainstModel(t *testing.T) {
	checks(t, *sequences/slower/10)
	TestKeyed(t, newKeyed)
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
	TestKeyed(t, func(label string, parallelism int, opts ...registry.KeyedOption) (KeyedSubject, error) {
		k, err := newKeyed(label, parallelism, opts...)
		return losesSlot{k}, err
	})
}

func TestPlantedKeyedBugIsCaught(t *testing.T) {
	// Where several came at once it may not come again, and be told at length.
	mustBeCaught(t, "TestPlantedKeyedBug", `DoKey`, `by the model`)
}
