package dashboard

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// The texts of a view, by the names that they have in the page.
const (
	fieldSeverity = iota // word
	fieldProblems        // titles of the findings, and how long ago they were found
	fieldSlots           // "10 / 10"
	fieldRoom            // "4 / 50"
	fieldArrivals        // per second
	fieldRejected        // per second
	fieldReasons         // rejections per second by reason
	fieldP50             // of the waits of the short window
	fieldP99             //
	fieldP50Long         // of the waits of the long window
	fieldP99Long         //
	fieldHold            // mean of the long window
	fieldOldest          // hold
	fieldOldWait         // oldest wait
	fieldQueueing        // share of the long window
	fieldCapacity        // limits
	fieldInFlight        // operations
	fieldLoad            // offered load of the long window
	fieldPeak            // slots and waiting, over the whole life
	fieldTotals          // over the whole life
	fieldKeys            // of a Keyed
	fieldShort           // name of the short window
	fieldLong            // name of the long window
	fieldCount
)

var fieldNames = [fieldCount]string{
	"severity", "problems", "slots", "room", "arrivals", "rejected", "reasons", "p50", "p99", "p50long", "p99long",
	"hold", "oldest", "oldwait", "queueing", "capacity", "inflight", "load", "peak", "totals", "keys", "short", "long",
}

// The bars of a view, in percent of their width.
const (
	barUse    = iota // slots in use, up to the parallelism
	barExcess        // slots in use above the parallelism
	barRoom          // operations waiting
	barCount
)

// The numbers by which a table can be sorted.
const (
	keySeverity = iota // and the order of magnitude of the rejections of the long window
	keyArrivals
	keyRejected
	keyWait
	keyUse
	keyCount
)

// view is what the page shows of a track.
type view struct {
	fields   [fieldCount]string
	bars     [barCount]float64
	keys     [keyCount]float64
	findings []shownFinding
}

// severity returns the highest severity of the findings of t.
func (t *track) severity() bulk.Severity { return severityOf(t.findings) }

// label returns the label on one printable line.
func (t *track) label() string { return safetext.Printable(t.now.status.Label) }

// kind returns what t is of.
func (t *track) kind() string {
	if t.now.keyed != nil {
		return "keyed"
	}
	return "bulkhead"
}

// render returns the view of the present state.
func (t *track) render() view {
	s := t.now.status
	short, long := t.interval(shortWindow), t.longFigures()
	var v view
	f := &v.fields
	f[fieldSeverity] = t.severity().String()
	f[fieldProblems] = problems(t.findings, s.At, t.judged)
	f[fieldSlots] = formatCount(s.InUse) + " / " + formatParallelism(s.Capacity.Parallelism)
	f[fieldRoom] = none
	if s.Capacity.WaitingRoom > 0 || s.Waiting > 0 {
		f[fieldRoom] = formatCount(s.Waiting) + " / " + formatParallelism(s.Capacity.WaitingRoom)
	}
	f[fieldArrivals], f[fieldRejected], f[fieldLoad] = none, none, none
	if short.Duration > 0 {
		f[fieldArrivals] = formatRate(short.ArrivalRate()) + "/s"
		f[fieldRejected] = formatRate(short.RejectionRate()) + "/s"
	}
	if long.load > 0 {
		f[fieldLoad] = formatRate(long.load) + " slots"
	}
	f[fieldReasons] = reasons(short)
	p50, p99 := quantiles(short.Totals)
	f[fieldP50], f[fieldP99] = formatDuration(p50), formatDuration(p99)
	f[fieldP50Long], f[fieldP99Long] = formatDuration(long.p50), formatDuration(long.p99)
	f[fieldHold] = formatDuration(long.hold)
	f[fieldOldest], f[fieldOldWait] = formatDuration(s.OldestHold), formatDuration(s.OldestWait)
	f[fieldQueueing] = formatPercent(long.queueing)
	f[fieldCapacity] = t.now.capacity().String()
	f[fieldInFlight] = formatCount(s.InFlight)
	f[fieldPeak] = fmt.Sprintf("%s slots, %s waiting", formatCount(s.Peak.InUse), formatCount(s.Peak.Waiting))
	if k := t.now.keyed; k != nil {
		f[fieldPeak] = none
		f[fieldCapacity] = "each key: " + f[fieldCapacity]
		f[fieldKeys] = fmt.Sprintf("%s of %s, %s created, %s evicted, %s rejected because all were in use",
			formatCount(k.Keys), formatCount(k.MaxKeys), formatCount(k.Created), formatCount(k.Evicted), formatCount(k.TooManyKeys))
	}
	f[fieldTotals] = totalsText(s.Totals)
	f[fieldShort], f[fieldLong] = windowName(short.Duration, shortWindow), windowName(long.duration, longWindow)

	v.bars = bars(s)
	v.keys = [keyCount]float64{
		10*float64(t.severity()) + math.Floor(math.Log10(1+float64(long.rejected))),
		round3(short.ArrivalRate()), round3(short.RejectionRate()), round3(p99.Seconds()), round3(s.Utilization()),
	}
	v.findings = show(t.findings, s.At, t.judged)
	return v
}

// figures are those of the long window.
type figures struct {
	at             time.Time // when they were computed
	duration       time.Duration
	p50, p99, hold time.Duration
	load, queueing float64
	rejected       uint64
}

// longFigures returns the figures of the long window. To save time, those of a bulkhead
// without findings are computed every few seconds.
func (t *track) longFigures() figures {
	at := t.now.status.At
	if age := at.Sub(t.long.at); age >= 0 && age < judgeEvery && len(t.findings) == 0 && t.long.duration >= longWindow {
		return t.long
	}
	i := t.interval(longWindow)
	p50, p99 := quantiles(i.Totals)
	t.long = figures{at, i.Duration, p50, p99, i.MeanHold(), i.OfferedLoad(), i.QueueingShare(), i.Totals.Rejected()}
	return t.long
}

// maxProblems is how many findings the row of a table names.
const maxProblems = 3

// problems returns the titles of the findings that are at least warnings, or of the
// others if there are none.
func problems(findings []finding, at, judged time.Time) string {
	var titles []string
	worst := severityOf(findings)
	for _, f := range findings {
		if f.Severity >= min(worst, bulk.SeverityWarning) {
			titles = append(titles, strings.TrimSpace(strings.ToLower(title(f.Code))+" "+f.ago(at, judged)))
		}
	}
	if more := len(titles) - maxProblems; more > 0 {
		titles = append(titles[:maxProblems], fmt.Sprintf("%d more", more))
	}
	return strings.Join(titles, ", ")
}

// reasons returns the rejections of i by reason: per second, or the counts of a whole
// life.
func reasons(i bulk.Interval) string {
	t := i.Totals
	var parts []string
	for _, r := range []struct {
		name string
		n    uint64
	}{
		{"saturated", t.Saturated}, {"expired", t.Expired + t.ExpiredAtArrival}, {"oversized", t.Oversized + t.OversizedAtArrival},
		{"closed", t.Closed + t.ClosedAtArrival}, {"canceled", t.Canceled + t.CanceledAtArrival + t.Abandoned},
	} {
		switch {
		case r.n == 0:
		case i.Duration > 0:
			parts = append(parts, r.name+" "+formatRate(float64(r.n)/i.Duration.Seconds())+"/s")
		default:
			parts = append(parts, r.name+" "+formatCount(r.n))
		}
	}
	if parts == nil {
		return none
	}
	return strings.Join(parts, ", ")
}

func totalsText(t bulk.Totals) string {
	return fmt.Sprintf("%s arrivals, %s admitted, %s rejected, %s canceled", formatCount(t.Arrivals()), formatCount(t.Admitted),
		formatCount(t.Rejected()), formatCount(t.Canceled+t.CanceledAtArrival+t.Abandoned))
}

// windowName names the time over which figures are, in place of the wanted one.
func windowName(d, wanted time.Duration) string {
	if d <= 0 {
		return "whole life"
	}
	if d < time.Second {
		return "last " + formatRate(d.Seconds()) + " s"
	}
	switch d = nominal(d, wanted); {
	case d == time.Minute:
		return "last minute"
	case d < time.Minute:
		return fmt.Sprintf("last %d s", int(d.Seconds()))
	default:
		return "last " + d.String()
	}
}

// windowText says over which time the figures of the list are.
func (v view) windowText() string {
	short, long := v.fields[fieldShort], v.fields[fieldLong]
	if short == long {
		return short
	}
	return short + "; columns marked 1 min: " + long
}

// nominal returns a window that is a little longer than wanted, because of the distance of
// the samples, as what was wanted.
func nominal(d, wanted time.Duration) time.Duration {
	if d = d.Round(time.Second); d >= wanted && d <= wanted*5/4 {
		return wanted
	}
	return d
}

// bars returns the lengths of the bars. The full width of the bar of slots is the larger
// of parallelism and slots in use.
func bars(s bulk.Status) (b [barCount]float64) {
	if width := float64(max(s.Capacity.Parallelism, s.InUse)); width > 0 {
		b[barUse] = percent(float64(min(s.InUse, s.Capacity.Parallelism)) / width)
		b[barExcess] = percent(float64(s.Excess()) / width)
	}
	b[barRoom] = percent(min(1, s.QueueUtilization()))
	return b
}

// percent returns the share in percent with one decimal.
func percent(share float64) float64 { return math.Round(share*1000) / 10 }

// round3 rounds to three digits after the point.
func round3(x float64) float64 { return math.Round(x*1000) / 1000 }
