package main

import (
	"fmt"
	"math"

	"golang.org/x/perf/benchmath"
)

// Everything here is what benchstat does: medians, their confidence intervals,
// and the Mann-Whitney U-test, which assumes nothing about the distribution.

const confidence = 0.95

func sample(values []float64) *benchmath.Sample {
	t := benchmath.DefaultThresholds
	return benchmath.NewSample(append([]float64(nil), values...), &t)
}

func summary(values []float64) benchmath.Summary {
	return benchmath.AssumeNothing.Summary(sample(values), confidence)
}

func median(values []float64) float64 { return summary(values).Center }

// spread is how far the confidence interval of the median reaches from it, as
// benchstat prints it: ∞ where there are too few runs for one.
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

// String is "0.81× (p=0.002)", with a tilde in front where the samples can't be
// told apart.
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

// digits writes three significant digits, never fewer than the whole number.
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

// thousands writes a whole number with commas.
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
