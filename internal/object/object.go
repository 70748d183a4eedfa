// Package object takes JSON objects apart as they are written.
package object

import (
	"bytes"
	"encoding/json"
)

// Each calls f for each member of text, in the order in which they are written,
// and reports whether text is an object. text is valid JSON. Unlike decoding
// into a map or a struct, this shows what is there twice, and tells upper from
// lower case.
func Each(text []byte, f func(name string, value json.RawMessage)) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	if first, _ := d.Token(); first != json.Delim('{') {
		return false
	}
	for d.More() {
		// No errors: the text as a whole is valid.
		name, _ := d.Token()
		var value json.RawMessage
		_ = d.Decode(&value)
		f(name.(string), value)
	}
	return true
}
