package registry

import (
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// ErrTooManyKeys is matched by the error of a call that brought a new key when
// there were as many as [NewKeyed] allows and none of them was idle. The
// operation was not started, and may pass later: it also matches
// [bulk.ErrNotStarted] and [bulk.ErrOverload].
var ErrTooManyKeys error = tooManyKeys{}

type tooManyKeys struct{}

func (tooManyKeys) Error() string { return "registry: too many keys in use" }

// Is reports whether target is one of the sentinels that go with it.
func (tooManyKeys) Is(target error) bool {
	return target == bulk.ErrNotStarted || target == bulk.ErrOverload
}

// TooManyKeysError says which [Keyed] had no room for another key, and how many
// it keeps. It does not say which key. It matches [ErrTooManyKeys], and may be
// shared between callers: don't write to one.
type TooManyKeysError struct {
	Label   string
	MaxKeys int
}

func (e *TooManyKeysError) Error() string {
	return fmt.Sprintf("registry: keyed %s: too many keys: %d of %d in use", safetext.Quote(e.Label), e.MaxKeys, e.MaxKeys)
}

// Is reports whether target is [ErrTooManyKeys] or one of the sentinels that it
// matches.
func (e *TooManyKeysError) Is(target error) bool {
	return errors.Is(ErrTooManyKeys, target)
}

// NotStarted reports whether err says that k itself rejected the operation, so that
// it did not run and may be done again: one of its bulkheads rejected it, there were
// too many keys, or k is closed. It answers by identity, not by label, and looks at
// the outermost rejection in err (of several joined ones, the first).
//
// For an error of [RunKey] and of a function that [GuardKey] returned, the answer is
// exact, as that of [bulk.NotStarted] is for an error of bulk.Run: when an operation
// that ran returns a rejection by k, under whatever key, or the cause of its ctx,
// its caller gets an error with the same text that is not a rejection.
func (k *Keyed[K]) NotStarted(err error) bool { return hooks.RejectedBy(k.group, err) }
