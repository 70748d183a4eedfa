package sizing

// ring is a queue in a slice that grows and is never copied otherwise.
type ring[T any] struct {
	items []T // its length is a power of two
	first int // index of the front
	len   int
}

// front returns the front of the queue, or nil if it is empty.
func (r *ring[T]) front() *T {
	if r.len == 0 {
		return nil
	}
	return &r.items[r.first]
}

func (r *ring[T]) push(item T) {
	if r.len == len(r.items) {
		items := make([]T, max(16, 2*r.len))
		n := copy(items, r.items[r.first:])
		copy(items[n:], r.items[:r.first])
		r.items, r.first = items, 0
	}
	r.items[(r.first+r.len)&(len(r.items)-1)] = item
	r.len++
}

// pop removes the front, of which there must be one.
func (r *ring[T]) pop() T {
	var zero T
	item := r.items[r.first]
	r.items[r.first] = zero
	r.first = (r.first + 1) & (len(r.items) - 1)
	r.len--
	return item
}
