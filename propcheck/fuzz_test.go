package propcheck

import (
	"testing"

	"github.com/bulklink/bulklink-go/propcheck/internal/bulkheads"
	"github.com/bulklink/bulklink-go/propcheck/internal/keys"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/internal/registries"
)

// FuzzBulkhead is the machine of TestBulkhead, with its choices made by the
// fuzzer. A failure is told alike, but not made shorter.
func FuzzBulkhead(f *testing.F) {
	f.Fuzz(func(t *testing.T, choices []byte) {
		kit.Fuzz(t, choices, bulkheads.New(newBulkhead, false, nil))
	})
}

// FuzzRegistry is the machine for registries in the same way.
func FuzzRegistry(f *testing.F) {
	f.Fuzz(func(t *testing.T, choices []byte) {
		kit.Fuzz(t, choices, registries.New(newRegistry, nil))
	})
}

// FuzzKeyed is the machine for bulkheads per key.
func FuzzKeyed(f *testing.F) {
	f.Fuzz(func(t *testing.T, choices []byte) { kit.Fuzz(t, choices, keys.New(newKeyed, nil)) })
}
