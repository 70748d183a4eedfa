module github.com/bulklink/bulklink-go/propcheck/linear

go 1.25

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/bulklink/bulklink-go v0.0.0
)

replace github.com/bulklink/bulklink-go => ../..
