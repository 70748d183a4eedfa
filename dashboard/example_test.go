package dashboard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

// A page for all members of a registry, in a mux of its own for an internal address. A
// client such as curl gets text.
func ExampleHandler() {
	reg := registry.New()
	payments, err := reg.Create("payments", 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	internal := http.NewServeMux()
	internal.Handle("/debug/bulkheads/", http.StripPrefix("/debug/bulkheads", dashboard.Handler(reg)))

	payments.TryAcquire()
	fmt.Println(curl(internal, "/debug/bulkheads/"))
	// Output:
	// 1 bulkhead: 1 warning
	//
	// bulkhead "payments": warning: execution_full (1/1 slots in use, 0/0 waiting)
	//   warning   execution_full: 1/1 slots in use, 0/0 waiting: the next arrival is rejected.
	//             → No action is needed if this clears soon. Otherwise check why operations hold their slots so long. Before raising parallelism, check how much load the dependency can take.
	// bulkhead "payments"
	//   slots        1 of 1 in use, 1 operation in flight
	//   arrivals     1
	//   admitted     1
	//   peak         1 slot in use, 0 waiting
}

// The busiest keys are listed. Without ShowKeys they would be numbers.
func ExampleKeyed() {
	tenants, err := registry.NewKeyed[string]("tenants", 10, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	page := dashboard.Handler(dashboard.Keyed(tenants, dashboard.Busiest(2), dashboard.ShowKeys()))

	ctx := httptest.NewRequest("GET", "/", nil).Context()
	for _, key := range []string{"acme", "acme", "umbrella", "globex", "acme", "globex"} {
		if _, err := tenants.Acquire(ctx, key); err != nil {
			fmt.Println(err)
		}
	}
	for line := range strings.Lines(curl(page, "/")) {
		if strings.Contains(line, "busy") {
			fmt.Print(line)
		}
	}
	// Output:
	//   busy         acme: slots in use 3, waiting 0; since it was created: arrivals 3, rejected 0
	//   busy         globex: slots in use 2, waiting 0; since it was created: arrivals 2, rejected 0
}

// A page with which operators can change capacities. Every change is logged.
func ExampleAllowChanges() {
	payments := bulk.Must(bulk.New("payments", 10))
	isOperator := func(r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		return user == "operator" && password == "secret" // use your own authorization
	}
	audit := func(c dashboard.Change) {
		user, _, _ := c.Request.BasicAuth()
		fmt.Printf("%s changed %s from %v to %v\n", user, c.Label, c.From, c.To)
	}
	page := dashboard.New(dashboard.Show(payments), dashboard.AllowChanges(isOperator), dashboard.OnChange(audit))

	// What the browser sends when the operator has confirmed the change.
	form := url.Values{
		"id": {fmt.Sprint(payments.Status().ID)}, "step": {"apply"}, "was": {`{"parallelism":10,"waiting_room":0}`},
		"parallelism": {"4"}, "waiting_room": {"20"}, "wait_limit": {"250ms"},
	}
	r := httptest.NewRequest("POST", "/change", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("operator", "secret")
	page.ServeHTTP(httptest.NewRecorder(), r)
	fmt.Println(payments.Capacity())
	// Output:
	// operator changed payments from 10 slots, 0 places to 4 slots, 20 places, 250ms
	// 4 slots, 20 places, 250ms
}

// curl returns the text form, without the time in its first line.
func curl(h http.Handler, path string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	first, rest, _ := strings.Cut(w.Body.String(), "\n")
	summary, _, _ := strings.Cut(first, " at ")
	return summary + "\n" + rest
}
