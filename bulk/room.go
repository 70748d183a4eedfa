package bulk

// room is the waiting room: a strict first-in-first-out line from which anyone
// can leave at a cost that doesn't depend on its length.
type room struct {
	head, tail *operation
	len        int
}

func (r *room) push(op *operation) {
	op.prev = r.tail
	if r.tail == nil {
		r.head = op
	} else {
		r.tail.next = op
	}
	r.tail = op
	r.len++
}

func (r *room) remove(op *operation) {
	if op.prev == nil {
		r.head = op.next
	} else {
		op.prev.next = op.next
	}
	if op.next == nil {
		r.tail = op.prev
	} else {
		op.next.prev = op.prev
	}
	op.next, op.prev = nil, nil
	r.len--
}
