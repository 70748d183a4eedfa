package propcheck

import (
	"math/rand/v2"
	"testing"

	"github.com/bulklink/bulklink-go/propcheck/internal/bulkheads"
	"github.com/bulklink/bulklink-go/propcheck/internal/keys"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/internal/registries"
)

// fuzz runs a machine with its choices made by the fuzzer. A failure is told like
// one of TestBulkhead, but not made shorter.
func fuzz(f *testing.F, newMachine kit.NewMachine) {
	for seed := range 5 { // enough bytes for a sequence of 30 steps
		source := rand.NewChaCha8([32]byte{byte(seed)})
		choices := make([]byte, 24_000)
		_, _ = source.Read(choices)
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) { kit.Fuzz(t, choices, newMachine) })
}

func FuzzBulkhead(f *testing.F) { fuzz(f, bulkheads.New(newBulkhead, false, nil)) }
func FuzzRegistry(f *testing.F) { fuzz(f, registries.New(newRegistry, nil)) }
func FuzzKeyed(f *testing.F)    { fuzz(f, keys.New(newKeyed, nil)) }
