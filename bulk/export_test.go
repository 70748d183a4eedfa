package bulk

// Check returns what is wrong with the invariants that are written at the lock.
func (b *Bulkhead) Check() error { return b.check() }
