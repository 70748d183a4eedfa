package main

import (
	"errors"
	"math"
	"net"
	"net/http"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// work is how long the dependency works on one call.
const work = 200 * time.Millisecond

// capacities are how many calls the dependency works on concurrently, in each third of
// the time.
var capacities = [3]int{20, 10, 30}

// dependency is an HTTP server with a number of workers. Calls for which no worker is
// free wait without a bound, as in most servers.
type dependency struct {
	workers *bulk.Bulkhead
	server  *http.Server
	url     string
}

func newDependency() *dependency {
	d := &dependency{workers: bulk.Must(bulk.New("workers", capacities[0], bulk.WaitingRoom(math.MaxInt32)))}
	d.server = &http.Server{Handler: d}
	return d
}

// start serves on a free port of loopback.
func (d *dependency) start() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.url = "http://" + listener.Addr().String()
	go func() { _ = d.server.Serve(listener) }() // ends with Close
	return nil
}

// ServeHTTP works on a call. It stops waiting if the caller has left, but work that has
// begun is finished.
func (d *dependency) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	slot, err := d.workers.Acquire(r.Context())
	defer slot.Release()
	if errors.Is(err, bulk.ErrNotStarted) {
		return // the client has left
	}
	time.Sleep(work)
}

// setCapacity changes the number of workers while calls wait for them.
func (d *dependency) setCapacity(workers int) error { return d.workers.Resize(workers) }

func (d *dependency) close() { _ = d.server.Close() }
