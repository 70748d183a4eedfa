package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The hand-written tables of labels and attributes in docs/metrics.md have a row for each
// label, and their column "of" selects exactly the metrics that have it.
func TestTablesOfLabelsAreWhatIsExported(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "docs/metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	for header, export := range map[string]func() ([]exported, error){
		"| label | of | meaning |": exportedToPrometheus, "| attribute | of | meaning |": exportedToOTel,
	} {
		all, err := export()
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range differences(rowsBelow(string(page), header), all) {
			t.Errorf("%s: %s", header, problem)
		}
	}
}

// rowsBelow returns for each name in the first column what the second column has, in all
// rows below the header.
func rowsBelow(page, header string) map[string][]string {
	rows := map[string][]string{}
	_, table, _ := strings.Cut(strings.ReplaceAll(page, "\r\n", "\n"), header+"\n|---|---|---|\n")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| `") || len(cells) != 3 {
			break
		}
		name := strings.Trim(cells[0], "| `")
		rows[name] = append(rows[name], cells[1])
	}
	return rows
}

var pattern = regexp.MustCompile("`([^`]+)`")

// selects reports whether a cell selects the metric: "all", "all but" patterns, or
// patterns. A pattern can end in an asterisk.
func selects(cell, metric string) bool {
	matches := false
	for _, m := range pattern.FindAllStringSubmatch(cell, -1) {
		prefix, open := strings.CutSuffix(m[1], "*")
		matches = matches || m[1] == metric || open && strings.HasPrefix(metric, prefix)
	}
	return matches != strings.HasPrefix(cell, "all")
}

func differences(rows map[string][]string, all []exported) (problems []string) {
	labels := map[string]bool{}
	for _, m := range all {
		maps.Copy(labels, m.labels)
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if rows[label] == nil {
			problems = append(problems, "no row for "+label)
		}
	}
	for _, label := range slices.Sorted(maps.Keys(rows)) {
		for _, m := range all {
			if said := slices.ContainsFunc(rows[label], func(cell string) bool { return selects(cell, m.name) }); said != m.labels[label] {
				problems = append(problems, label+" of "+m.name)
			}
		}
		for _, cell := range rows[label] {
			for _, m := range pattern.FindAllString(cell, -1) {
				if !slices.ContainsFunc(all, func(e exported) bool { return selects(m, e.name) }) {
					problems = append(problems, label+": "+m+" selects no metric")
				}
			}
		}
	}
	return problems
}

func TestDifferencesBetweenTablesAndMetricsAreFound(t *testing.T) {
	all := []exported{
		{name: "bulkhead_slots", labels: map[string]bool{"bulkhead": true}},
		{name: "bulkhead_fleet_state", labels: map[string]bool{"bulkhead": true, "state": true}},
		{name: "bulkhead_fleet_share", labels: map[string]bool{"bulkhead": true}},
	}
	const head = "text\n\n| label | of | meaning |\n|---|---|---|\n| `bulkhead` | all | the label |\n"
	for rows, want := range map[string]string{
		"| `state` | `bulkhead_fleet_state` | the state |\n":                           "",
		"| `state` | all but `bulkhead_slots`, `bulkhead_fleet_share` | the state |\n": "",
		"": "no row for state",
		"| `state` | `bulkhead_fleet_*` | the state |\n":                                              "state of bulkhead_fleet_share",
		"| `state` | all | the state |\n":                                                             "state of bulkhead_slots, state of bulkhead_fleet_share",
		"| `state` | `bulkhead_fleet_state`, `bulkhead_none` | the state |\n":                         "state: `bulkhead_none` selects no metric",
		"| `state` | `bulkhead_fleet_state` | the state |\n| `none` | `bulkhead_slots` | nothing |\n": "none of bulkhead_slots",
	} {
		if got := strings.Join(differences(rowsBelow(head+rows+"\n| `other` | all | a table |\n", "| label | of | meaning |"), all), ", "); got != want {
			t.Errorf("%q: %q, want %q", rows, got, want)
		}
	}
}

// docs/metrics.md says which metrics of a bulkhead a shadow has.
func TestShadowHasTheMetricsOfABulkhead(t *testing.T) {
	for _, c := range []struct {
		export                 func() ([]exported, error)
		ofShadow, ofBulkhead   string
		onlyShadow, notAShadow []string
	}{
		{exportedToPrometheus, "bulkhead_shadow_", "bulkhead_", []string{"events_late_total", "operations_drawn_total"}, []string{"oldest_hold_seconds"}},
		{exportedToOTel, "bulkhead.shadow.", "bulkhead.", []string{"event.late", "operation.drawn"}, []string{"hold.oldest", "wait.duration"}},
	} {
		all, err := c.export()
		if err != nil {
			t.Fatal(err)
		}
		shadow, bulkhead := map[string]string{}, map[string]string{} // kinds and units
		for _, m := range all {
			switch m.of {
			case "shadow":
				shadow[strings.TrimPrefix(m.name, c.ofShadow)] = m.kind + m.unit
			case "bulkhead", "both":
				bulkhead[strings.TrimPrefix(m.name, c.ofBulkhead)] = m.kind + m.unit
			}
		}
		for _, name := range c.onlyShadow {
			if shadow[name] == "" {
				t.Errorf("no %s%s", c.ofShadow, name)
			}
			delete(shadow, name)
		}
		for _, name := range c.notAShadow {
			if bulkhead[name] == "" {
				t.Errorf("no %s%s", c.ofBulkhead, name)
			}
			delete(bulkhead, name)
		}
		if !maps.Equal(shadow, bulkhead) {
			t.Errorf("%s: %v, and a bulkhead has %v", c.ofShadow, shadow, bulkhead)
		}
	}
}
