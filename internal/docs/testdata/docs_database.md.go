package snippets

import (
	"context"
	"database/sql"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkpgx"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	ctx     context.Context
	city    string
	pool    *sql.DB
	b       *bulk.Bulkhead
	db      *bulksql.DB
	pgxPool *pgxpool.Pool
	pgxDB   *bulkpgx.DB
)
