package snippets

import (
	"context"
	"errors"
	"log"
	"net/http"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

type (
	Order   struct{}
	Receipt struct{}
	Client  struct{}
)

func (Client) Charge(context.Context, Order) (Receipt, error) { return Receipt{}, nil }

var (
	ctx          context.Context
	order        Order
	client       Client
	server       *http.Server
	dependencies *registry.Registry
	retry        func(context.Context, func(context.Context) (Receipt, error), func(error) bool) (Receipt, error)
)
