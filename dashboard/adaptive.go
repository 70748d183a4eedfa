package dashboard

import (
	"fmt"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Adaptive returns a source that shows l with its bulkhead: the limit, latency, baseline
// and goodput, and the last decisions that were made while there was a viewer, with their
// reasons. It takes a Status of l for each sample. A nil l panics.
func Adaptive(l *adaptive.Limiter) Source {
	if l == nil {
		panic("dashboard: Adaptive: nil limiter")
	}
	var last decisions
	return &panelSource{"adaptive limit of " + safetext.Printable(l.Bulkhead().Label()), l.Bulkhead(), func() panel {
		s := l.Status()
		change := fmt.Sprintf("%s → %s", formatParallelism(s.Last.From), formatParallelism(s.Last.To))
		if !s.Last.Changed() {
			change = "stays at " + formatParallelism(s.Last.To)
		}
		if s.Last.Observed {
			change += " (not set)"
		}
		title := "Adaptive limit"
		if s.Observing {
			title += ", observing"
		}
		if s.Closed {
			title += ", closed"
		}
		return panel{
			Title: title,
			Figures: []figure{
				{"Limit", formatParallelism(s.Limit)},
				{"Allowed", fmt.Sprintf("%d to %d", s.Floor, s.Ceiling)},
				{"Latency", formatDuration(s.Last.Latency)},
				{"Baseline", formatDuration(s.Baseline)},
				{"Goodput", formatRate(s.Last.Goodput()) + "/s"},
			},
			Decisions: last.add(s.Last.At, change, words(s.Last.Reason)),
		}
	}, owner{last: func() cause {
		d := l.Status().Last
		if !d.Changed() || d.Observed {
			return cause{}
		}
		return cause{d.At, d.To, "adaptive limit: " + words(d.Reason)}
	}, gone: func() bool {
		s := l.Status()
		return s.Closed || s.Observing
	}, effect: func(to int) string {
		switch s := l.Status(); {
		case to == 0:
			return "The adaptive limiter decides nothing until the number of slots is raised again."
		case to >= s.Max:
			return fmt.Sprintf("The adaptive limiter goes on from there. It sets from %d to %d slots.", max(s.Min, s.Floor), s.Max)
		default:
			return fmt.Sprintf("The adaptive limiter sets at most %d slots from then on, until you set more. Set %d to allow all that it may use.", to, s.Max)
		}
	}}}
}
