package registry

import (
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// What errors.Is answers for the errors of a [Registry]. Each of them names the
// label.
var (
	ErrDuplicate = errors.New("registry: label is taken")
	ErrUnknown   = errors.New("registry: no such label")
	ErrClosed    = errors.New("registry: closed")
)

// about says which label err is about.
func about(label string, err error) error { return fmt.Errorf("%w: %s", err, safetext.Quote(label)) }

// within says of which member err is.
func within(label string, err error) error {
	return fmt.Errorf("registry: %s: %w", safetext.Quote(label), err)
}
