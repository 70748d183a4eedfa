package moving

import (
	"context"
	"errors"
	"net/http"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/bulklink/bulklink-go/registry"
)

var exports = bulk.Must(bulk.New("exports", 10, bulk.WaitingRoom(25)))

func export(ctx context.Context) (string, error) {
	report, err := bulk.RunN(ctx, exports, 2, buildReport)
	if errors.Is(err, bulk.ErrOverload) {
		return "", errTryLater
	}
	return report, err
}

var tenants, errTenants = registry.NewKeyed[string]("tenants", 4, 10_000, registry.Each(bulk.WaitingRoom(8)))

func exportRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /export", bulkhttp.Middleware(exports)(http.HandlerFunc(serveExport)))
	return bulkhttp.KeyMiddleware(tenants, tenantOf)(mux)
}

// serveExport answers with a report. Its slot is held by the middleware.
func serveExport(w http.ResponseWriter, r *http.Request) {
	report, err := buildReport(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write([]byte(report))
}

// tenantOf stands for the verified name of a tenant.
func tenantOf(r *http.Request) (tenant string, limited bool) {
	return r.URL.Query().Get("tenant"), true
}
