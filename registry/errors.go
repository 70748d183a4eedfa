package registry

import (
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// What errors.Is answers for the errors of a [Registry]. Each of them names the
// label.
var (
	ErrDuplicate = errors.New("registry: label is taken")
	ErrUnknown   = errors.New("registry: no such label")
	ErrClosed    = errors.New("registry: closed")
)

// labelError says which label err is about.
func labelError(label string, err error) error {
	return fmt.Errorf("%w: %s", err, safetext.Quote(label))
}

// memberError says which member err is about: a *bulk.ConfigError names it itself.
func memberError(label string, err error) error {
	if e, ok := err.(*bulk.ConfigError); ok {
		named := *e
		named.Label = label
		err = &named
	}
	return fmt.Errorf("registry: %w", err)
}
