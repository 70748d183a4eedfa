package identity

import (
	"runtime"
	"testing"
)

type value struct{ text *string }

func TestNumberBelongsToOneValue(t *testing.T) {
	var n Numbers[value]
	a, b := &value{}, &value{}
	if n.Of(a) != 1 || n.Of(b) != 2 || n.Of(a) != 1 || n.Of(b) != 2 {
		t.Errorf("%d and %d", n.Of(a), n.Of(b))
	}
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
}

func TestValuesThatAreGoneAreForgotten(t *testing.T) {
	var n Numbers[value]
	for range 100 {
		n.Of(&value{text: new(string)})
	}
	runtime.GC()
	kept := &value{}
	if number := n.Of(kept); number != 101 || len(n.known) != 1 {
		t.Errorf("number %d, %d values are known", number, len(n.known))
	}
	runtime.KeepAlive(kept)
}
