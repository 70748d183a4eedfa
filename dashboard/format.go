package dashboard

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// none is shown where there is nothing to show.
const none = "–"

// formatRate returns x with three digits: 0.25, 3.1, 42, 1,240.
func formatRate(x float64) string {
	switch {
	case x <= 0 || math.IsNaN(x):
		return "0"
	case x >= 99.95:
		return group(strconv.FormatFloat(min(x, 1e15), 'f', 0, 64))
	case x < 0.01:
		return "<0.01"
	}
	decimals := 2
	if x >= 9.995 {
		decimals = 1
	}
	text := strconv.FormatFloat(x, 'f', decimals, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// formatCount returns n with commas.
func formatCount[N int | uint64](n N) string { return group(strconv.FormatUint(uint64(n), 10)) }

// group puts commas between groups of three digits.
func group(digits string) string {
	if len(digits) <= 3 {
		return digits
	}
	var b strings.Builder
	for i, d := range []byte(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(d)
	}
	return b.String()
}

// formatDuration returns d with two or three digits, and a dash for 0.
func formatDuration(d time.Duration) string {
	if d <= 0 {
		return none
	}
	switch {
	case d >= time.Minute:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(10 * time.Millisecond)
	default:
		unit := time.Duration(1)
		for d/unit >= 1000 {
			unit *= 10
		}
		d = d.Round(unit)
	}
	return d.String()
}

// formatParallelism returns a parallelism as a number, or a sign for unlimited.
func formatParallelism(n int) string {
	if n == bulk.Unlimited {
		return "∞"
	}
	return formatCount(n)
}

// formatPercent returns a share from 0 to 1.
func formatPercent(share float64) string {
	return strconv.FormatFloat(min(max(share, 0), 1)*100, 'f', 0, 64) + " %"
}

// changeOf describes a change of a capacity by what is different.
func changeOf(from, to bulk.Capacity) string {
	var parts []string
	add := func(name, before, after string) {
		if before != after {
			parts = append(parts, name+" "+before+" → "+after)
		}
	}
	add("slots", formatParallelism(from.Parallelism), formatParallelism(to.Parallelism))
	add("waiting room", formatCount(from.WaitingRoom), formatCount(to.WaitingRoom))
	add("wait limit", limitText(from.WaitLimit), limitText(to.WaitLimit))
	add("delay target", limitText(from.DelayTarget), limitText(to.DelayTarget))
	add("delay interval", limitText(from.DelayInterval), limitText(to.DelayInterval))
	return strings.Join(parts, ", ")
}

// limitText returns a duration in full, or "none".
func limitText(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}

// words returns a name like rejected_by_dependency in words.
func words(name fmt.Stringer) string { return strings.ReplaceAll(name.String(), "_", " ") }
