// Httpserver puts the expensive part of an HTTP server behind a bulkhead:
// whoever finds no slot and no place to wait is answered 503 with Retry-After,
// at once, and the cheap part goes on as if nothing had happened.
//
//	go run ./examples/httpserver
//
// The part to copy is middleware.go.
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/examples/internal/command"
)

// routes returns the whole server. What must answer under any load stays
// outside the compartment.
func routes(reports *bulk.Bulkhead, report http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /report", limit(reports, report))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return mux
}

const about = `Httpserver sends ten requests to an HTTP server on loopback that serves two at a
time and lets three wait. The others are answered 503 immediately.`

func main() { command.Main("httpserver", about, run) }

// run sends ten requests for a slow report to a server with two slots and three
// places to wait.
func run(out io.Writer) error {
	const requests, slots, room = 10, 2, 3
	events := make(chan bulk.Event, 3*requests) // room for all of them: a handler must not block
	reports := bulk.Must(bulk.New("reports", slots, bulk.WaitingRoom(room),
		bulk.OnEvent(func(e bulk.Event) { events <- e })))
	ready := make(chan struct{}) // closed: the reports are written
	server := httptest.NewServer(routes(reports, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-ready
		fmt.Fprintln(w, "all is well")
	})))
	defer server.Close()

	var clients sync.WaitGroup
	var answers [requests]string
	for i := range requests {
		clients.Go(func() {
			answers[i] = get(server.URL + "/report")
		})
		<-events // it is in, or waits, or was turned away: the next one comes after it
	}
	fmt.Fprintf(out, "%d requests for a report, %d at a time, %d may wait. Meanwhile /healthz: %s\n",
		requests, slots, room, get(server.URL+"/healthz"))
	close(ready)
	clients.Wait()
	for i, a := range answers {
		fmt.Fprintf(out, "  request %2d: %s\n", i+1, a)
	}
	return nil
}

// get returns the status of url, and whether it says when to come back.
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
