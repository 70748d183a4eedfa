package main

import (
	"fmt"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/prometheus/promql/parser"
)

// rule is the expression that finds in metrics what a report finds in a status, or what
// is in no report.
type rule struct {
	code     bulk.Code
	severity bulk.Severity
	expr     string
	hold     string // for how long it must be true before the alert fires
}

// Parts of expressions. Counts are of the last five minutes, as in a report of an
// interval.
const (
	open         = `bulkhead_closed == 0`
	notPaused    = `bulkhead_paused == 0`
	noFreeSlot   = `bulkhead_slots_in_use >= bulkhead_slots`
	hasRoom      = `bulkhead_waiting_room_places > 0`
	waits        = `bulkhead_operations_waiting > 0`
	nobodyWaits  = `bulkhead_operations_waiting == 0`
	roomFull     = `(bulkhead_operations_waiting >= bulkhead_waiting_room_places and bulkhead_waiting_room_places > 0)`
	tooManyKeys  = `sum without (reason, waited) (increase(bulkhead_operations_rejected_total{reason="too_many_keys"}[5m])) > 0`
	overCapacity = `bulkhead_slots_in_use > bulkhead_slots and ` + open + ` and ` + notPaused

	// The capacity of a bulkhead, or the one that the keys of a Keyed have in common.
	eachSlots  = `(bulkhead_slots or bulkhead_key_slots)`
	eachPlaces = `(bulkhead_waiting_room_places or bulkhead_key_waiting_room_places)`
	eachLimit  = `(bulkhead_wait_limit_seconds or bulkhead_key_wait_limit_seconds)`

	admitted = `increase(bulkhead_operations_admitted_total[5m])`
	queued   = `increase(bulkhead_operations_queued_total[5m])`
	demand   = `(increase(bulkhead_operations_arrived_total[5m]) - sum without (reason, waited) (increase(bulkhead_operations_rejected_total{reason!="saturated",waited="no"}[5m])))`

	saturated = `sum without (reason, waited) (increase(bulkhead_operations_rejected_total{reason="saturated"}[5m]))`
	expired   = `sum without (reason, waited) (increase(bulkhead_operations_rejected_total{reason="expired",waited="yes"}[5m]))`
	rejected  = `(` + saturated + ` + ` + expired + `)`
	oversized = `sum without (reason, waited) (increase(bulkhead_operations_rejected_total{reason="oversized"}[5m]))`

	// A server that scrapes native histograms has no series _sum and _count.
	waitCount = `(increase(bulkhead_wait_seconds_count[5m]) or histogram_count(increase(bulkhead_wait_seconds[5m])))`
	waitSum   = `(increase(bulkhead_wait_seconds_sum[5m]) or histogram_sum(increase(bulkhead_wait_seconds[5m])))`

	// A limiter that observes or is closed does not move, nor does one whose ceiling is the
	// floor. One whose last decision was that operations were too few, or did not need
	// the limit, is idle, unless they hang: then it decides rarely or never.
	atMinimum = `bulkhead_limiter_limit_slots == bulkhead_limiter_floor_slots` +
		` and bulkhead_limiter_floor_slots < bulkhead_limiter_ceiling_slots and bulkhead_limiter_observing == 0 and bulkhead_limiter_closed == 0`
	limitNeeded = `(bulkhead_limiter_operations_in_flight >= bulkhead_limiter_limit_slots or increase(bulkhead_limiter_decisions_total[5m]) > 0` +
		` and sum without (reason) (bulkhead_limiter_last_decision{reason!~"not_used|too_few_samples"}) > 0)`

	holdCount = `increase(bulkhead_sampled_hold_seconds_count[5m])`
	holdSum   = `increase(bulkhead_sampled_hold_seconds_sum[5m])`
)

// rules are in the order of the table. The highest severity of a code comes first.
var rules = []rule{
	{bulk.CodeDraining, bulk.SeverityNotice, `bulkhead_operations_in_flight > 0 and bulkhead_closed == 1`, "5m"},
	{bulk.CodePaused, bulk.SeverityWarning, `bulkhead_paused == 1 and ` + open + ` and ` + waits, "1m"},
	{bulk.CodePaused, bulk.SeverityNotice, `bulkhead_paused == 1 and ` + open + ` and ` + nobodyWaits, "5m"},
	{bulk.CodeOverCapacity, bulk.SeverityWarning, overCapacity + ` and ` + waits, "5m"},
	{bulk.CodeOverCapacity, bulk.SeverityNotice, overCapacity + ` and ` + nobodyWaits, "5m"},
	{bulk.CodeWaitingRoomFull, bulk.SeverityCritical, roomFull + ` and ` + noFreeSlot + ` and ` + open, "1m"},
	{bulk.CodeExecutionFull, bulk.SeverityWarning,
		`bulkhead_slots_in_use == bulkhead_slots and ` + open + ` and ` + notPaused + ` and (` + waits + ` or bulkhead_waiting_room_places == 0) unless ` + roomFull, "5m"},
	{bulk.CodeExecutionFull, bulk.SeverityNotice,
		`bulkhead_slots_in_use == bulkhead_slots and ` + open + ` and ` + notPaused + ` and ` + nobodyWaits + ` and ` + hasRoom, "15m"},
	{bulk.CodeWaitingRoomNearFull, bulk.SeverityWarning,
		`100 * bulkhead_operations_waiting >= 80 * bulkhead_waiting_room_places and ` + hasRoom + ` and ` + noFreeSlot + ` and ` + open + ` unless ` + roomFull, "1m"},
	{bulk.CodeStandingQueue, bulk.SeverityWarning, `bulkhead_standing_queue_seconds >= 10 and ` + open + ` and ` + notPaused, "1m"},
	{bulk.CodeLongHold, bulk.SeverityWarning,
		`bulkhead_oldest_hold_seconds >= 10 and bulkhead_oldest_hold_seconds >= 20 * bulkhead_sampled_hold_seconds_sum / bulkhead_sampled_hold_seconds_count and bulkhead_sampled_hold_seconds_count >= 20`, "1m"},
	{bulk.CodeUnboundedWait, bulk.SeverityNotice, eachPlaces + ` > 0 and ` + eachLimit + ` == 0 and ` + open, "15m"},
	{bulk.CodeWaitLimitUnused, bulk.SeverityNotice, eachLimit + ` > 0 and ` + eachPlaces + ` == 0 and ` + open, "15m"},
	{bulk.CodeLargeWaitingRoom, bulk.SeverityNotice,
		eachPlaces + ` >= 100 and ` + eachPlaces + ` >= 20 * clamp_min(` + eachSlots + `, 1) and ` + open, "15m"},
	{bulk.CodeFrequentQueueing, bulk.SeverityNotice, `100 * ` + queued + ` >= 50 * ` + demand + ` and ` + demand + ` >= 20`, "15m"},
	{bulk.CodeRejections, bulk.SeverityCritical, share(rejected, 20, admitted+` + `+rejected) + ` and ` + admitted + ` + ` + rejected + ` >= 20`, "1m"},
	{bulk.CodeRejections, bulk.SeverityWarning,
		share(rejected, 5, admitted+` + `+rejected) + ` and ` + admitted + ` + ` + rejected + ` >= 20 unless ` + share(rejected, 20, admitted+` + `+rejected), "5m"},
	{bulk.CodeExpirations, bulk.SeverityCritical, share(expired, 30, queued) + ` and ` + queued + ` >= 10`, "1m"},
	{bulk.CodeExpirations, bulk.SeverityWarning, share(expired, 10, queued) + ` and ` + queued + ` >= 10 unless ` + share(expired, 30, queued), "5m"},
	{bulk.CodeWaitsNearLimit, bulk.SeverityWarning,
		eachLimit + ` > 0 and ` + waitCount + ` >= 5 and (100 * ` + waitSum + ` >= 75 * ` + waitCount + ` * ` + eachLimit +
			` or (100 * bulkhead_longest_wait_seconds >= 95 * ` + eachLimit + ` and changes(bulkhead_longest_wait_seconds[5m]) > 0))`, "5m"},
	{bulk.CodeOversizedOperations, bulk.SeverityWarning, oversized + ` > 0`, "0m"},
	{bulk.CodeDemandExceedsCapacity, bulk.SeverityWarning,
		`100 * ` + demand + ` / 300 * ` + holdSum + ` / ` + holdCount + ` >= 90 * bulkhead_slots and ` + holdCount + ` >= 20`, "5m"},
	{bulk.CodeOverprovisioned, bulk.SeverityNotice,
		`4 * bulkhead_peak_slots_in_use <= bulkhead_slots and bulkhead_slots < Inf and bulkhead_operations_arrived_total >= 1000` +
			` and bulkhead_operations_admitted_total == bulkhead_operations_arrived_total and bulkhead_operations_queued_total == 0`, "1h"},
	{registry.CodeTooManyKeys, bulk.SeverityWarning, tooManyKeys, "0m"},
	{codeLeaseLost, bulk.SeverityCritical, `bulkhead_fleet_state{state="lost"} == 1`, "1m"},
	{codeLimiterAtMinimum, bulk.SeverityWarning, atMinimum + ` and ` + limitNeeded, "15m"},
}

// share returns an expression that is true if part is at least percent of whole.
func share(part string, percent int, whole string) string {
	return fmt.Sprintf("100 * %s >= %d * (%s)", part, percent, whole)
}

// alert is a rule with the texts of its finding.
type alert struct {
	rule
	when, advice string
}

// newAlerts joins the rules with the rows of the table. Each row must have a rule for
// each of its severities, and each rule a row.
func newAlerts(table []row) ([]alert, error) {
	var alerts []alert
	next := 0
	for _, r := range table {
		for _, severity := range []bulk.Severity{bulk.SeverityCritical, bulk.SeverityWarning, bulk.SeverityNotice} {
			if !strings.Contains(r.severity, severity.String()) {
				continue
			}
			if next == len(rules) || rules[next].code != r.code || rules[next].severity != severity {
				return nil, fmt.Errorf("no rule for %s with severity %s at its place in rules", r.code, severity)
			}
			advice, err := adviceFor(r.code)
			if err != nil {
				return nil, err
			}
			alerts = append(alerts, alert{rules[next], r.when, advice})
			next++
		}
	}
	if next < len(rules) {
		return nil, fmt.Errorf("the table has no row for the rule of %s with severity %s", rules[next].code, rules[next].severity)
	}
	return alerts, nil
}

// name returns the name of the alert, as in BulkheadWaitingRoomFull.
func (a alert) name() string {
	name := "Bulkhead"
	for _, word := range strings.Split(string(a.code), "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}

// promQL parses expressions.
var promQL = parser.NewParser(parser.Options{})

// rulesFile returns the file of rules for Prometheus: notices, or warnings and critical
// alerts.
func rulesFile(alerts []alert, notices bool) []byte {
	var b strings.Builder
	name := "bulkhead-alerts"
	if notices {
		name = "bulkhead-notices"
	}
	fmt.Fprintf(&b, "# Code generated by contrib/bulkprom/generate. DO NOT EDIT.\n\ngroups:\n  - name: %s\n    rules:\n", name)
	for _, a := range alerts {
		if notices != (a.severity == bulk.SeverityNotice) {
			continue
		}
		fmt.Fprintf(&b, "      - alert: %s\n        expr: |2-\n", a.name())
		for line := range strings.Lines(pretty(a.expr)) {
			fmt.Fprintf(&b, "          %s\n", strings.TrimRight(line, "\n"))
		}
		fmt.Fprintf(&b, "        for: %s\n        labels:\n          severity: %s\n          code: %s\n", a.hold, a.severity, a.code)
		fmt.Fprintf(&b, "        annotations:\n          summary: %q\n          description: %q\n          advice: %q\n",
			fmt.Sprintf(`bulkhead "{{ $labels.bulkhead }}": %s`, a.code), capitalized(a.when)+".", a.advice)
	}
	return []byte(b.String())
}

// pretty returns the expression on several lines.
func pretty(expr string) string {
	parsed, err := promQL.ParseExpr(expr)
	if err != nil {
		panic(fmt.Sprintf("rule: %s: %v", expr, err))
	}
	return parsed.Pretty(0)
}

func capitalized(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
