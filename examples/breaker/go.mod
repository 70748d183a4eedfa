module github.com/bulklink/bulklink-go/examples/breaker

go 1.25

require (
	github.com/bulklink/bulklink-go v0.0.0
	github.com/sony/gobreaker/v2 v2.4.0
)

replace github.com/bulklink/bulklink-go => ../..
