package registry

import (
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
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
	return fmt.Sprintf("registry: %s: too many keys: %d of %d in use", safetext.Quote(e.Label), e.MaxKeys, e.MaxKeys)
}

// Unwrap returns [ErrTooManyKeys].
func (e *TooManyKeysError) Unwrap() error { return ErrTooManyKeys }
