package snippets

import (
	"log/slog"
	"net/http"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/contrib/bulkslog"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

var reader sdk.Reader
