package dashboard

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
	"github.com/bulklink/bulklink-go/registry"
)

// member is a bulkhead or a Keyed in the text and JSON forms.
type member struct {
	now, start *reading
	report     bulk.Report
}

// members returns what q selects, in its order. The worst are those with the worst report:
// unlike the findings of the page, it has nothing that lingers.
func (s *sampler) members(q query) []member {
	s.mu.Lock()
	var all []member
	for _, t := range s.selected(q) {
		all = append(all, member{now: t.now, start: t.since(longWindow)})
	}
	s.mu.Unlock()
	for i, m := range all {
		all[i].report = m.now.report(m.start)
	}
	if q.sort == sorts[0].Name {
		slices.SortStableFunc(all, func(a, b member) int { return cmp.Compare(b.report.Severity(), a.report.Severity()) })
	}
	return all
}

// selected returns the tracks that q selects, in its order. The lock is held.
func (s *sampler) selected(q query) []*track {
	var found []*track
	text := strings.ToLower(q.text)
	for _, t := range s.order {
		if q.id != 0 && t.id != q.id || text != "" && !strings.Contains(strings.ToLower(t.label()), text) {
			continue
		}
		found = append(found, t)
	}
	for _, by := range sorts {
		if by.Name == q.sort && by.less != nil {
			slices.SortStableFunc(found, by.less)
		}
	}
	return found
}

// writeText writes the text forms of the reports and intervals of package bulk.
func (d *dashboard) writeText(w http.ResponseWriter, q query) {
	all := d.sampler.members(q)
	var counts [bulk.SeverityCritical + 1]int
	for _, m := range all {
		counts[m.report.Severity()]++
	}
	var b strings.Builder
	d.sampler.mu.Lock()
	at := d.sampler.at
	d.sampler.mu.Unlock()
	fmt.Fprintf(&b, "%s at %s\n", summaryText(counts), at.Format(time.RFC3339))
	for _, m := range all {
		fmt.Fprintf(&b, "\n%s\n%s\n", m.report, m.now.text(m.start))
		if m.now.busiest != nil {
			for _, k := range m.now.busiest() {
				s := k.Status
				fmt.Fprintf(&b, "  %-13s%s: slots in use %d, waiting %d; since it was created: arrivals %d, rejected %d\n", "busy",
					k.Key, s.InUse, s.Waiting, s.Totals.Arrivals(), s.Totals.Rejected())
			}
		}
		for _, p := range m.now.panels {
			fmt.Fprint(&b, p().text())
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
}

// text returns the panel on a few lines.
func (p panel) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s\n", p.Title)
	for _, f := range p.Figures {
		fmt.Fprintf(&b, "    %-20s %s\n", f.Name, f.Value)
	}
	for _, e := range p.Decisions {
		fmt.Fprintf(&b, "    %s %s (%s)\n", clock(e.At), e.Text, e.Reason)
	}
	return b.String()
}

// jsonForm is the JSON form. Reports have the form of [bulk.Report].
type jsonForm struct {
	At        time.Time      `json:"at"`
	Severity  bulk.Severity  `json:"severity"`
	Bulkheads []jsonBulkhead `json:"bulkheads"`
	Keyed     []jsonKeyed    `json:"keyed"`
}

type jsonBulkhead struct {
	Report bulk.Report `json:"report"`
	Panels []panel     `json:"panels,omitempty"`
}

type jsonKeyed struct {
	Report  bulk.Report          `json:"report"`
	Status  registry.KeyedStatus `json:"status"`
	Busiest []keyStatus          `json:"busiest,omitempty"`
}

func (d *dashboard) writeJSON(w http.ResponseWriter, q query) {
	form := jsonForm{At: time.Now(), Bulkheads: []jsonBulkhead{}, Keyed: []jsonKeyed{}}
	for _, m := range d.sampler.members(q) {
		form.Severity = max(form.Severity, m.report.Severity())
		if m.now.keyed == nil {
			b := jsonBulkhead{Report: m.report}
			for _, p := range m.now.panels {
				b.Panels = append(b.Panels, p())
			}
			form.Bulkheads = append(form.Bulkheads, b)
			continue
		}
		k := jsonKeyed{Report: m.report, Status: *m.now.keyed}
		if m.now.busiest != nil {
			k.Busiest = m.now.busiest()
		}
		form.Keyed = append(form.Keyed, k)
	}
	text, err := safetext.JSON(form)
	if err != nil {
		panic(err) // the types have no error
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(append(text, '\n'))
}

// summaryText returns a text like "12 bulkheads: 1 critical, 2 warning".
func summaryText(counts [bulk.SeverityCritical + 1]int) string {
	total := 0
	var parts []string
	for s := bulk.SeverityCritical; ; s-- {
		total += counts[s]
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
		if s == bulk.SeverityOK {
			break
		}
	}
	text := "1 bulkhead"
	if total != 1 {
		text = fmt.Sprintf("%d bulkheads", total)
	}
	if parts != nil {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}
