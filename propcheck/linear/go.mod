module github.com/bulklink/bulklink-go/propcheck/linear

go 1.25

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/bulklink/bulklink-go v0.0.0
)

require (
	github.com/google/go-cmp v0.7.0 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)

replace github.com/bulklink/bulklink-go => ../..
