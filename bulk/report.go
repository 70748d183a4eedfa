package bulk

import "strings"

// Report is a judgement of one reading, or of what happened between two. It is
// made by [Bulkhead.Report], [Status.Report] and [Interval.Report], changes
// nothing, and is a pure function: the same Status or Interval has the same
// findings, in the order of the table in the package documentation. It says
// nothing on small samples.
//
// What is judged is load and capacity. Operations that were turned away because
// the bulkhead was closed, their ctx was done, or their deadline had passed at
// arrival are never held against the capacity.
type Report struct {
	Status   Status    `json:"status"`             // what was judged; the End of an interval
	Interval *Interval `json:"interval,omitempty"` // nil: the whole life
	Findings []Finding `json:"findings"`           // nil if there is nothing to say
}

// Finding is one thing that a report has to say.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"` // with the figures that it rests on
	Advice   string   `json:"advice"`  // what to look at before the capacity is touched
}

// Report judges the bulkhead over its whole life: it is Status().Report(). What
// was found once can stay found: see [Recent] for readiness checks and alerts.
func (b *Bulkhead) Report() Report { return b.Status().Report() }

// Report judges the present by the numbers of s, and the past by its totals
// over the whole life.
func (s Status) Report() Report {
	return Report{Status: s, Findings: find(&evidence{now: s, past: s.Totals})}
}

// Report judges the present by End, and the past by the differences of the
// interval alone. The longest wait of an interval is known exactly if it is the
// longest of the whole life, else by its histogram: the lower end of its last
// bucket is taken, at most 12.5 % too short.
func (i Interval) Report() Report {
	return Report{Status: i.End, Interval: &i, Findings: find(&evidence{now: i.End, past: i.Totals, interval: &i})}
}

// Severity returns the highest of the findings, [SeverityOK] if there are none.
func (r Report) Severity() Severity {
	highest := SeverityOK
	for _, f := range r.Findings {
		highest = max(highest, f.Severity)
	}
	return highest
}

// Healthy reports whether nothing was found above [SeverityNotice].
func (r Report) Healthy() bool { return r.Severity() <= SeverityNotice }

// Summary returns the report as one line:
//
//	bulkhead "payments": critical: waiting_room_full, rejections (10/10 slots in use, 50/50 waiting)
func (r Report) Summary() string {
	var codes []string
	for _, f := range r.Findings {
		codes = append(codes, string(f.Code))
	}
	text := "bulkhead " + quoted(r.Status.Label) + ": " + r.Severity().String()
	if len(codes) > 0 {
		text += ": " + strings.Join(codes, ", ")
	}
	return text + " (" + r.Status.numbers() + ")"
}
