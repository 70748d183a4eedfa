package main

import (
	"bytes"
	"image/color"
	"maps"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// chart is a chart of a part of the results.
type chart struct {
	file, title, axis string
	// Either bars: a group of bars for each of places, with one bar for each peer …
	places []place
	// … or lines: one for each peer, over a parameter of a benchmark, from the cases in
	// which the other parameters have the values in with.
	over  string
	bench string
	with  map[string]string
	unit  string

	peers []string
}

// place is a group of bars on the horizontal axis.
type place struct {
	label     string
	bench, in string
	unit      string
}

var charts = []chart{
	{
		file: "headline.svg", title: "Nanoseconds for each operation, median (less is better)", axis: "ns",
		places: []place{
			{"uncontended", "Uncontended", "", "ns/op"},
			{"acquire+release", "AcquireRelease", "", "ns/op"},
			{"parallel", "Parallel", "", "ns/op"},
			{"rejected", "Rejection", "", "ns/op"},
		},
		peers: []string{"bulklink", "floor", "channel", "xsync", "failsafe-permits"},
	},
	{
		file: "handover.svg", title: "Hand-over through one slot, no wait limit, median", axis: "ns for each operation",
		bench: "HandOver", over: "goroutines", with: map[string]string{"slots": "1", "limit": "none"}, unit: "ns/op",
		peers: []string{"bulklink", "channel", "channel-ctx", "xsync", "failsafe-permits"},
	},
	{
		file: "handover-limit.svg", title: "Hand-over through one slot, with a wait limit, median", axis: "ns for each operation",
		bench: "HandOver", over: "goroutines", with: map[string]string{"slots": "1", "limit": "never-fires"}, unit: "ns/op",
		peers: []string{"bulklink", "channel-timer", "xsync", "failsafe-permits", "resiliency"},
	},
	{
		file: "queue-length.svg", title: "Hand-over over the number of waiting operations, median", axis: "ns for each operation",
		bench: "QueueLength", over: "length", unit: "ns/op",
		peers: []string{"bulklink", "channel", "xsync"},
	},
	{
		file: "start-delay.svg", title: "From an operation's end to the next one's start", axis: "ns",
		places: []place{
			{"busy, p50", "StartDelay", "op=yields", "p50-ns"},
			{"busy, p99", "StartDelay", "op=yields", "p99-ns"},
			{"parked, p50", "StartDelay", "op=parks", "p50-ns"},
			{"parked, p99", "StartDelay", "op=parks", "p99-ns"},
		},
		peers: []string{"bulklink", "channel", "channel-ctx", "xsync"},
	},
	{
		file: "http.svg", title: "HTTP over loopback, 2,000 requests per second", axis: "ms",
		places: []place{
			{"p50", "HTTP", "", "p50-ns"}, {"p99", "HTTP", "", "p99-ns"}, {"p99.9", "HTTP", "", "p99.9-ns"},
		},
		peers: []string{"none", "bulklink", "xsync"},
	},
}

// palette is the color-blind-safe palette of Okabe and Ito.
var palette = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0x99, 0x99, 0x99, 0xff}, color.RGBA{0xe6, 0x9f, 0x00, 0xff},
	color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0x00, 0x9e, 0x73, 0xff},
}

// draw returns the chart as SVG, or nil if there is nothing to draw.
func (c *chart) draw(r *results) ([]byte, error) {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.Title.Text = c.title
	p.Title.Padding = vg.Points(8)
	p.Y.Label.Text = c.axis
	p.Y.Min = 0
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.XOffs, p.Legend.YOffs = vg.Points(6), vg.Points(-4)
	p.Legend.Padding = vg.Points(2)
	p.BackgroundColor = color.White // readable on dark pages too
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = color.Gray{0xdd}
	p.Add(grid)

	drawn, err := 0, error(nil)
	if c.over != "" {
		p.X.Label.Text = c.over
		p.X.Scale = plot.LogScale{}
		drawn, err = c.lines(p, r)
	} else {
		drawn, err = c.bars(p, r)
	}
	if err != nil || drawn == 0 {
		return nil, err
	}
	p.Y.Max *= 1.5 // room for the legend

	canvas := vgsvg.NewWith(vgsvg.UseWH(8*vg.Inch, 4*vg.Inch))
	p.Draw(draw.Crop(draw.New(canvas), vg.Points(6), vg.Points(-28), vg.Points(6), vg.Points(-6)))
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return nil, err
	}
	// Arial and Helvetica have the same widths, and most systems have one of them.
	return bytes.ReplaceAll(svg.Bytes(), []byte("font-family:Liberation Sans"),
		[]byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif")), nil
}

// bars draws one bar for each peer in each place, and returns the number of bars.
func (c *chart) bars(p *plot.Plot, r *results) (int, error) {
	const room = 90 // width of one place, in points
	width := vg.Points(room / float64(len(c.peers)))
	scale := 1.0
	if c.axis == "ms" {
		scale = 1e-6
	}
	var labels []string
	for _, at := range c.places {
		labels = append(labels, at.label)
	}
	drawn := 0
	for i, peer := range c.peers {
		heights := make(plotter.Values, len(c.places))
		any := false
		for k, at := range c.places {
			if g := r.find(at.bench, at.in); g != nil {
				if values := g.subjects[peer][at.unit]; len(values) > 0 {
					heights[k], any = median(values)*scale, true
					drawn++
				}
			}
		}
		if !any {
			continue
		}
		bars, err := plotter.NewBarChart(heights, width)
		if err != nil {
			return 0, err
		}
		bars.Color = palette[i]
		bars.LineStyle.Width = 0
		bars.Offset = width * vg.Length(float64(i)-float64(len(c.peers)-1)/2)
		p.Add(bars)
		p.Legend.Add(titleOf(peer), bars)
	}
	p.NominalX(labels...)
	p.X.Min, p.X.Max = -0.5, float64(len(labels))-0.5
	return drawn, nil
}

// lines draws one line for each peer, with the spread at each point, and returns the
// number of points.
func (c *chart) lines(p *plot.Plot, r *results) (int, error) {
	ticks := map[float64]bool{}
	drawn := 0
	for i, peer := range c.peers {
		var points spreadPoints
		for _, g := range r.of(c.bench) {
			values := g.subjects[peer][c.unit]
			x, err := strconv.ParseFloat(g.params[c.over], 64)
			if err != nil || len(values) == 0 || !matches(g, c.with) {
				continue
			}
			s := summary(values)
			points.XYs = append(points.XYs, plotter.XY{X: x, Y: s.Center})
			points.YErrors = append(points.YErrors, struct{ Low, High float64 }{s.Center - within(s.Lo, values), within(s.Hi, values) - s.Center})
			ticks[x] = true
		}
		if len(points.XYs) == 0 {
			continue
		}
		drawn += len(points.XYs)
		line, dots, err := plotter.NewLinePoints(points.XYs)
		if err != nil {
			return 0, err
		}
		spread, err := plotter.NewYErrorBars(points)
		if err != nil {
			return 0, err
		}
		line.Color, dots.Color, spread.Color = palette[i], palette[i], palette[i]
		line.Width = vg.Points(1.5)
		dots.Shape = draw.CircleGlyph{}
		p.Add(line, dots, spread)
		p.Legend.Add(titleOf(peer), line, dots)
	}
	p.X.Tick.Marker = exactly(ticks)
	return drawn, nil
}

// spreadPoints holds medians with the ends of their confidence intervals.
type spreadPoints struct {
	plotter.XYs
	plotter.YErrors
}

// within limits an end of an interval to the range of the values, because with few runs
// it is infinite.
func within(end float64, values []float64) float64 {
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	return min(max(end, low), high)
}

func matches(g *group, with map[string]string) bool {
	for key, value := range with {
		if g.params[key] != value {
			return false
		}
	}
	return true
}

// exactly has ticks at the measured values only.
type exactly map[float64]bool

func (e exactly) Ticks(_, _ float64) []plot.Tick {
	var ticks []plot.Tick
	for _, x := range slices.Sorted(maps.Keys(e)) {
		ticks = append(ticks, plot.Tick{Value: x, Label: thousands(x)})
	}
	return ticks
}
