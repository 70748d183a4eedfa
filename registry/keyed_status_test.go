package registry_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/registry"
)

// Fields that a bulkhead's status has too have the same names.
func TestKeyedStatusHasStableJSONWithoutKeys(t *testing.T) {
	k := mustKeyed[string](t, 1, 2)
	hold(t, k, "secret")
	_, _ = k.Acquire(t.Context(), "secret")
	text, err := json.Marshal(k.Status())
	if err != nil {
		t.Fatal(err)
	}
	head := `{"label":"tenants","keys":1,"max_keys":2,"in_flight":1,"in_use":1,"waiting":0,"closed":false,"created":1,"evicted":0,"too_many_keys":0,"totals":{"admitted":1,`
	if !strings.HasPrefix(string(text), head) || strings.Contains(string(text), "secret") {
		t.Errorf("%s", text)
	}
	var back registry.KeyedStatus
	if err := json.Unmarshal(text, &back); err != nil || back != k.Status() {
		t.Errorf("read back as %+v, %v", back, err)
	}
}
