package dashboard

import (
	"math"
	"strconv"
	"time"
)

// chart is a chart of the page without JavaScript. charts.js draws the same.
type chart struct {
	Name, Title string
	Max         string // what the top of the plot stands for
	Lines       []line
}

type line struct {
	Name   string // in the legend
	Class  string // in the style sheet
	Series int
	Path   string
}

// The size of a plot in its own units.
const (
	plotWidth  = 300
	plotHeight = 60
)

// span returns how many seconds a plot shows: a minute until there is more.
func span(h *history, n int64) int64 {
	for second := n - 60; second > n-historySeconds; second-- {
		if !isNaN(h.at(second)[seriesInUse]) {
			return historySeconds
		}
	}
	return 60
}

// since says when the plots begin.
func since(h *history, n int64) string { return strconv.FormatInt(span(h, n)/60, 10) + " min ago" }

// chartsOf returns the charts of the five minutes up to the second n.
func chartsOf(h *history, n int64) []chart {
	charts := []chart{
		{"rates", "Arrivals and rejections per second", "", []line{{"arrivals", "area", seriesArrivals, ""}, {"rejected", "rejected", seriesRejected, ""}}},
		{"slots", "Slots in use, all slots and operations waiting", "", []line{{"slots in use", "area", seriesInUse, ""}, {"slots", "limit", seriesParallelism, ""}, {"operations waiting", "waiting", seriesWaiting, ""}}},
		{"waits", "Median and 99th percentile of the waits", "", []line{{"wait p50", "area", seriesP50, ""}, {"wait p99", "waiting", seriesP99, ""}}},
	}
	for i := range charts {
		c := &charts[i]
		top := 0.0
		for _, l := range c.Lines {
			top = max(top, highest(h, n, l.Series))
		}
		top = nice(top)
		c.Max = formatTop(c.Name, top)
		for j := range c.Lines {
			c.Lines[j].Path = pathOf(h, n, c.Lines[j].Series, top)
		}
	}
	return charts
}

// spark returns the small chart of a row.
func spark(h *history, n int64) (arrivals, rejected string) {
	top := nice(max(highest(h, n, seriesArrivals), highest(h, n, seriesRejected)))
	return pathOf(h, n, seriesArrivals, top), pathOf(h, n, seriesRejected, top)
}

// highest returns the highest value of a series, 0 if there is none.
func highest(h *history, n int64, series int) (top float64) {
	for second := n - historySeconds + 1; second <= n; second++ {
		if x := float64(h.at(second)[series]); x > top {
			top = x
		}
	}
	return top
}

// nice returns the next 1, 2 or 5 times a power of ten that is at least top, with a little
// space above, and 1 for 0.
func nice(top float64) float64 {
	if !(top > 0) || math.IsInf(top, 0) {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(top)))
	for _, factor := range []float64{1, 1.5, 2, 3, 5, 7.5} {
		if unit*factor >= top*1.02 {
			return unit * factor
		}
	}
	return unit * 10
}

func formatTop(chart string, top float64) string {
	switch chart {
	case "waits":
		return formatDuration(time.Duration(top * float64(time.Second)))
	case "rates":
		return formatRate(top) + "/s"
	}
	return formatRate(top)
}

// drawn reports whether a value is drawn. Rejections and waiting operations are drawn only
// where there are some, because a line at 0 in an alarming colour looks like trouble.
func drawn(series int, before, y, after float32) bool {
	if series == seriesRejected || series == seriesWaiting {
		return y > 0 || y == 0 && (before > 0 || after > 0)
	}
	return !isNaN(y)
}

// pathOf returns the data of an SVG path. Values that are not drawn interrupt it.
func pathOf(h *history, n int64, series int, top float64) string {
	var d []byte
	pen := byte('M')
	shown := span(h, n)
	for i := range shown {
		second := n - shown + 1 + i
		value := h.at(second)[series]
		if !drawn(series, h.at(second - 1)[series], value, h.at(second + 1)[series]) {
			pen = 'M'
			continue
		}
		y := float64(value)
		d = append(d, pen)
		d = strconv.AppendInt(d, i*plotWidth/shown, 10)
		d = append(d, ' ')
		d = strconv.AppendFloat(d, math.Round((plotHeight-1-y/top*(plotHeight-2))*10)/10, 'g', -1, 64)
		pen = 'L'
	}
	return string(d)
}
