package adaptive_test

import (
	"math"
	"time"

	"github.com/bulklink/bulklink-go/internal/simdep"
)

// The rules that others publish, as far as the complaints about them are concerned.
// Each is told the latency of every operation, and how many were in flight with it.

type publishedRule interface {
	sample(rtt float64, inFlight int, dropped bool)
	limit() int
}

// published is a limiter with a published rule. By default an operation that was
// refused or timed out counts as a latency like any other, as it does where users do
// not tell the limiter about it.
type published struct {
	rule     publishedRule
	dropped  func(simdep.Outcome) bool
	inFlight int
}

func (p *published) Limit() int { return p.rule.limit() }

func (p *published) TryAcquire() (func(simdep.Outcome), bool) {
	if p.inFlight >= p.rule.limit() {
		return nil, false
	}
	p.inFlight++
	start, n := time.Now(), p.inFlight
	return func(o simdep.Outcome) {
		p.inFlight--
		p.rule.sample(max(1, float64(time.Since(start))), n, p.dropped != nil && p.dropped(o))
	}, true
}

func overloaded(o simdep.Outcome) bool { return o == simdep.Refused || o == simdep.TimedOut }
func anyError(o simdep.Outcome) bool   { return o != simdep.Served }

// vegas is the VegasLimit of Netflix' concurrency-limits, told each operation.
type vegas struct {
	now, least float64
	probe      int
}

func (v *vegas) limit() int { return int(v.now) }

func (v *vegas) sample(rtt float64, inFlight int, dropped bool) {
	if v.probe++; float64(v.probe) >= 30*v.now || v.least == 0 || rtt < v.least {
		v.least, v.probe = rtt, 0
		return
	}
	log := max(1, math.Log10(v.now))
	queue := math.Ceil(v.now * (1 - v.least/rtt))
	switch {
	case dropped:
		v.now -= log
	case float64(2*inFlight) < v.now:
	case queue < log:
		v.now += 6 * log
	case queue < 3*log:
		v.now += log
	case queue > 6*log:
		v.now -= log
	}
	v.now = min(max(v.now, lowest), highest)
}

// gradient2 is the Gradient2Limit of Netflix' concurrency-limits with its tolerance of
// 1.5, told the mean of each second.
type gradient2 struct {
	now, long float64
	sum, n    float64
	peak      int
	next      time.Time
}

func (g *gradient2) limit() int { return int(g.now) }

func (g *gradient2) sample(rtt float64, inFlight int, _ bool) {
	g.sum, g.n, g.peak = g.sum+rtt, g.n+1, max(g.peak, inFlight)
	if time.Now().Before(g.next) || g.n < 10 {
		return
	}
	short, peak := g.sum/g.n, g.peak
	g.sum, g.n, g.peak, g.next = 0, 0, 0, time.Now().Add(time.Second)
	if g.long == 0 {
		g.long = short
	}
	g.long += (short - g.long) * 2 / 601
	if g.long/short > 2 {
		g.long *= 0.95
	}
	if float64(2*peak) < g.now {
		return
	}
	gradient := max(0.5, min(1, 1.5*g.long/short))
	g.now = min(max(0.8*g.now+0.2*(g.now*gradient+4), lowest), highest)
}

// smoothed is the queue estimate of Vegas with an average of ten windows as baseline,
// as failsafe-go and Uber's Cinnamon have it, without their correlations.
type smoothed struct {
	now, recent, baseline float64
	sum, n                float64
	next                  time.Time
}

func (s *smoothed) limit() int { return int(s.now) }

func (s *smoothed) sample(rtt float64, _ int, _ bool) {
	s.sum, s.n = s.sum+rtt, s.n+1
	if time.Now().Before(s.next) || s.n < 10 {
		return
	}
	mean := s.sum / s.n
	s.sum, s.n, s.next = 0, 0, time.Now().Add(time.Second)
	if s.recent == 0 {
		s.recent, s.baseline = mean, mean
	}
	s.recent += (mean - s.recent) / 3
	s.baseline += (s.recent - s.baseline) * 2 / 11
	log := max(1, math.Log10(s.now))
	switch queue := s.now * (1 - s.baseline/s.recent); {
	case queue > 6*log:
		s.now -= log
	case queue < 3*log:
		s.now += log
	}
	s.now = min(max(s.now, lowest), highest)
}

// aimd is the AIMDLimit of Netflix' concurrency-limits.
type aimd struct{ now float64 }

func (a *aimd) limit() int { return int(a.now) }

func (a *aimd) sample(_ float64, inFlight int, dropped bool) {
	if dropped {
		a.now *= 0.9
	} else if 2*inFlight >= int(a.now) {
		a.now++
	}
	a.now = min(max(a.now, lowest), highest)
}

// pinned is the gradient controller of Envoy: once a minute it pins the limit to 3
// until 50 operations have told the least latency.
type pinned struct {
	now, least     float64
	probing        bool
	sum, n         float64
	next, nextStep time.Time
}

func (p *pinned) limit() int {
	if p.probing {
		return 3
	}
	return int(p.now)
}

func (p *pinned) sample(rtt float64, _ int, _ bool) {
	now := time.Now()
	if !p.probing && now.After(p.next) {
		p.probing, p.sum, p.n = true, 0, 0
	}
	p.sum, p.n = p.sum+rtt, p.n+1
	switch {
	case p.probing && p.n >= 50:
		p.probing, p.least, p.next = false, p.sum/p.n, now.Add(time.Minute)
		p.sum, p.n = 0, 0
	case !p.probing && p.n >= 10 && now.After(p.nextStep):
		gradient := max(0.5, min(2, p.least*1.25/(p.sum/p.n)))
		p.now = min(max(p.now*gradient+math.Sqrt(p.now), 3), highest)
		p.sum, p.n, p.nextStep = 0, 0, now.Add(100*time.Millisecond)
	}
}
