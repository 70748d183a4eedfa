package registry_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// Whatever the text is: it is applied, and then encoding/json reads the same
// from it; or it is refused with a typed error, and nothing changed.
func FuzzApplyJSON(f *testing.F) {
	for _, c := range badJSON {
		f.Add([]byte(c.text))
	}
	f.Add([]byte(`{"payments":{"parallelism":20,"waiting_room":50,"wait_limit":"250ms"},"search":{"parallelism":8}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, before := three(t)
		if err := r.ApplyJSON(data); err != nil {
			if !errors.Is(err, bulk.ErrConfig) && !errors.Is(err, registry.ErrUnknown) {
				t.Fatalf("an error of its own kind: %v", err)
			}
			mustHave(t, r, before)
			return
		}
		// The same, read in another way: labels and fields are what they should be
		// for sure, and null is not there.
		var read map[string]struct {
			Parallelism *int    `json:"parallelism"`
			WaitingRoom *int    `json:"waiting_room"`
			WaitLimit   *string `json:"wait_limit"`
		}
		if err := json.Unmarshal(data, &read); err != nil {
			t.Fatalf("applied, but it is no such JSON: %v", err)
		}
		want := before
		for label, p := range read {
			c, ok := want[label]
			if !ok {
				t.Fatalf("unknown label %q was accepted", label)
			}
			if p.Parallelism != nil {
				c.Parallelism = *p.Parallelism
			}
			if p.WaitingRoom != nil {
				c.WaitingRoom = *p.WaitingRoom
			}
			if p.WaitLimit != nil {
				d, err := time.ParseDuration(*p.WaitLimit)
				if err != nil {
					t.Fatal(err)
				}
				c.WaitLimit = d
			}
			want[label] = c
		}
		mustHave(t, r, want)
		// Once more changes nothing.
		if err := r.ApplyJSON(data); err != nil {
			t.Fatal(err)
		}
		mustHave(t, r, want)
	})
}
