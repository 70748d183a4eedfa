package main

import (
	"fmt"
	"slices"
	"strings"
)

// newPage returns the page with new tables between its marks.
func newPage(old []byte, alerts []alert) ([]byte, error) {
	text := strings.ReplaceAll(string(old), "\r\n", "\n")
	ofPrometheus, err := exportedToPrometheus()
	if err != nil {
		return nil, err
	}
	ofOTel, err := exportedToOTel()
	if err != nil {
		return nil, err
	}
	for _, table := range []struct{ name, text string }{
		{"prometheus", tableOfPrometheus(ofPrometheus)}, {"alerts", tableOfAlerts(alerts)}, {"opentelemetry", tableOfOTel(ofOTel)},
		{"prometheus of other sources", tableOfPrometheusSources(ofPrometheus)}, {"opentelemetry of other sources", tableOfOTelSources(ofOTel)},
	} {
		begin, end := "<!-- "+table.name+": generated -->\n", "<!-- end of "+table.name+" -->\n"
		head, rest, ok := strings.Cut(text, begin)
		_, tail, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			return nil, fmt.Errorf("docs/metrics.md has no marks %q and %q", begin, end)
		}
		text = head + begin + "\n" + table.text + "\n" + end + tail
	}
	return []byte(text), nil
}

// tableOfPrometheus returns a table of the metrics of bulkheads and Keyeds.
func tableOfPrometheus(all []exported) string {
	var table strings.Builder
	table.WriteString("| metric | kind | of | meaning |\n|---|---|---|---|\n")
	for _, m := range all {
		if m.of == "bulkhead" || m.of == "Keyed" || m.of == "both" {
			fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", m.by(), m.kind, m.of, m.help)
		}
	}
	return table.String()
}

// tableOfPrometheusSources returns a table of the other metrics.
func tableOfPrometheusSources(all []exported) string {
	var table strings.Builder
	table.WriteString("| metric | kind | of | meaning |\n|---|---|---|---|\n")
	for _, m := range sourcesOnly(all, "bulkhead_shadow_", "bulkhead_") {
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", m.by(), m.kind, m.of, m.help)
	}
	return table.String()
}

// tableOfOTel returns a table of the instruments of bulkheads and Keyeds.
func tableOfOTel(all []exported) string {
	var table strings.Builder
	table.WriteString("| metric | kind | unit | of | meaning |\n|---|---|---|---|---|\n")
	for _, m := range all {
		if m.of == "bulkhead" || m.of == "Keyed" || m.of == "both" {
			fmt.Fprintf(&table, "| `%s` | %s | `%s` | %s | %s |\n", m.name, m.kind, m.unit, m.of, m.help)
		}
	}
	return table.String()
}

// tableOfOTelSources returns a table of the other instruments.
func tableOfOTelSources(all []exported) string {
	var table strings.Builder
	table.WriteString("| metric | kind | unit | of | meaning |\n|---|---|---|---|---|\n")
	for _, m := range sourcesOnly(all, "bulkhead.shadow.", "bulkhead.") {
		fmt.Fprintf(&table, "| `%s` | %s | `%s` | %s | %s |\n", m.name, m.kind, m.unit, m.of, m.help)
	}
	return table.String()
}

// sourcesOnly returns the metrics of shadows, limiters and members, without those of a
// shadow that a bulkhead has too, under a name with the other prefix.
func sourcesOnly(all []exported, ofShadow, ofBulkhead string) (result []exported) {
	for _, m := range all {
		rest, isShadow := strings.CutPrefix(m.name, ofShadow)
		common := isShadow && slices.ContainsFunc(all, func(other exported) bool { return other.name == ofBulkhead+rest })
		if !common && (m.of == "shadow" || m.of == "limiter" || m.of == "member") {
			result = append(result, m)
		}
	}
	return result
}

func tableOfAlerts(alerts []alert) string {
	var table strings.Builder
	table.WriteString("| alert | severity | for | when |\n|---|---|---|---|\n")
	for _, a := range alerts {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", a.name(), a.severity, a.hold, a.when)
	}
	return table.String()
}
