package propcheck

import (
	"testing"

	"pgregory.net/rapid"
)

// FuzzBulkhead is the same machine, with its choices made by the fuzzer. A
// failure is told like one of TestBulkhead, but not made shorter.
func FuzzBulkhead(f *testing.F) {
	f.Fuzz(func(t *testing.T, choices []byte) {
		var told report
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(told.String())
			}
		})
		rapid.MakeFuzz(property(newBulkhead, false, nil, &told))(t, choices)
	})
}

// FuzzRegistry is the machine for registries in the same way.
func FuzzRegistry(f *testing.F) {
	f.Fuzz(func(t *testing.T, choices []byte) { rapid.MakeFuzz(registryProperty(newRegistry, nil))(t, choices) })
}

// FuzzKeyed is the machine for bulkheads per key.
func FuzzKeyed(f *testing.F) {
	f.Fuzz(func(t *testing.T, choices []byte) { rapid.MakeFuzz(keyedProperty(newKeyed, nil))(t, choices) })
}
