package sizing

// heap has the operation with the earliest due first. Every operation is in at most one
// heap, and knows its index there.
type heap []*operation

func (h heap) top() *operation {
	if len(h) == 0 {
		return nil
	}
	return h[0]
}

func (h *heap) push(op *operation, due moment) {
	op.due = due
	*h = append(*h, op)
	h.up(len(*h) - 1)
}

// remove removes op if it is in a heap, which must be h.
func (h *heap) remove(op *operation) {
	if op.index == 0 {
		return
	}
	i, end := op.index-1, len(*h)-1
	moved := (*h)[end]
	(*h)[end] = nil
	*h = (*h)[:end]
	op.index = 0
	if moved != op {
		(*h)[i] = moved
		h.up(i)
		h.down(moved.index - 1)
	}
}

// move gives op, which is in h, an earlier due.
func (h heap) move(op *operation, due moment) {
	op.due = due
	h.up(op.index - 1)
}

func (h heap) up(i int) {
	op := h[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !op.due.before(h[parent].due) {
			break
		}
		h[i] = h[parent]
		h[i].index = i + 1
		i = parent
	}
	h[i] = op
	op.index = i + 1
}

func (h heap) down(i int) {
	op := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if right := child + 1; right < len(h) && h[right].due.before(h[child].due) {
			child = right
		}
		if !h[child].due.before(op.due) {
			break
		}
		h[i] = h[child]
		h[i].index = i + 1
		i = child
	}
	h[i] = op
	op.index = i + 1
}
