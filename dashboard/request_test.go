package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

func TestEveryAnswerHasTheHeadersOfSecurity(t *testing.T) {
	h := dashboard.New(dashboard.Show(bulk.Must(bulk.New("payments", 2))), dashboard.AllowChanges(func(*http.Request) bool { return true }))
	for _, target := range []string{"/", "/?format=json", "/?format=text", "/?format=xml", "/?id=99", "/style.css", "/live.js", "/charts.js", "/details.js", "/table.js", "/icon.svg",
		"/history", "/change", "/nothing", "/page.html", "/?sort=nothing", "/?id=x"} {
		header := get(t, h, target).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options":  "nosniff",
			"Cache-Control":           "no-store",
			"Referrer-Policy":         "no-referrer",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", target, name, got, want)
			}
		}
		if header.Get("Content-Type") == "" {
			t.Errorf("%s has no Content-Type", target)
		}
	}
}

func TestPageHasNothingInlineAndNothingFromElsewhere(t *testing.T) {
	h := dashboard.New(dashboard.Show(bulk.Must(bulk.New("payments", 2))), dashboard.AllowChanges(func(*http.Request) bool { return true }))
	html := get(t, h, "/?format=html").Body.String()
	for _, bad := range []string{"http:", "https:", "//", "style=", "<style", "javascript:", " onclick", " onload", `src="/`, `href="/`} {
		if strings.Contains(html, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	if n := strings.Count(html, "<script"); n != 1 {
		t.Errorf("%d scripts, want 1", n)
	}
}

func TestFormIsChosenByFormatThenByAccept(t *testing.T) {
	h := dashboard.Handler(bulk.Must(bulk.New("payments", 2)))
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, c := range []struct{ query, accept, want string }{
		{"", "", "text/plain"}, {"", "*/*", "text/plain"}, {"", browser, "text/html"}, {"", "application/json", "application/json"},
		{"", "text/plain", "text/plain"}, {"", "text/html;q=0.5, application/json", "application/json"}, {"", "application/json;q=x, text/html;q=0.1", "text/html"},
		{"", "TEXT/HTML", "text/html"}, {"", "image/png", "text/plain"}, {"", "text/html;q=0", "text/plain"},
		{"?format=text", browser, "text/plain"}, {"?format=json", browser, "application/json"}, {"?format=html", "*/*", "text/html"},
	} {
		w := get(t, h, "/"+c.query, "Accept", c.accept)
		if got, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";"); got != c.want || w.Code != http.StatusOK {
			t.Errorf("%q with Accept %q: status %d, %s, want %s", c.query, c.accept, w.Code, got, c.want)
		}
	}
}

func TestHandlerCanBeMountedAnywhere(t *testing.T) {
	h := dashboard.Handler(bulk.Must(bulk.New("payments", 2)))
	mux := http.NewServeMux()
	mux.Handle("/debug/stripped/", http.StripPrefix("/debug/stripped", h))
	mux.Handle("/debug/stripped", http.StripPrefix("/debug/stripped", h)) // otherwise the mux redirects
	mux.Handle("/debug/slash/", http.StripPrefix("/debug/slash/", h))
	mux.Handle("/debug/whole/", h)
	mux.Handle("/", h)
	for _, base := range []string{"/", "/debug/stripped/", "/debug/slash/", "/debug/whole/"} {
		for _, name := range []string{"", "style.css", "live.js", "charts.js", "details.js", "table.js", "icon.svg", "history"} {
			if w := get(t, mux, base+name); w.Code != http.StatusOK {
				t.Errorf("%s%s: status %d", base, name, w.Code)
			}
		}
	}
	w := get(t, mux, "/debug/stripped?q=pay")
	if got := w.Header().Get("Location"); w.Code != http.StatusTemporaryRedirect || got != "./stripped/?q=pay" {
		t.Errorf("without the slash: status %d to %q", w.Code, got)
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	answer, err := server.Client().Get(server.URL + "/debug/stripped")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Request.URL.Path; got != "/debug/stripped/" || answer.StatusCode != http.StatusOK {
		t.Errorf("redirected to %s with status %d", got, answer.StatusCode)
	}
}

func TestWrongRequestsGetAnAnswerThatSaysWhatIsAllowed(t *testing.T) {
	h := dashboard.Handler(bulk.Must(bulk.New("payments", 2)))
	for target, want := range map[string]string{
		"/?format=xml":                         "400 format must be html, text or json.",
		"/?id=x":                               "400 id must be the number of a bulkhead.",
		"/?id=0":                               "400 id must be the number of a bulkhead.",
		"/?id=18446744073709551615":            "404 There is no bulkhead with this number. Numbers change when the process starts again.",
		"/?sort=size":                          "400 sort must be one of worst, label, arrivals, rejected, wait, use.",
		"/?q=" + strings.Repeat("a", 201):      "400 q must have at most 200 characters.",
		"/?q=" + strings.Repeat("%C3%A4", 201): "400 q must have at most 200 characters.",
		"/assets":                              "404 There is no such page.",
		"/page.html":                           "404 There is no such page.",
		"/change":                              "404 There is no such page.",
		"/history?" + strings.Repeat("id=1&", 51): "400 At most 50 ids are allowed.",
	} {
		w := get(t, h, target)
		if got := fmt.Sprintf("%d %s", w.Code, strings.TrimSpace(w.Body.String())); got != want {
			t.Errorf("%.40s: %s, want %s", target, got, want)
		}
	}
	r := httptest.NewRequest("DELETE", "/", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("DELETE: status %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

// hostile are labels and keys from outside.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, "\u202egnp.exe\u2066", "a\nb\r\nevent: evil\ndata: {}\n\n",
	"\xff\xfe invalid", strings.Repeat("long ", 2000), "\x1b[31mred\x1b[0m", "{{.}}", "</template></table>", "a\u2028\u2029", "javascript:alert(1)", "&lt;b&gt;",
}

func TestHostileLabelsAndKeysAreHarmlessInEveryForm(t *testing.T) {
	for _, evil := range hostile {
		b := bulk.Must(bulk.New(evil, 2))
		k, err := registry.NewKeyed[string](evil, 2, 10)
		if err != nil {
			t.Fatal(err)
		}
		slot, err := k.Acquire(t.Context(), evil)
		if err != nil {
			t.Fatal(err)
		}
		h := dashboard.New(dashboard.Show(b, dashboard.Keyed(k, dashboard.ShowKeys())), dashboard.AllowChanges(func(*http.Request) bool { return true }))
		for _, target := range []string{"/?format=html", "/?format=text", "/?format=json", fmt.Sprintf("/?format=html&id=%d", b.Status().ID), fmt.Sprintf("/?format=html&id=%d", k.Status().ID)} {
			body := get(t, h, target).Body.String()
			for _, bad := range []string{"<script>alert", "<img src=x", "' onmouseover", "\u202e", "\u2066", "event: evil\n", "\xff", "\x1b", "</template></table>", "\u2028", `href="javascript`} {
				if strings.Contains(body, bad) && !strings.Contains(target, "json") && !strings.Contains(target, "text") {
					t.Errorf("label %.30q: %s contains %q", evil, target, bad)
				}
			}
			for _, bad := range []string{"\u202e", "\u2066", "\nevent: evil", "\xff", "\x1b", "\u2028"} {
				if strings.Contains(body, bad) {
					t.Errorf("label %.30q: %s contains %q", evil, target, bad)
				}
			}
			if !utf8.ValidString(body) {
				t.Errorf("label %.30q: %s is not UTF-8", evil, target)
			}
			if strings.Contains(target, "json") && !json.Valid([]byte(body)) {
				t.Errorf("label %.30q: not JSON: %.200s", evil, body)
			}
			if strings.Contains(target, "html") && len(body) > 60_000 {
				t.Errorf("label %.30q: %s has %d bytes", evil, target, len(body))
			}
		}
		slot.Release()
	}
}

func TestKeysAreShownOnlyIfAskedFor(t *testing.T) {
	for _, shown := range []bool{false, true} {
		k, err := registry.NewKeyed[string]("tenants", 2, 10)
		if err != nil {
			t.Fatal(err)
		}
		slot, err := k.Acquire(t.Context(), "s3cret")
		if err != nil {
			t.Fatal(err)
		}
		defer slot.Release()
		source := dashboard.Keyed(k)
		if shown {
			source = dashboard.Keyed(k, dashboard.ShowKeys())
		}
		h := dashboard.Handler(source)
		for _, target := range []string{"/?format=text", "/?format=json", fmt.Sprintf("/?format=html&id=%d", k.Status().ID)} {
			if body := get(t, h, target).Body.String(); strings.Contains(body, "s3cret") != shown {
				t.Errorf("shown %v: %s: %s", shown, target, body)
			}
		}
	}
}

func TestBusiestKeysComeFirstAndAreBounded(t *testing.T) {
	k, err := registry.NewKeyed[int]("tenants", 5, 100)
	if err != nil {
		t.Fatal(err)
	}
	for key := range 20 {
		for range key % 5 {
			if _, err := k.Acquire(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
	}
	var form struct {
		Keyed []struct {
			Busiest []struct {
				Key    string
				Status bulk.Status
			}
		}
	}
	h := dashboard.Handler(dashboard.Keyed(k, dashboard.Busiest(3), dashboard.ShowKeys()))
	if err := json.Unmarshal(get(t, h, "/?format=json").Body.Bytes(), &form); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, l := range form.Keyed[0].Busiest {
		keys = append(keys, fmt.Sprint(l.Key, ":", l.Status.InUse))
	}
	if got := strings.Join(keys, " "); got != "4:4 9:4 14:4" {
		t.Errorf("busiest keys %s", got)
	}
}

func TestJSONHasTheStableForms(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 1))
	for range 40 {
		b.TryAcquire()
	}
	var form struct {
		At        time.Time
		Severity  bulk.Severity
		Bulkheads []struct{ Report bulk.Report }
	}
	if err := json.Unmarshal(get(t, dashboard.Handler(b), "/?format=json").Body.Bytes(), &form); err != nil {
		t.Fatal(err)
	}
	r := form.Bulkheads[0].Report
	if form.Severity != bulk.SeverityCritical || r.Status.Totals.Saturated != 39 || len(r.Findings) == 0 || form.At.IsZero() {
		t.Errorf("got %+v", form)
	}
}

func TestSearchAndOrderWorkWithoutJavaScript(t *testing.T) {
	h := dashboard.Handler(bulk.Must(bulk.New("Payments", 2)), bulk.Must(bulk.New("search", 2)), bulk.Must(bulk.New("archive", 2)))
	html := get(t, h, "/?format=html&q=PAY").Body.String()
	if rows := html[strings.Index(html, `<tbody id="rows">`):strings.Index(html, "</tbody>")]; strings.Count(rows, "<tr") != 1 || !strings.Contains(rows, ">Payments<") {
		t.Errorf("rows found: %s", rows)
	}
	text := get(t, h, "/?sort=label").Body.String()
	if a, p, s := strings.Index(text, `"archive"`), strings.Index(text, `"Payments"`), strings.Index(text, `"search"`); !(p < a && a < s) {
		t.Errorf("order by label: %s", text)
	}
}

// The input of the page counts characters too, and live.js puts its text into the address.
func TestSearchTextCanBeAsLongAsTheInputAllows(t *testing.T) {
	label := strings.Repeat("ä", 100)
	h := dashboard.Handler(bulk.Must(bulk.New(label, 2)))
	if w := get(t, h, "/?q="+strings.Repeat("%C3%A4", 200)); w.Code != http.StatusOK {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestBulkheadGivenTwiceIsShownOnce(t *testing.T) {
	reg := registry.New()
	b, _ := reg.Create("payments", 2)
	k, _ := registry.CreateKeyed[string](reg, "tenants", 2, 10)
	text := get(t, dashboard.Handler(b, reg, b, k, dashboard.Keyed(k)), "/").Body.String()
	if !strings.HasPrefix(text, "2 bulkheads: 2 ok at ") {
		t.Errorf("got %s", text)
	}
}

type unknown struct{}

func (unknown) String() string { return "unknown" }

func TestNilAndUnknownSourcesPanic(t *testing.T) {
	for want, f := range map[string]func(){
		"source <nil>: must not be nil":              func() { dashboard.Handler(nil) },
		"source *bulk.Bulkhead: must not be nil":     func() { dashboard.Handler((*bulk.Bulkhead)(nil)) },
		"source *registry.Registry: must not be nil": func() { dashboard.Handler((*registry.Registry)(nil)) },
		"source dashboard_test.unknown: must be a":   func() { dashboard.Handler(unknown{}) },
		"nil *registry.Keyed":                        func() { dashboard.Keyed[int](nil) },
		"Busiest(-1): must be from 0 to 1000": func() {
			k, _ := registry.NewKeyed[int]("k", 1, 1)
			dashboard.Keyed(k, dashboard.Busiest(-1))
		},
		"authorize must not be nil": func() { dashboard.New(dashboard.AllowChanges(nil)) },
		"f must not be nil":         func() { dashboard.New(dashboard.OnChange(nil)) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "dashboard: ") || !strings.Contains(got, want) {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			f()
		}()
	}
}

func TestShutdownOfTheServerEndsLivePages(t *testing.T) {
	server := httptest.NewServer(dashboard.Handler(bulk.Must(bulk.New("payments", 2))))
	defer server.Close()
	answer, err := server.Client().Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
		t.Errorf("Content-Type %s", got)
	}
	if err := server.Config.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
