package main

import (
	"bytes"
	"testing"
)

func TestOutput(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	const want = `First request: the response has arrived, its body is unread: 1 slot in use.
Second request: saturated; never sent: true.
First request: its body "catalogue" is read: 0 slots in use.
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
}
