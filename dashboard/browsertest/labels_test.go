package browsertest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

func allow(*http.Request) bool { return true }

func contains(text, part string) bool { return strings.Contains(text, part) }

// relabeled serves the page of a bulkhead under another label, as a process in which
// another bulkhead has the number.
type relabeled struct {
	*bulk.Bulkhead
	label string
}

func (r *relabeled) handler() http.Handler {
	h := dashboard.Handler(r.Bulkhead)
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if contains(q.URL.Path, "events") {
			h.ServeHTTP(w, q)
			return
		}
		if q.URL.Query().Get("q") == r.Status().Label {
			q = q.Clone(q.Context())
			q.URL.RawQuery = "format=html&q=nothing"
		}
		recorded := httptest.NewRecorder()
		h.ServeHTTP(recorded, q)
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(recorded.Code)
		_, _ = w.Write([]byte(strings.ReplaceAll(recorded.Body.String(), r.Status().Label, r.label)))
	})
}

// hostile are labels that try to leave their place.
var hostile = []string{
	`<script>window.executed=1</script>`, `<img src=x onerror="window.executed=1">`, `"><svg onload=window.executed=1>`, `' onmouseover='window.executed=1`,
	"\u202egnp.exe\u2066", "a\nb\r\nevent: evil\ndata: {}\n\n", "\xff\xfe invalid", strings.Repeat("long", 2500), strings.Repeat("w ", 5000),
	"{{.}}${window.executed=1}", "</template></table></main>", "javascript:window.executed=1", strings.Repeat("e\u0301\u0323", 60),
}

func TestHostileLabelsExecuteNothingAndStayInTheirPlace(t *testing.T) {
	for _, width := range []int64{1440, 390} {
		reg := registry.New()
		h := dashboard.New(dashboard.Show(reg), dashboard.AllowChanges(allow))
		s := serve(t, h)
		var all []*bulk.Bulkhead
		create := func(labels []string) {
			for _, l := range labels {
				b, err := reg.Create(l, 1)
				if err != nil {
					t.Fatal(err)
				}
				overload(t, b)
				all = append(all, b)
			}
		}
		create(hostile[5:]) // rendered by the server
		tab := newTab(t, width, false)
		tab.openLive(s.at(""))
		create(hostile[:5]) // rendered by the script
		tab.wait(`document.querySelectorAll("#rows > tr").length === 13`)
		tab.wait(`document.querySelector('[data-count="critical"]').textContent === "13"`)
		check := func(where string) {
			t.Helper()
			if bad := eval[[]string](tab, stayInside); len(bad) > 0 {
				t.Errorf("width %d, %s: %q", width, where, bad)
			}
		}
		check("the list")
		for i, b := range all {
			tab.openLive(s.at("?id=%d", b.Status().ID))
			check(b.Status().Label[:min(len(b.Status().Label), 30)])
			if i%4 == 0 {
				tab.do(click(`button[value="pause"]`))
				tab.wait(`document.readyState === "complete" && document.querySelector('button[value="apply"]')`) // with its style
				check("the confirmation")
			}
		}
	}
}

// stayInside returns what a label has done that it must not do.
const stayInside = `(() => {
  const bad = [];
  if (window.executed) bad.push("executed");
  if (document.querySelector("main img, main script, main [onload], main [onmouseover], main [onerror]")) bad.push("an element");
  if (document.querySelectorAll("main").length !== 1) bad.push("main");
  if (/[\u202a-\u202e\u2066-\u2069\ufffd]/.test(document.body.textContent)) bad.push("a control character");
  if (document.documentElement.scrollWidth > innerWidth) bad.push("sideways scrolling: " + document.documentElement.scrollWidth);
  for (const e of document.querySelectorAll("[data-label], h1, h2, h3, #said")) {
    if (!e.offsetHeight || e.closest(".visually-hidden")) continue;
    const place = (e.closest("th") ?? e.closest("header") ?? e.parentElement).getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(e);
    const clips = getComputedStyle(e).overflowX === "hidden" && getComputedStyle(e).display !== "inline";
    for (const r of clips ? [e.getBoundingClientRect()] : range.getClientRects()) {
      if (r.left < place.left - 1 || r.right > place.right + 1) { bad.push(e.textContent.slice(0, 20) + " leaves its place"); break; }
    }
  }
  return bad;
})()`
