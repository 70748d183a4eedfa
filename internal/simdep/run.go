package simdep

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"
)

// A Limiter decides whether an operation begins. Its done is called when the operation
// has ended.
type Limiter interface {
	TryAcquire() (done func(Outcome), ok bool)
	Limit() int
}

// A Load is a Poisson stream of operations.
type Load struct {
	// Rate returns the operations per second at a time since the start.
	Rate func(at time.Duration) float64
	// Duration is how long the stream lasts.
	Duration time.Duration
	// Seed makes a run repeatable.
	Seed uint64
}

// Steady returns a rate that does not change.
func Steady(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// A Second is what happened in one second of a run.
type Second struct {
	Limit     int // at the end of the second
	Arrived   int
	Rejected  int // by the limiter
	Outcomes  [Failed + 1]int
	Latencies []time.Duration // of the operations that were served
}

// simulation is the state of a run.
type simulation struct {
	d       Dependency
	l       Limiter
	start   time.Time
	rand    *rand.Rand
	clock   float64 // the dependency's own, in seconds of work for one operation
	at      time.Duration
	jobs    byFinish
	giveUps byGiveUp
	seconds []Second
}

const never = time.Duration(math.MaxInt64)

// Run sends the load to d through l, and returns what happened second by second.
func Run(d Dependency, load Load, l Limiter) []Second {
	s := &simulation{
		d: d, l: l, start: time.Now(), rand: rand.New(rand.NewPCG(load.Seed, 17)),
		seconds: make([]Second, (load.Duration+time.Second-1)/time.Second),
	}
	arrival := s.nextArrival(load, 0)
	for second := 1; second <= len(s.seconds); {
		end := time.Duration(second) * time.Second
		next := min(end, arrival, s.nextFinish(end), s.nextGiveUp())
		s.advance(next)
		switch {
		case next == end: // speeds are constant within a second
			s.seconds[second-1].Limit = l.Limit()
			second++
		case next == arrival:
			s.arrive()
			arrival = s.nextArrival(load, arrival)
		case next == s.nextGiveUp():
			s.finish(s.giveUps[0], TimedOut)
		default:
			s.finish(s.jobs[0], Served)
		}
	}
	for len(s.jobs) > 0 { // nothing is left in flight
		s.jobs[0].done(Failed)
		s.remove(s.jobs[0])
	}
	return s.seconds
}

// nextArrival returns the time of the arrival after at.
func (s *simulation) nextArrival(load Load, at time.Duration) time.Duration {
	for {
		rate := load.Rate(at)
		if rate <= 0 {
			if at += time.Second; at > load.Duration {
				return never
			}
			continue
		}
		return at + time.Duration(s.rand.ExpFloat64()/rate*float64(time.Second))
	}
}

func (s *simulation) nextFinish(end time.Duration) time.Duration {
	if len(s.jobs) == 0 {
		return never
	}
	speed := s.d.speed(s.at, len(s.jobs))
	wait := (s.jobs[0].finish - s.clock) / speed * float64(time.Second)
	if !(wait < float64(end-s.at)) { // also if the speed is 0
		return never
	}
	return s.at + max(0, time.Duration(math.Ceil(wait)))
}

func (s *simulation) nextGiveUp() time.Duration {
	if len(s.giveUps) == 0 {
		return never
	}
	return s.giveUps[0].giveUp
}

// advance moves all clocks.
func (s *simulation) advance(to time.Duration) {
	if to > s.at {
		s.clock += s.d.speed(s.at, max(1, len(s.jobs))) * (to - s.at).Seconds()
		s.at = to
		time.Sleep(time.Until(s.start.Add(to)))
	}
}

func (s *simulation) second() *Second {
	return &s.seconds[min(int(s.at/time.Second), len(s.seconds)-1)]
}

func (s *simulation) arrive() {
	now := s.second()
	now.Arrived++
	done, ok := s.l.TryAcquire()
	if !ok {
		now.Rejected++
		return
	}
	switch {
	case s.d.Bad > 0 && s.rand.Float64() < s.d.Bad,
		s.d.Refuses && float64(len(s.jobs)) >= s.d.Capacity(s.at):
		now.Outcomes[Refused]++
		done(Refused)
		return
	case s.d.FailsFast != nil && s.rand.Float64() < s.d.FailsFast(s.at):
		now.Outcomes[Failed]++
		done(Failed)
		return
	}
	j := &job{finish: s.clock + s.d.Service(s.rand).Seconds(), began: s.at, giveUp: never, done: done}
	heap.Push(&s.jobs, j)
	if s.d.Timeout > 0 {
		j.giveUp = s.at + s.d.Timeout
		s.giveUps = append(s.giveUps, j) // in order: the timeout is the same for all
	}
}

func (s *simulation) finish(j *job, o Outcome) {
	s.remove(j)
	now := s.second()
	now.Outcomes[o]++
	if o == Served {
		now.Latencies = append(now.Latencies, s.at-j.began)
	}
	j.done(o)
}

func (s *simulation) remove(j *job) {
	heap.Remove(&s.jobs, j.index)
	j.index = -1
	for len(s.giveUps) > 0 && s.giveUps[0].index < 0 {
		s.giveUps = s.giveUps[1:]
	}
}

// byFinish is a heap of the jobs that are inside.
type byFinish []*job

func (h byFinish) Len() int           { return len(h) }
func (h byFinish) Less(i, k int) bool { return h[i].finish < h[k].finish }
func (h byFinish) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].index, h[k].index = i, k
}
func (h *byFinish) Push(x any) {
	j := x.(*job)
	j.index = len(*h)
	*h = append(*h, j)
}
func (h *byFinish) Pop() any {
	last := len(*h) - 1
	j := (*h)[last]
	*h = (*h)[:last]
	return j
}

// byGiveUp has the jobs in the order in which their callers give up. Those that are no
// longer inside are dropped when they are first.
type byGiveUp []*job
