package registry

// idleList is the list of the entries that are idle, in the order in which they
// became so. It is made of the entries themselves: nothing is allocated, and
// any of them can leave at a cost that doesn't depend on the length.
type idleList[K comparable] struct {
	oldest, newest *entry[K]
}

func (l *idleList[K]) push(e *entry[K]) {
	e.older = l.newest
	if l.newest == nil {
		l.oldest = e
	} else {
		l.newest.newer = e
	}
	l.newest = e
}

func (l *idleList[K]) remove(e *entry[K]) {
	if e.older == nil {
		l.oldest = e.newer
	} else {
		e.older.newer = e.newer
	}
	if e.newer == nil {
		l.newest = e.older
	} else {
		e.newer.older = e.older
	}
	e.older, e.newer = nil, nil
}
