package snippets

import (
	"context"
	"errors"
	"net/http"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/bulklink/bulklink-go/registry"
)

var (
	buildReport func(context.Context) (string, error)
	errTryLater error
	serveExport http.HandlerFunc
	tenantOf    func(*http.Request) (string, bool)
)
