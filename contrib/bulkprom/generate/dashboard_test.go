package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

func TestDashboardIsWellFormed(t *testing.T) {
	text, err := os.ReadFile("../dashboard/bulkheads.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Title         string
		UID           string
		SchemaVersion int
		Templating    struct {
			List []struct{ Name, Type, Definition string }
		}
		Panels []panel
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || len(d.UID) > 40 || d.SchemaVersion < 36 {
		t.Errorf("title %q, uid %q, schema %d", d.Title, d.UID, d.SchemaVersion)
	}
	variables := map[string]bool{}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	codes := map[string]bool{}
	for i, p := range d.Panels {
		if p.ID != i+1 || p.Title == "" || len(p.Targets) == 0 || len(p.Targets) > 26 || p.Datasource["uid"] != "${datasource}" {
			t.Errorf("panel %d: id %d, %q, %d targets, %v", i, p.ID, p.Title, len(p.Targets), p.Datasource)
		}
		if !slices.Contains([]string{"timeseries", "state-timeline"}, p.Type) {
			t.Errorf("%s: type %q", p.Title, p.Type)
		}
		if unit := p.FieldConfig["defaults"].(map[string]any)["unit"]; !slices.Contains([]any{"short", "s", "ops", "percentunit"}, unit) {
			t.Errorf("%s: unit %v", p.Title, unit)
		}
		g := p.GridPos
		if g.X < 0 || g.W < 1 || g.X+g.W > 24 || g.H < 3 {
			t.Errorf("%s: at %+v", p.Title, g)
		}
		for _, q := range d.Panels[:i] {
			if o := q.GridPos; g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
				t.Errorf("%s lies on %s", p.Title, q.Title)
			}
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			if refs[target.RefID] {
				t.Errorf("%s: refId %s is there twice", p.Title, target.RefID)
			}
			refs[target.RefID] = true
			checkExpr(t, p.Title, target.Expr)
			for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(target.Expr, -1) {
				if !variables[m[1]] {
					t.Errorf("%s: no variable %s", p.Title, m[1])
				}
			}
			if severity, ok := strings.CutPrefix(p.Title, "Findings: "); ok {
				codes[severity+strings.TrimPrefix(target.LegendFormat, "{{bulkhead}}")] = true
			}
		}
	}
	for _, r := range rules {
		if !codes[r.severity.String()+" "+string(r.code)] {
			t.Errorf("the dashboard does not show %s (%s)", r.code, r.severity)
		}
	}
}

// checkExpr checks that an expression selects metrics that exist, each for the selected
// jobs and bulkheads.
func checkExpr(t *testing.T, title, expr string) {
	t.Helper()
	parsed, err := promQL.ParseExpr(expr)
	if err != nil {
		t.Errorf("%s: %v", title, err)
		return
	}
	names, err := metricNames()
	if err != nil {
		t.Fatal(err)
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		if name := regexp.MustCompile(`^(bulkhead_(?:shadow_)?(?:wait|sampled_hold)_seconds)_(?:sum|count|bucket)$`).ReplaceAllString(s.Name, "$1"); !names[name] {
			t.Errorf("%s: no metric %s", title, s.Name)
		}
		for _, label := range []string{"job", "bulkhead"} {
			if !slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == label && m.Value == "$"+label }) {
				t.Errorf("%s: %s does not select by %s", title, s.Name, label)
			}
		}
		return nil
	})
}

// metricNames returns the names in a scrape of all sources.
var metricNames = sync.OnceValues(func() (map[string]bool, error) {
	all, err := exportedToPrometheus()
	names := map[string]bool{}
	for _, m := range all {
		names[m.name] = true
	}
	return names, err
})

// Each graph has a value in two scrapes of a busy bulkhead and of one source of each
// other kind.
func TestEachGraphShowsValues(t *testing.T) {
	b := bulk.Status{ID: 1 << 60, Label: "payments", Capacity: bulk.Capacity{Parallelism: 2, WaitingRoom: 5}, InUse: 2, Waiting: 1, OldestWait: 1, OldestHold: 1}
	end := b
	end.Totals = bulk.Totals{Admitted: 100, AdmittedFromQueue: 10, Queued: 10, Saturated: 5, Wait: 1e9, Queueing: 1e9, Waits: waitsOf(t, 10), Holds: bulk.Holds{Samples: 2, Sum: 1e9}}
	s, err := newSources()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	for name, opts := range map[string][]bulkprom.Option{"classic": nil, "native": {bulkprom.NativeHistogram()}} {
		stored := scraped(t, []bulk.Status{b}, []bulk.Status{end}, append(opts,
			bulkprom.Keyed(s.keyed), bulkprom.Shadow("1 slot", s.shadow), bulkprom.Limiter(s.limiter), bulkprom.Member(s.member))...)
		for _, g := range graphs {
			kind, _, _ := strings.Cut(g.title, ":")
			label := map[string]string{"Keys": "tenants", "Limiters": "search", "Fleets": "mail"}[kind]
			if label == "" {
				label = "payments"
			}
			for _, q := range g.queries {
				if _, ok := stored.query(t, q.expr)[label]; !ok {
					t.Errorf("%s: %s: %s has no value for %s", name, g.title, q.expr, label)
				}
			}
		}
	}
}
