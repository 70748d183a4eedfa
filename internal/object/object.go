// Package object reads JSON objects member by member.
package object

import (
	"bytes"
	"encoding/json"
)

// Each calls f for each member of text, in order, and reports whether text is an
// object. text must be valid JSON. Unlike decoding into a map or a struct, Each
// yields members that occur twice, and it distinguishes upper and lower case.
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
