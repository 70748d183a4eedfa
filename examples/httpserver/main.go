// Httpserver puts the expensive part of an HTTP server behind a bulkhead. When all
// slots are in use and the waiting room is full, a request is answered immediately
// with 503 and Retry-After. The cheap part of the server is not affected.
//
//	go run ./examples/httpserver
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/bulklink/bulklink-go/examples/internal/command"
)

// routes returns the handler of the whole server. Routes that must answer under any
// load stay outside the bulkhead.
func routes(reports *bulk.Bulkhead, report http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /report", bulkhttp.Middleware(reports)(report))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return mux
}

const about = `Httpserver sends ten requests to an HTTP server on loopback that serves two at a
time and lets three wait. The others are answered 503 immediately.`

func main() { command.Main("httpserver", about, run) }

// run sends ten requests for a slow report to a server with two slots and a waiting
// room for three.
func run(out io.Writer) error {
	const requests, slots, room = 10, 2, 3
	events := make(chan bulk.Event, 3*requests) // large enough for all events: a handler must not block
	reports := bulk.Must(bulk.New("reports", slots, bulk.WaitingRoom(room),
		bulk.OnEvent(func(e bulk.Event) { events <- e })))
	ready := make(chan struct{}) // closed when the reports are ready
	server := httptest.NewServer(routes(reports, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-ready
		fmt.Fprintln(w, "report")
	})))
	defer server.Close()

	var clients sync.WaitGroup
	var answers [requests]string
	for i := range requests {
		clients.Go(func() {
			answers[i] = get(server.URL + "/report")
		})
		<-events // the request was admitted, queued or rejected; only then send the next one
	}
	fmt.Fprintf(out, "%d requests for a report: %d at a time, %d can wait. Meanwhile /healthz: %s\n",
		requests, slots, room, get(server.URL+"/healthz"))
	close(ready)
	clients.Wait()
	for i, a := range answers {
		fmt.Fprintf(out, "  request %2d: %s\n", i+1, a)
	}
	return nil
}

// get returns the status of the response, and whether it has a Retry-After header.
func get(url string) string {
	resp, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err.Error()
	}
	if resp.Header.Get("Retry-After") != "" {
		return resp.Status + ", Retry-After"
	}
	return resp.Status
}
