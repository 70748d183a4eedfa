package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/fleet"
)

// serveDashboard serves the dashboard of a replica at a free port of this machine until
// stop is called.
func serveDashboard(member *fleet.Member) (address string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("can't serve the dashboard: %w", err)
	}
	return l.Addr().String(), serveHTTP(l, dashboard.Handler(dashboard.Fleet(member))), nil
}

// startPage serves the pages of the flag -http until stop is called.
func (c *conductor) startPage(address string) (stop func() error, err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("can't serve the page: %w", err)
	}
	fmt.Fprintf(c.out, "The page is at http://%s/\n\n", l.Addr())
	return serveHTTP(l, c.pages()), nil
}

// serveHTTP serves until stop is called.
func serveHTTP(l net.Listener, h http.Handler) (stop func() error) {
	server := http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := server.Shutdown(ctx) // ends live pages too
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close() // a connection without a request yet
		}
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return err
	}
}

// pages has the list of the replicas at /, and the dashboard of replica a at /a/. Only
// the process of a replica knows its member, so its dashboard is fetched from there. A
// live page connects again by itself when a replica that was killed is back.
func (c *conductor) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.serveList)
	for i, name := range names {
		mux.HandleFunc("GET /"+name+"/", func(w http.ResponseWriter, r *http.Request) {
			if p := c.replicaAt(i); p != nil && p.report().Page != "" {
				fetch(w, r, p.report().Page)
				return
			}
			notRunning(w, r, nil)
		})
	}
	return mux
}

// fetch answers with what the server at the address answers.
func fetch(w http.ResponseWriter, r *http.Request, address string) {
	proxy := httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: address}) },
		ErrorHandler: notRunning,
		ErrorLog:     log.New(io.Discard, "", 0), // the table says that a replica was killed
	}
	proxy.ServeHTTP(w, r)
}

func notRunning(w http.ResponseWriter, _ *http.Request, _ error) {
	http.Error(w, "This replica does not run now.", http.StatusServiceUnavailable)
}

var list = template.Must(template.New("list").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="1">
<title>Replicas</title>
<h1>Five replicas share {{.Total}} slots</h1>
<ul>
{{range .Replicas}}<li><a href="{{.Name}}/">Replica {{.Name}}</a> {{if .Runs}}has {{.Share}}{{else}}does not run{{end}}</li>
{{end}}</ul>
</html>
`))

// serveList writes the page with a link to each replica and its share.
func (c *conductor) serveList(w http.ResponseWriter, _ *http.Request) {
	type item struct {
		Name  string
		Runs  bool
		Share int
	}
	var items []item
	for i, name := range names {
		next := item{Name: name}
		if p := c.replicaAt(i); p != nil {
			next.Runs, next.Share = true, p.report().Share
		}
		items = append(items, next)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = list.Execute(w, struct { // an error means that the client left
		Total    int
		Replicas []item
	}{c.replica.Total, items})
}
