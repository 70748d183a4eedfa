package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// The forms of Grafana's dashboards in JSON, as far as they are used. The values of
// enumerations are those of Grafana's SDK, and a test decodes the whole with it.
type (
	object map[string]any

	panel struct {
		ID          int      `json:"id"`
		Type        string   `json:"type"`
		Title       string   `json:"title"`
		Description string   `json:"description,omitempty"`
		GridPos     gridPos  `json:"gridPos"`
		Datasource  object   `json:"datasource,omitempty"`
		Targets     []target `json:"targets,omitempty"`
		FieldConfig object   `json:"fieldConfig,omitempty"`
		Options     object   `json:"options,omitempty"`
	}

	gridPos struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}

	target struct {
		RefID        string `json:"refId"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
		Datasource   object `json:"datasource"`
	}
)

var datasource = object{"type": "prometheus", "uid": "${datasource}"}

// graph is a panel with lines over time.
type graph struct {
	title, description, unit string
	queries                  []query
}

type query struct{ expr, legend string }

// graphs are the panels below the findings. Rates use five minutes, as the rules do.
var graphs = []graph{
	{"Slots", "Slots in use, and the parallelism.", "short", []query{
		{`sum by (bulkhead) (bulkhead_slots_in_use)`, "{{bulkhead}} in use"}, {`sum by (bulkhead) (bulkhead_slots < Inf)`, "{{bulkhead}} slots"}}},
	{"Waiting room", "Operations that wait, and the size of the waiting room.", "short", []query{
		{`sum by (bulkhead) (bulkhead_operations_waiting)`, "{{bulkhead}} waiting"}, {`sum by (bulkhead) (bulkhead_waiting_room_places)`, "{{bulkhead}} places"}}},
	{"Arrivals", "Operations that arrive and that are admitted, per second.", "ops", []query{
		{`sum by (bulkhead) (rate(bulkhead_operations_arrived_total[5m]))`, "{{bulkhead}} arrived"},
		{`sum by (bulkhead) (rate(bulkhead_operations_admitted_total[5m]))`, "{{bulkhead}} admitted"}}},
	{"Rejections", "Operations that are rejected, per second, by reason.", "ops", []query{
		{`sum by (bulkhead, reason) (rate(bulkhead_operations_rejected_total[5m])) > 0`, "{{bulkhead}} {{reason}}"}}},
	{"Waits", "Quantiles of the waits of operations that were admitted from the waiting room.", "s", []query{
		{quantile(0.5, "bulkhead_wait_seconds", "bulkhead"), "{{bulkhead}} p50"}, {quantile(0.99, "bulkhead_wait_seconds", "bulkhead"), "{{bulkhead}} p99"}}},
	{"Share of time with a queue", "1 means that at least one operation waited all the time. The sum over the keys of a Keyed can be more.", "percentunit", []query{
		{`avg by (bulkhead) (rate(bulkhead_queueing_seconds_total[5m]))`, "{{bulkhead}}"}}},
	{"Mean hold", "Time that operations held their slots, from samples.", "s", []query{
		{`sum by (bulkhead) (rate(bulkhead_sampled_hold_seconds_sum[5m])) / sum by (bulkhead) (rate(bulkhead_sampled_hold_seconds_count[5m]))`, "{{bulkhead}}"}}},
	{"Oldest", "How long the head of the queue has waited, and the oldest operation has been in flight.", "s", []query{
		{`max by (bulkhead) (bulkhead_oldest_wait_seconds) > 0`, "{{bulkhead}} waiting"}, {`max by (bulkhead) (bulkhead_oldest_hold_seconds) > 0`, "{{bulkhead}} in flight"}}},
	{"Keys", "Keys of each Keyed, and their largest number.", "short", []query{
		{`sum by (bulkhead) (bulkhead_keys)`, "{{bulkhead}} keys"}, {`sum by (bulkhead) (bulkhead_keys_limit)`, "{{bulkhead}} limit"}}},
	{"Shadows: rejections", "Operations that are rejected, per second, and those that a bulkhead with another capacity would have rejected.", "ops", []query{
		{`sum by (bulkhead) (rate(bulkhead_operations_rejected_total[5m])) and on (bulkhead) bulkhead_shadow_slots`, "{{bulkhead}}"},
		{`sum by (bulkhead, shadow) (rate(bulkhead_shadow_operations_rejected_total[5m]))`, "{{bulkhead}} with {{shadow}}"}}},
	{"Shadows: waits", "99 of 100 operations that a bulkhead with another capacity would have admitted from its waiting room would have waited for at most this time.", "s", []query{
		{quantile(0.99, "bulkhead_shadow_wait_seconds", "bulkhead, shadow"), "{{bulkhead}} with {{shadow}} p99"}}},
	{"Limiters: limit", "Present limit of each adaptive limiter, and the range in which it can move now.", "short", []query{
		{`sum by (bulkhead) (bulkhead_limiter_limit_slots < Inf)`, "{{bulkhead}} limit"}, {`sum by (bulkhead) (bulkhead_limiter_floor_slots)`, "{{bulkhead}} floor"},
		{`sum by (bulkhead) (bulkhead_limiter_ceiling_slots)`, "{{bulkhead}} ceiling"}}},
	{"Limiters: latency", "Latency of the dependency in the last window (nine of ten successes), and without queueing.", "s", []query{
		{`max by (bulkhead) (bulkhead_limiter_latency_seconds)`, "{{bulkhead}} latency"}, {`max by (bulkhead) (bulkhead_limiter_baseline_seconds)`, "{{bulkhead}} baseline"}}},
	{"Fleets: shares", "Slots that the members have of a budget and that they could use, and the budget.", "short", []query{
		{`sum by (bulkhead, budget) (bulkhead_fleet_share_slots)`, "{{budget}} {{bulkhead}} share"}, {`sum by (bulkhead, budget) (bulkhead_fleet_demand_slots)`, "{{budget}} {{bulkhead}} demand"},
		{`max by (bulkhead, budget) (bulkhead_fleet_budget_slots)`, "{{budget}} {{bulkhead}} budget"}}},
	{"Fleets: members without a lease", "Members that have lost their lease. By default they admit no operation.", "short", []query{
		{`sum by (bulkhead, budget) (bulkhead_fleet_state{state="lost"})`, "{{budget}} {{bulkhead}} lost"}}},
	{"Fleets: requests that failed", "Requests to the store, per second, that failed, or that conflicted with a write of another member. Conflicts are normal.", "ops", []query{
		{`sum by (bulkhead, budget) (rate(bulkhead_fleet_failures_total[5m]))`, "{{budget}} {{bulkhead}} failed"},
		{`sum by (bulkhead, budget) (rate(bulkhead_fleet_conflicts_total[5m]))`, "{{budget}} {{bulkhead}} conflicted"}}},
}

// quantile returns an expression for classic and native histograms.
func quantile(q float64, histogram, by string) string {
	return fmt.Sprintf("histogram_quantile(%v, sum by (%s, le) (rate(%s_bucket[5m]))) or histogram_quantile(%v, sum by (%s) (rate(%s[5m])))", q, by, histogram, q, by, histogram)
}

// newDashboard returns a dashboard for Grafana: a panel for the findings of each
// severity, and the graphs.
func newDashboard(alerts []alert) ([]byte, error) {
	var panels []panel
	y := 0
	for _, severity := range []bulk.Severity{bulk.SeverityCritical, bulk.SeverityWarning, bulk.SeverityNotice} {
		var queries []query
		var about []string
		for _, a := range alerts {
			if a.severity == severity {
				queries = append(queries, query{fmt.Sprintf("count by (bulkhead) (%s)", a.expr), "{{bulkhead}} " + string(a.code)})
				about = append(about, fmt.Sprintf("**%s**: %s. %s", a.code, capitalized(a.when), a.advice))
			}
		}
		height := 6
		targets, err := targetsOf(queries)
		if err != nil {
			return nil, err
		}
		panels = append(panels, panel{
			Type: "state-timeline", Title: "Findings: " + severity.String(), Description: strings.Join(about, "\n\n"),
			GridPos: gridPos{height, 24, 0, y}, Datasource: datasource, Targets: targets,
			FieldConfig: object{"defaults": object{"unit": "short", "noValue": "none", "color": object{"mode": dashboard.FieldColorModeIdFixed, "fixedColor": colors[severity]}}, "overrides": []object{}},
			Options:     object{"showValue": common.VisibilityModeNever, "mergeValues": true, "rowHeight": 0.9, "legend": legend(false), "tooltip": tooltip(common.TooltipDisplayModeSingle, common.SortOrderNone)},
		})
		y += height
	}
	for i, g := range graphs {
		targets, err := targetsOf(g.queries)
		if err != nil {
			return nil, err
		}
		panels = append(panels, panel{
			Type: "timeseries", Title: g.title, Description: g.description,
			GridPos: gridPos{8, 12, i % 2 * 12, y + i/2*8}, Datasource: datasource, Targets: targets,
			FieldConfig: object{"defaults": object{"unit": g.unit, "min": 0}, "overrides": []object{}},
			Options:     object{"legend": legend(true), "tooltip": tooltip(common.TooltipDisplayModeMulti, common.SortOrderDescending)},
		})
	}
	for i := range panels {
		panels[i].ID = i + 1
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(object{
		"title": "Bulkheads", "uid": "bulklink-bulkheads", "tags": []string{"bulkhead"}, "schemaVersion": 39, "version": 1,
		"description": "Generated by contrib/bulkprom/generate.",
		"editable":    true, "refresh": "30s", "timezone": "browser", "time": object{"from": "now-1h", "to": "now"},
		"annotations": object{"list": []object{}},
		"templating": object{"list": []object{
			{"name": "datasource", "label": "Data source", "type": dashboard.VariableTypeDatasource, "query": "prometheus"},
			variable("job", "Job", "label_values(bulkhead_closed, job)"),
			variable("bulkhead", "Bulkhead", `label_values(bulkhead_closed{job=~"$job"}, bulkhead)`),
		}},
		"panels": panels,
	})
	return text.Bytes(), err
}

var colors = map[bulk.Severity]string{bulk.SeverityCritical: "red", bulk.SeverityWarning: "orange", bulk.SeverityNotice: "blue"}

func legend(shown bool) object {
	return object{"showLegend": shown, "displayMode": common.LegendDisplayModeList, "placement": common.LegendPlacementBottom, "calcs": []string{}}
}

func tooltip(mode common.TooltipDisplayMode, sort common.SortOrder) object {
	return object{"mode": mode, "sort": sort}
}

func variable(name, label, definition string) object {
	return object{
		"name": name, "label": label, "type": dashboard.VariableTypeQuery, "datasource": datasource, "definition": definition,
		"query": object{"query": definition, "refId": name}, "refresh": dashboard.VariableRefreshOnTimeRangeChanged, "sort": dashboard.VariableSortAlphabeticalAsc,
		"includeAll": true, "multi": true, "allValue": ".*", "current": object{"text": "All", "value": "$__all"},
	}
}

func targetsOf(queries []query) ([]target, error) {
	var targets []target
	for i, q := range queries {
		expr, err := selected(q.expr)
		if err != nil {
			return nil, err
		}
		targets = append(targets, target{string(rune('A' + i)), expr, q.legend, datasource})
	}
	return targets, nil
}

// selected returns the expression for the jobs and bulkheads that are selected in the
// dashboard.
func selected(expr string) (string, error) {
	parsed, err := promQL.ParseExpr(expr)
	if err != nil {
		return "", fmt.Errorf("%s: %w", expr, err)
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok {
			s.LabelMatchers = append(s.LabelMatchers,
				labels.MustNewMatcher(labels.MatchRegexp, "job", "$job"), labels.MustNewMatcher(labels.MatchRegexp, "bulkhead", "$bulkhead"))
		}
		return nil
	})
	return parsed.String(), nil
}
