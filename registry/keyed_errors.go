package registry

import (
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// ErrTooManyKeys is matched by every [*TooManyKeysError].
var ErrTooManyKeys error = tooManyKeys{}

type tooManyKeys struct{}

func (tooManyKeys) Error() string { return "registry: too many keys in use" }

// Is reports whether target is a sentinel that ErrTooManyKeys matches.
func (tooManyKeys) Is(target error) bool {
	return target == bulk.ErrNotStarted || target == bulk.ErrOverload
}

// TooManyKeysError says that an operation was rejected because it came with a new key
// while maxKeys keys were in use: it was never started and never will be. It does not
// say which key. It matches [ErrTooManyKeys], [bulk.ErrNotStarted] and
// [bulk.ErrOverload]. It is shared between callers, so it must not be modified.
type TooManyKeysError struct {
	Label   string // of the Keyed
	MaxKeys int    // the limit given to NewKeyed
}

// Error reads like
//
//	registry: keyed "tenants": too many keys: 100 of 100 in use
func (e *TooManyKeysError) Error() string {
	return fmt.Sprintf("registry: keyed %s: too many keys: %d of %d in use", safetext.Quote(e.Label), e.MaxKeys, e.MaxKeys)
}

// Is reports whether target is [ErrTooManyKeys] or a sentinel that it matches.
func (e *TooManyKeysError) Is(target error) bool {
	return errors.Is(ErrTooManyKeys, target)
}

// NotStarted reports whether err says that k itself rejected the operation, so that
// it did not run and may be done again: one of its bulkheads rejected it, there were
// too many keys, or k was closed. It answers by identity, not by label, and looks at
// the outermost rejection in err (of several joined ones, the first).
//
// For an error of [RunKey] and of a function that [GuardKey] returned, the answer is
// exact. An operation that ran can return a rejection by k, of a nested call under any
// key, or the cause of its ctx, which can be one too. RunKey then returns an error
// with the same text that is not a rejection: see [bulk.NotStarted].
func (k *Keyed[K]) NotStarted(err error) bool { return hooks.RejectedBy(k.group, err) }
