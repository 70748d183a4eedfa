package dashboard

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

//go:embed assets
var assets embed.FS

// contentTypes are the assets that can be fetched.
var contentTypes = map[string]string{
	"style.css":  "text/css; charset=utf-8",
	"live.js":    "text/javascript; charset=utf-8",
	"charts.js":  "text/javascript; charset=utf-8",
	"details.js": "text/javascript; charset=utf-8",
	"table.js":   "text/javascript; charset=utf-8",
	"icon.svg":   "image/svg+xml",
}

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// ServeHTTP routes by the last segment of the path, so that it does not matter where the
// handler is mounted.
func (d *dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	d.shutdowns.watch(r, d.sampler)
	if target, ok := slashAdded(r); ok {
		h.Set("Location", target)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	_, page := path.Split(r.URL.Path)
	if page == "change" {
		d.serveChange(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		fail(w, http.StatusMethodNotAllowed, "This address can only be read.")
		return
	}
	switch page {
	case "":
		d.servePage(w, r)
	case "events":
		d.serveEvents(w, r)
	case "history":
		d.serveHistory(w, r)
	default:
		serveAsset(w, page)
	}
}

// slashAdded returns where to redirect a request for the path at which the handler is
// mounted: to the one with a slash, because the addresses in the page are relative.
// [http.StripPrefix] has removed the path from the URL, so it is taken from the request
// line: it has the slash already if the prefix that was removed ends with it. The redirect
// is relative, because a proxy can have removed a prefix too.
func slashAdded(r *http.Request) (target string, ok bool) {
	if r.URL.Path != "" {
		return "", false
	}
	target = "./"
	if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
		mounted := u.EscapedPath()
		if strings.HasSuffix(mounted, "/") {
			return "", false
		}
		if _, last := path.Split(mounted); last != "" {
			target = "./" + last + "/"
		}
	}
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	return target, true
}

func serveAsset(w http.ResponseWriter, name string) {
	contentType, ok := contentTypes[name]
	if !ok {
		fail(w, http.StatusNotFound, "There is no such page.")
		return
	}
	text, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(text) // an error means that the client left
}

// servePage writes the page in the form that the client asks for.
func (d *dashboard) servePage(w http.ResponseWriter, r *http.Request) {
	form, ok := formOf(r)
	w.Header().Set("Vary", "Accept")
	if !ok {
		fail(w, http.StatusBadRequest, "format must be html, text or json.")
		return
	}
	q, err := parseQuery(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error()+".")
		return
	}
	d.sampler.refresh()
	if q.id != 0 {
		if _, ok := d.sampler.find(q.id); !ok {
			fail(w, http.StatusNotFound, "There is no bulkhead with this number. Numbers change when the process starts again.")
			return
		}
	}
	switch form {
	case "html":
		d.writeHTML(w, r, q)
	case "text":
		d.writeText(w, q)
	default:
		d.writeJSON(w, q)
	}
}

// query is what a request for the page asks for.
type query struct {
	id   uint64 // 0: the list
	text string // part of the label
	sort string // one of sorts
}

// maxQuery bounds the text that is searched for, in characters. The input of the page has
// the same bound, in UTF-16 code units: these are never fewer.
const maxQuery = 200

func parseQuery(r *http.Request) (query, error) {
	id, ok := idOf(r)
	if !ok {
		return query{}, errors.New("id must be the number of a bulkhead")
	}
	values := r.URL.Query()
	q := query{id: id, text: values.Get("q"), sort: values.Get("sort")}
	if utf8.RuneCountInString(q.text) > maxQuery {
		return query{}, fmt.Errorf("q must have at most %d characters", maxQuery)
	}
	if q.sort == "" {
		q.sort = sorts[0].Name
	}
	for _, s := range sorts {
		if s.Name == q.sort {
			return q, nil
		}
	}
	return query{}, fmt.Errorf("sort must be one of %s", sortNames())
}

// idOf returns the parameter id, 0 without one.
func idOf(r *http.Request) (id uint64, ok bool) {
	text := r.URL.Query().Get("id")
	if text == "" {
		return 0, true
	}
	id, err := strconv.ParseUint(text, 10, 64)
	return id, err == nil && id > 0
}

// formOf returns html, text or json: what the parameter format says, otherwise the one
// with the highest quality in Accept. Of equals the first one counts, and text if every
// type is accepted, as by curl.
func formOf(r *http.Request) (string, bool) {
	if format := r.URL.Query().Get("format"); format != "" {
		return format, format == "html" || format == "text" || format == "json"
	}
	best, quality := "text", 0.0
	for _, accept := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			form := map[string]string{
				"text/html": "html", "application/xhtml+xml": "html", "text/plain": "text", "application/json": "json", "*/*": "text", "text/*": "text",
			}[strings.ToLower(strings.TrimSpace(name))]
			if q := qualityOf(parameters); form != "" && q > quality {
				best, quality = form, q
			}
		}
	}
	return best, true
}

// qualityOf returns the q of the parameters of a media range, 1 without one.
func qualityOf(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || !(q >= 0 && q <= 1) {
				return 0
			}
			return q
		}
	}
	return 1
}

// maxHistories is how many histories one request can get.
const maxHistories = 50

// serveHistory writes the samples of the bulkheads with the given IDs as JSON: for each
// the list of its series, of which the last value is that of the second n.
func (d *dashboard) serveHistory(w http.ResponseWriter, r *http.Request) {
	ids := r.URL.Query()["id"]
	if len(ids) > maxHistories {
		fail(w, http.StatusBadRequest, fmt.Sprintf("At most %d ids are allowed.", maxHistories))
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(d.sampler.histories(d.instance, ids))
}

func (s *sampler) histories(instance string, ids []string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.events.second
	m := fmt.Appendf(nil, `{"instance":%q,"n":%d,"series":{`, instance, n)
	first := true
	for _, text := range ids {
		id, _ := strconv.ParseUint(text, 10, 64)
		t, ok := s.tracks[id]
		if !ok {
			continue
		}
		if !first {
			m = append(m, ',')
		}
		first = false
		m = fmt.Appendf(m, `"%d":`, id)
		m = t.history.append(m, n)
	}
	return append(m, `}}`...)
}

// append appends the series up to the second n as JSON.
func (h *history) append(m []byte, n int64) []byte {
	begin := n - historySeconds + 1
	for ; begin < n && isNaN(h.at(begin)[seriesInUse]); begin++ {
	}
	m = append(m, '[')
	for i := range seriesCount {
		if i > 0 {
			m = append(m, ',')
		}
		m = append(m, '[')
		for second := begin; second <= n; second++ {
			if second > begin {
				m = append(m, ',')
			}
			m = appendNumber(m, float64(h.at(second)[i]))
		}
		m = append(m, ']')
	}
	return append(m, ']')
}

func isNaN(x float32) bool { return x != x }

// fail writes an error as text.
func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, message)
}
