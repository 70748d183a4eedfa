package propcheck

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/propcheck/internal/bulkheads"
)

// FuzzBulkhead is the machine of TestBulkhead, with its choices made by the
// fuzzer. A failure is told alike, but not made shorter.
func FuzzBulkhead(f *testing.F) {
	f.Fuzz(func(t *testing.T, choices []byte) { bulkheads.Fuzz(t, choices, toBulkheads(newBulkhead)) })
}

// FuzzRegistry is the machine for registries in the same way.
func FuzzRegistry(f *testing.F) {
	f.Fuzz(func(t *testing.T, choices []byte) { rapid.MakeFuzz(registryProperty(newRegistry, nil))(t, choices) })
}

// FuzzKeyed is the machine for bulkheads per key.
func FuzzKeyed(f *testing.F) {
	f.Fuzz(func(t *testing.T, choices []byte) { rapid.MakeFuzz(keyedProperty(newKeyed, nil))(t, choices) })
}
