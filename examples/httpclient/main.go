// Httpclient sends HTTP requests through a bulkhead. The transport of package bulkhttp
// holds a slot for each request until the body of the response is closed or read to its
// end.
//
//	go run ./examples/httpclient
package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/bulklink/bulklink-go/examples/internal/command"
)

const about = `Httpclient sends HTTP requests to a server on loopback through a bulkhead with
one slot. A response holds its slot until its body is read or closed.`

func main() { command.Main("httpclient", about, run) }

func run(out io.Writer) error {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "catalogue") }))
	defer server.Close()

	catalogue := bulk.Must(bulk.New("catalogue", 1))
	client := &http.Client{Transport: bulkhttp.Transport(catalogue, nil)}
	defer client.CloseIdleConnections()

	first, err := client.Get(server.URL)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "First request: the response has arrived, its body is unread: %d slot in use.\n", catalogue.Status().InUse)

	_, err = client.Get(server.URL)
	fmt.Fprintf(out, "Second request: %v; never sent: %v.\n", reason(err), errors.Is(err, bulk.ErrNotStarted))

	text, err := io.ReadAll(first.Body)
	fmt.Fprintf(out, "First request: its body %q is read: %d slots in use.\n", text, catalogue.Status().InUse)
	return errors.Join(err, first.Body.Close())
}

func reason(err error) any {
	var rejected *bulk.AdmissionError
	if errors.As(err, &rejected) {
		return rejected.Reason
	}
	return err
}
