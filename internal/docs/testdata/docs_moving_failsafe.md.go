package snippets

import (
	"context"
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
)

type (
	Order   struct{}
	Receipt struct{}
)

var (
	charge, pay func(context.Context, Order) (Receipt, error)
	errTryLater error
)
