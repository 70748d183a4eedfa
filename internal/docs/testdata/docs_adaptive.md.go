package snippets

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

type (
	Order       struct{}
	Receipt     struct{}
	Page        struct{}
	StatusError struct{ Code int }
)

func (*StatusError) Error() string { return "status" }

var (
	charge    func(context.Context, Order) (Receipt, error)
	searchFor func(ctx context.Context, text string) (Page, error)
)
