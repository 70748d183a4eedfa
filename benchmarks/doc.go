// Package benchmarks compares Bulklink with other ways to limit parallelism, on the
// same work, in one run.
//
//	go run ./report          # everything: tables and charts in results, in less than 10 minutes
//	go run ./report -short   # only the headline, in less than a minute
//	go run ./adaptive        # adaptive limiters on simulated dependencies: the table of docs/adaptive.md
//
// The full form of the report needs about 6 GB of memory, because a million operations wait in one
// queue. The short form needs little memory.
//
// The benchmarks can also be run with go test:
//
//	go test -run '^$' -bench HandOver -count 6 .
//
// Middleware, Interceptor and Query measure what the packages of contrib add to HTTP
// handlers, gRPC calls and database queries. The report does not include them.
//
// The names have the form that benchstat reads (/key=value), and each includes the
// floor or a bare channel for comparison. Compare figures only as ratios within one
// run, because machines differ and the load of a shared machine changes.
package benchmarks
