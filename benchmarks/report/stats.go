package main

import (
	"fmt"
	"math"

	"golang.org/x/perf/benchmath"
)

// The functions below use the statistics of benchstat: medians, their confidence
// intervals, and the Mann-Whitney U-test, which assumes no distribution.

const confidence = 0.95

func sample(values []float64) *benchmath.Sample {
	t := benchmath.DefaultThresholds
	return benchmath.NewSample(append([]float64(nil), values...), &t)
}

func summary(values []float64) benchmath.Summary {
	return benchmath.AssumeNothing.Summary(sample(values), confidence)
}

func median(values []float64) float64 { return summary(values).Center }

// spread returns the half-width of the confidence interval of the median, in percent, in
// the form of benchstat. It is ∞ if there are too few runs.
func spread(values []float64) string { return "±" + summary(values).PctRangeString() }

// ratio is the quotient of the medians of two samples.
type ratio struct {
	value       float64
	p           float64
	significant bool
}

func compare(a, b []float64) ratio {
	c := benchmath.AssumeNothing.Compare(sample(a), sample(b))
	return ratio{median(a) / median(b), c.P, c.P < c.Alpha}
}

// String returns the ratio in the form "0.81× (p=0.002)", with a tilde in front if the
// difference is not significant.
func (r ratio) String() string {
	if math.IsNaN(r.value) || math.IsInf(r.value, 0) {
		return "–"
	}
	mark := ""
	if !r.significant {
		mark = "~ "
	}
	return fmt.Sprintf("%s%s× (p=%.3f)", mark, digits(r.value), r.p)
}

// digits formats v with three significant digits, and at least its whole part.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 99.95:
		return thousands(math.Round(v))
	case a >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// thousands formats a whole number with commas.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", math.Abs(v))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		return "-" + s
	}
	return s
}
