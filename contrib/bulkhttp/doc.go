// Package bulkhttp puts bulkheads around net/http: around handlers that a server runs,
// and around requests that a client sends.
//
// A server that runs at most 20 requests for reports concurrently, lets 40 wait for at
// most a second, and answers the others immediately with 503 and Retry-After:
//
//	package main
//
//	import (
//		"log"
//		"net/http"
//		"time"
//
//		"github.com/bulklink/bulklink-go/bulk"
//		"github.com/bulklink/bulklink-go/contrib/bulkhttp"
//	)
//
//	var reports = bulk.Must(bulk.New("reports", 20, bulk.WaitingRoom(40), bulk.WaitLimit(time.Second)))
//
//	func main() {
//		http.Handle("GET /report", bulkhttp.Middleware(reports)(http.HandlerFunc(report)))
//		log.Fatal(http.ListenAndServe(":8080", nil))
//	}
//
//	func report(w http.ResponseWriter, r *http.Request) { w.Write([]byte("report\n")) }
//
// A client that sends at most 10 requests to a dependency concurrently:
//
//	catalogue := bulk.Must(bulk.New("catalogue", 10))
//	client := &http.Client{Transport: bulkhttp.Transport(catalogue, nil)}
//
// [KeyMiddleware], [KeyTransport] and [HostTransport] have one bulkhead for each key, such
// as a tenant or a host. Options choose the bulkhead of each request ([Select]) and its number of
// slots ([Slots]), bound the wait ([Limits]), and replace the answer to a rejected request ([OnReject]).
//
// # Slow clients and servers
//
// A handler that writes more than net/http and the kernel buffer blocks until its client
// has read. So a client that reads slowly, or not at all, holds a slot. [Buffered]
// avoids it on a server: the slot is released when the handler returns, before the
// answer is written. On a client, [ReleaseAtHeaders] releases the slot before the body
// is read. http.Server.WriteTimeout is still necessary in a server, because connections
// are limited, too.
//
// A handler that reads the body of its request blocks until its client has sent it, and
// holds its slot meanwhile, also with Buffered. Bound that time with http.Server.ReadTimeout, or
// with a read deadline as examples/gateway does.
//
// # Cost
//
// To a request that is admitted without a wait, the middleware adds about 0.1 µs and no
// allocation; with Buffered, one allocation and a copy of the answer. In the same run
// chi's Throttle adds about 0.3 µs and no allocation, and the handler of failsafe-go about
// 2 µs and 16 allocations: go test -run '^$' -bench Middleware in the module benchmarks.
package bulkhttp
