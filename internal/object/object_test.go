package object_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/bulklink/bulklink-go/internal/object"
	"github.com/google/go-cmp/cmp"
)

func TestEach(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
		object     bool
	}{
		{"in the order of the text", ` {"b":1, "a" : [2, {"c":3}]} `, []string{"b=1", `a=[2, {"c":3}]`}, true},
		{"what is there twice", `{"a":1,"a":null}`, []string{"a=1", "a=null"}, true},
		{"upper and lower case", `{"a":"x","A":{}}`, []string{`a="x"`, "A={}"}, true},
		{"names with escapes", `{"\u0061":1,"":2}`, []string{"a=1", "=2"}, true},
		{"empty", `{}`, nil, true},
		{"null", `null`, nil, false},
		{"a list", `["a"]`, nil, false},
		{"a text", `"{"`, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			is := object.Each([]byte(c.text), func(name string, value json.RawMessage) { got = append(got, fmt.Sprintf("%s=%s", name, value)) })
			if diff := cmp.Diff(c.want, got); is != c.object || diff != "" {
				t.Errorf("an object: %t (-want +got):\n%s", is, diff)
			}
		})
	}
}
