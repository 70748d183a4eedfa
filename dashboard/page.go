package dashboard

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

var templates = template.Must(template.ParseFS(assets, "assets/page.html"))

// pageData is what the template of the page gets.
type pageData struct {
	Instance, Title, At, Window, Query string
	N                                  int64 // the second of the last sample
	Detail                             bool  // the page of one bulkhead
	ID                                 uint64
	Name                               string // its label
	Counts                             []severityCount
	Cards                              []item
	Index                              []item // with warnings, at most maxLines
	More                               int    // with warnings, without a card
	CardCount                          int
	Rows                               []item
	Sorts                              []sortOption
	Keys                               []keyLine   // nil: keys are not listed
	Form                               *changeForm // nil if nothing can be changed
	Reloads                            bool        // without JavaScript
	Sort                               string
	Empty                              item // for the templates that details.js copies
}

type severityCount struct {
	Name string
	N    int
}

// keyLine is a line of the list of the busiest keys: key, slots in use, waiting, and since
// the key was created arrivals, rejections and the 99th percentile of the waits.
type keyLine [6]string

// item is a bulkhead or a Keyed on the page.
type item struct {
	ID            uint64
	Label, Kind   string
	view          view
	Changes       []shownChange
	Panels        []panel
	Charts        []chart
	Since         string // when the charts begin
	SparkArrivals string
	SparkRejected string
}

// F returns the text with that name: see fieldNames.
func (i item) F(name string) string { return i.view.fields[slices.Index(fieldNames[:], name)] }

// Bar returns the length of a bar in percent.
func (i item) Bar(n int) float64 { return i.view.bars[n] }

// Findings returns the findings, the worst first.
func (i item) Findings() []shownFinding { return i.view.findings }

// briefFindings is how many findings the list shows in full, with their advice. The page of
// the bulkhead shows all of them.
const briefFindings = 2

// Also names the other findings.
func (i item) Also() string {
	var names []string
	for n, f := range i.view.findings {
		if n >= briefFindings {
			names = append(names, strings.TrimSpace(strings.ToLower(f.Title)+" "+f.Ago))
		}
	}
	return strings.Join(names, ", ")
}

// Keys returns the numbers by which live.js sorts.
func (i item) Keys() string {
	var texts []string
	for _, k := range i.view.keys {
		texts = append(texts, strconv.FormatFloat(k, 'g', -1, 64))
	}
	return strings.Join(texts, " ")
}

// Address returns the address of the page. Without JavaScript a page is reloaded by itself
// only if the address asks for it. It has no fields then, because a reload would clear them.
func (p pageData) Address(reloads bool) string {
	v := url.Values{}
	if p.Detail {
		v.Set("id", strconv.FormatUint(p.ID, 10))
	}
	if p.Query != "" {
		v.Set("q", p.Query)
	}
	if p.Sort != sorts[0].Name && !p.Detail {
		v.Set("sort", p.Sort)
	}
	if reloads {
		v.Set("reload", "5")
	}
	if len(v) == 0 {
		return "./"
	}
	return "./?" + v.Encode()
}

// Listed reports whether the page has a list of keys, which can be empty.
func (p pageData) Listed() bool { return p.Keys != nil }

// sortOption is an order of the table.
type sortOption struct {
	Name, Title string
	Selected    bool
	less        func(a, b *track) int // nil: the worst first
}

var sorts = []sortOption{
	{"worst", "worst first", false, nil},
	{"label", "label", false, func(a, b *track) int { return cmp.Compare(a.now.status.Label, b.now.status.Label) }},
	{"arrivals", "arrivals", false, byKey(keyArrivals)},
	{"rejected", "rejections", false, byKey(keyRejected)},
	{"wait", "wait p99", false, byKey(keyWait)},
	{"use", "slots in use", false, byKey(keyUse)},
}

func byKey(key int) func(a, b *track) int {
	return func(a, b *track) int { return cmp.Compare(b.view.keys[key], a.view.keys[key]) }
}

func sortNames() string {
	var names []string
	for _, s := range sorts {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// writeHTML writes the page, complete without JavaScript.
func (d *dashboard) writeHTML(w http.ResponseWriter, r *http.Request, q query) {
	data := d.sampler.page(q)
	data.Instance = d.instance
	data.Reloads = r.URL.Query().Get("reload") != ""
	if data.Detail {
		if t, ok := d.sampler.find(q.id); ok {
			now := d.sampler.current(t)
			if now.busiest != nil {
				data.Keys = keyLines(now.busiest())
			}
			if d.authorize != nil && now.target != nil && d.authorize(r) {
				data.Form = d.sampler.form(t)
				data.Form.Instance = d.instance
			}
		}
	}
	writeTemplate(w, http.StatusOK, "page", data)
}

func writeTemplate(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		panic(err) // the templates fit their data
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String())) // an error means that the client left
}

// page returns the data of the page that q asks for.
func (s *sampler) page(q query) pageData {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := pageData{
		At: clock(s.at), N: s.events.second, Query: q.text, Sort: q.sort, ID: q.id, Detail: q.id != 0,
		Title: "Bulkheads", CardCount: cardCount,
		Empty: item{view: view{}, Charts: chartsOf(&history{}, 0), Since: "1 min ago"},
	}
	counts := s.counts()
	for severity := bulk.SeverityCritical; ; severity-- {
		p.Counts = append(p.Counts, severityCount{severity.String(), counts[severity]})
		if severity == bulk.SeverityOK {
			break
		}
	}
	if n := counts[bulk.SeverityCritical]; n > 0 {
		p.Title = strconv.Itoa(n) + " critical – Bulkheads"
	}
	for _, o := range sorts {
		o.Selected = o.Name == q.sort
		p.Sorts = append(p.Sorts, o)
	}
	found := s.selected(q)
	if p.Detail {
		for _, t := range found {
			p.Name = t.label()
			p.Title = p.Name + " – Bulkheads"
			p.Cards = append(p.Cards, s.card(t))
		}
		return p
	}
	for _, t := range s.worst(maxLines) {
		p.Index = append(p.Index, newItem(t))
	}
	worst := s.worst(cardCount)
	for _, t := range worst {
		p.Cards = append(p.Cards, s.card(t))
	}
	p.More = counts[bulk.SeverityCritical] + counts[bulk.SeverityWarning] - len(worst)
	for n, t := range found {
		row := newItem(t)
		if n < maxSparks {
			row.SparkArrivals, row.SparkRejected = spark(&t.history, s.events.second)
		}
		p.Rows = append(p.Rows, row)
	}
	if len(found) > 0 {
		p.Window = found[0].view.windowText()
	}
	return p
}

// maxLines is how many bulkheads with warnings are listed above the cards.
const maxLines = 40

// maxSparks is how many rows have their small chart in the page itself: a full one has
// 4 kB. live.js draws those that can be seen.
const maxSparks = 50

func newItem(t *track) item {
	return item{ID: t.id, Label: t.label(), Kind: t.kind(), view: t.view}
}

// card returns the data of a card. The lock is held.
func (s *sampler) card(t *track) item {
	i := newItem(t)
	i.Charts, i.Since = chartsOf(&t.history, s.events.second), since(&t.history, s.events.second)
	for _, r := range t.resized {
		i.Changes = append(i.Changes, r.show())
	}
	for _, p := range t.now.panels {
		i.Panels = append(i.Panels, p())
	}
	return i
}

// current returns the last reading of t.
func (s *sampler) current(t *track) *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.now
}

func keyLines(keys []keyStatus) []keyLine {
	lines := make([]keyLine, 0, len(keys))
	for _, k := range keys {
		s := k.Status
		_, p99 := quantiles(s.Totals)
		lines = append(lines, keyLine{
			safetext.Printable(k.Key), formatCount(s.InUse) + " / " + formatParallelism(s.Capacity.Parallelism), formatCount(s.Waiting),
			formatCount(s.Totals.Arrivals()), formatCount(s.Totals.Rejected()), formatDuration(p99),
		})
	}
	return lines
}
