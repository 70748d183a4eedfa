package registry

import (
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// Check returns every violation of the invariants of k, or nil.
func (k *Keyed[K]) Check() error { return hooks.CheckKeyed(k) }

// Follow is follow.
var Follow = follow

// Waiting returns how many operations of a known key wait.
func (k *Keyed[K]) Waiting(key K) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[key].bulkhead.Status().Waiting
}

// Check returns every violation of the invariants of r and of its members, or nil.
func (r *Registry) Check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.members) != len(r.order) {
		return fmt.Errorf("%d members, %d in order", len(r.members), len(r.order))
	}
	var errs []error
	for _, m := range r.order {
		if r.members[m.Label()] != m {
			errs = append(errs, fmt.Errorf("%q is not under its label", m.Label()))
		}
		if b, ok := m.(*bulk.Bulkhead); ok {
			errs = append(errs, hooks.Check(b))
		} else {
			errs = append(errs, hooks.CheckKeyed(m))
		}
	}
	return errors.Join(errs...)
}
