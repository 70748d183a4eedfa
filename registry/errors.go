package registry

import (
	"errors"
	"fmt"
)

// What errors.Is answers for the errors of a [Registry]. Each of them names the
// label.
var (
	ErrDuplicate = errors.New("registry: label is taken")
	ErrUnknown   = errors.New("registry: no such label")
	ErrClosed    = errors.New("registry: closed")
)

// about says which label err is about.
func about(label string, err error) error { return fmt.Errorf("%w: %q", err, label) }

// within says of which member err is.
func within(label string, err error) error { return fmt.Errorf("registry: %q: %w", label, err) }
