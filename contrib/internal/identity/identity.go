// Package identity numbers values that have no number of their own, so that series of
// metrics can tell two of them apart that have the same label.
package identity

import (
	"sync"
	"weak"
)

// Numbers gives each pointer a number. The zero Numbers is ready to use, by any number
// of goroutines concurrently. It keeps no value alive, and forgets those that are gone.
type Numbers[T any] struct {
	mu    sync.Mutex
	last  uint64
	known map[weak.Pointer[T]]uint64
}

// Of returns the number of p, which is the same in every call. Numbers begin with 1, and
// none is given twice.
func (n *Numbers[T]) Of(p *T) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := weak.Make(p)
	if number, ok := n.known[key]; ok {
		return number
	}
	if n.known == nil {
		n.known = map[weak.Pointer[T]]uint64{}
	}
	for other := range n.known {
		if other.Value() == nil {
			delete(n.known, other)
		}
	}
	n.last++
	n.known[key] = n.last
	return n.last
}
