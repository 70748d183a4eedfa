package bulkhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// Routes that must answer under any load stay outside the bulkhead.
func ExampleMiddleware() {
	reports := bulk.Must(bulk.New("reports", 2, bulk.WaitingRoom(10), bulk.WaitLimit(time.Second)))
	report := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "report") })

	mux := http.NewServeMux()
	mux.Handle("GET /report", bulkhttp.Middleware(reports)(report))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	server := httptest.NewServer(mux)
	defer server.Close()

	get := func(path string) {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		fmt.Println(resp.StatusCode, string(text))
	}
	get("/report")
	reports.Close()
	get("/report")
	get("/healthz")
	// Output:
	// 200 report
	// 503 busy
	//
	// 200 ok
}

// One tenant cannot use the slots of the others.
func ExampleKeyMiddleware() {
	tenants, err := registry.NewKeyed[string]("tenants", 2, 1000)
	if err != nil {
		panic(err)
	}
	tenantOf := func(r *http.Request) (tenant string, limited bool) {
		tenant = r.Header.Get("X-Tenant") // set by the authentication
		return tenant, tenant != ""
	}
	handler := bulkhttp.KeyMiddleware(tenants, tenantOf)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello ", r.Header.Get("X-Tenant"))
	}))

	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Tenant", "shop")
	handler.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: hello shop
}

// A handler that calls a dependency answers for it, in the same way as the middleware.
func ExampleReject() {
	search := bulk.Must(bulk.New("search", 1))
	handler := func(w http.ResponseWriter, r *http.Request) {
		found, err := bulk.Run(r.Context(), search, func(context.Context) (string, error) { return "found", nil })
		switch {
		case bulkhttp.Reject(w, r, err):
		case err != nil:
			http.Error(w, "search failed", http.StatusBadGateway)
		default:
			fmt.Fprint(w, found)
		}
	}
	call := func() {
		w := httptest.NewRecorder()
		handler(w, httptest.NewRequest("GET", "/", nil))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()), w.Header().Get("Retry-After") != "")
	}
	call()
	slot, _ := search.TryAcquire() // another request
	call()
	slot.Release()
	// Output:
	// 200 found false
	// 503 busy true
}

// Retry-After is already set when the function is called.
func ExampleOnReject() {
	reports := bulk.Must(bulk.New("reports", 1))
	handler := bulkhttp.Middleware(reports,
		bulkhttp.RetryAfter(5*time.Second, 5*time.Second),
		bulkhttp.OnReject(func(w http.ResponseWriter, _ *http.Request, err error) {
			var rejected *bulk.AdmissionError
			if errors.As(err, &rejected) {
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(http.StatusServiceUnavailable)
				_ = json.NewEncoder(w).Encode(map[string]any{"title": "try again later", "reason": rejected.Reason})
			}
		}))(http.NotFoundHandler())

	slot, _ := reports.TryAcquire() // the only one
	defer slot.Release()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Print(w.Code, " ", w.Header().Get("Retry-After"), " ", w.Body)
	// Output: 503 5 {"reason":"saturated","title":"try again later"}
}

// Uploads and reports have bulkheads of their own, and nothing else is limited.
func ExampleSelect() {
	bulkheads := map[string]*bulk.Bulkhead{
		"/upload": bulk.Must(bulk.New("uploads", 2)),
		"/report": bulk.Must(bulk.New("reports", 10)),
	}
	handler := bulkhttp.Middleware(nil, bulkhttp.Select(func(r *http.Request) *bulk.Bulkhead {
		return bulkheads[r.URL.Path]
	}))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.URL.Path, bulkheads["/upload"].Status().InUse, bulkheads["/report"].Status().InUse)
	}))
	for _, path := range []string{"/upload", "/report", "/healthz"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	// Output:
	// /upload 1 0
	// /report 0 1
	// /healthz 0 0
}

// A search needs one slot, and an export four.
func ExampleSlots() {
	archive := bulk.Must(bulk.New("archive", 5))
	handler := bulkhttp.Middleware(archive, bulkhttp.Slots(func(r *http.Request) int {
		if r.URL.Path == "/export" {
			return 4
		}
		return 1
	}))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.URL.Path, archive.Status().InUse)
	}))
	for _, path := range []string{"/search", "/export"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	// Output:
	// /search 1
	// /export 4
}

// reader is a client. It notes how many slots are in use while it gets the answer.
type reader struct {
	http.ResponseWriter
	b *bulk.Bulkhead
}

func (r reader) Write(p []byte) (int, error) {
	fmt.Printf("%q is sent, %d slots in use\n", p, r.b.Status().InUse)
	return r.ResponseWriter.Write(p)
}

// With Buffered, a client that reads slowly holds no slot.
func ExampleBuffered() {
	reports := bulk.Must(bulk.New("reports", 2))
	report := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "report") })
	for _, middleware := range []func(http.Handler) http.Handler{
		bulkhttp.Middleware(reports),
		bulkhttp.Middleware(reports, bulkhttp.Buffered(1<<20)),
	} {
		client := reader{httptest.NewRecorder(), reports}
		middleware(report).ServeHTTP(client, httptest.NewRequest(http.MethodGet, "/", nil))
	}
	// Output:
	// "report" is sent, 1 slots in use
	// "report" is sent, 0 slots in use
}

// A request with less than a second left would not be answered in time, so it is rejected
// immediately.
func ExampleLimits() {
	reports := bulk.Must(bulk.New("reports", 2))
	handler := bulkhttp.Middleware(reports, bulkhttp.Limits(deadline.Reserve(time.Second)))(http.NotFoundHandler())

	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	fmt.Println(w.Code, reports.Status().Totals.ExpiredAtArrival)
	// Output: 503 1
}

// Streams that are open for hours hold no slot.
func ExampleReleaseAtHeaders() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done() // until the client leaves
	}))
	defer server.Close()
	feeds := bulk.Must(bulk.New("feeds", 1))
	client := &http.Client{Transport: bulkhttp.Transport(feeds, nil, bulkhttp.ReleaseAtHeaders())}
	for range 3 {
		resp, err := client.Get(server.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()
	}
	fmt.Println("3 streams are open,", feeds.Status().InUse, "slots in use")
	// Output: 3 streams are open, 0 slots in use
}

// The slot is held until the body is closed or read to its end.
func ExampleTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "catalogue") }))
	defer server.Close()
	catalogue := bulk.Must(bulk.New("catalogue", 1))
	client := &http.Client{Transport: bulkhttp.Transport(catalogue, nil)}

	get := func(ctx context.Context) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			return nil, err
		}
		return client.Do(r)
	}
	resp, err := get(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = get(context.Background())
	fmt.Println(errors.Is(err, bulk.ErrSaturated), bulk.NotStarted(err, catalogue))

	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	fmt.Println(string(text), err, catalogue.Status().InUse)
	// Output:
	// true true
	// catalogue <nil> 0
}

// One slow host cannot use the slots of the others.
func ExampleHostTransport() {
	hosts, err := registry.NewKeyed[string]("hosts", 10, 100)
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: bulkhttp.HostTransport(hosts, nil)}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	resp, err := client.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	s := hosts.Status()
	fmt.Println(s.Keys, "key,", s.Totals.Finished, "request")
	// Output: 1 key, 1 request
}

// One tenant cannot use all the requests to the dependency. The tenant comes from the
// context.
func ExampleKeyTransport() {
	type tenantKey struct{}
	tenants, err := registry.NewKeyed[string]("tenants at search", 1, 1000)
	if err != nil {
		panic(err)
	}
	tenantOf := func(r *http.Request) (tenant string, limited bool) {
		tenant, limited = r.Context().Value(tenantKey{}).(string)
		return tenant, limited
	}
	client := &http.Client{Transport: bulkhttp.KeyTransport(tenants, tenantOf, nil)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "found") }))
	defer server.Close()

	for _, tenant := range []string{"noisy", "noisy", "quiet"} {
		ctx := context.WithValue(context.Background(), tenantKey{}, tenant)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			panic(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			fmt.Println(tenant, tenants.NotStarted(err))
			continue
		}
		defer resp.Body.Close()
		fmt.Println(tenant, resp.Status)
	}
	// Output:
	// noisy 200 OK
	// noisy true
	// quiet 200 OK
}
