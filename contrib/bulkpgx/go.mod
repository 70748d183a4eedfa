module github.com/bulklink/bulklink-go/contrib/bulkpgx

go 1.25

require (
	github.com/bulklink/bulklink-go v0.0.0
	github.com/jackc/pgx/v5 v5.12.0
)

replace github.com/bulklink/bulklink-go => ../..
