package bulk

// ExpiryIsSet reports whether the timer of the wait bounds is set.
func (b *Bulkhead) ExpiryIsSet() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.expiry != nil && b.expiry.firesAt != noDeadline
}
