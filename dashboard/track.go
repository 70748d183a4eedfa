package dashboard

import (
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// The windows over which figures are shown and findings are judged.
const (
	shortWindow = 10 * time.Second
	longWindow  = time.Minute
)

// track is what is remembered of a bulkhead or a Keyed. Its size is bounded.
type track struct {
	id       uint64
	now      *reading
	begun    *reading   // at which the newest point of the history begins
	kept     []*reading // never empty; the oldest first; the last one is now, or was taken shortly before
	history  history
	made     cause     // of the last change with the page
	resized  []resized // the newest first, at most maxResized
	findings []finding
	report   bulk.Report
	judged   time.Time // when report was made
	view     view
	long     figures   // of the long window, for the view
	round    uint64    // of the last sample that had it
	listed   time.Time // when the busiest keys were last read for a live page
}

// resized is a change of the capacity that was seen between two samples.
type resized struct {
	since, at time.Time // of the samples
	from, to  bulk.Capacity
	reason    string // empty if it is not known
}

// cause is why the parallelism was set.
type cause struct {
	at     time.Time
	to     int // the parallelism
	reason string
}

// explain finds out why the capacity was changed: with the page, or by the last decision of
// an owner if that has set the parallelism. Other code does not say why.
func (r *resized) explain(made cause, decisions []cause) {
	causes := []cause{made}
	if r.from.Parallelism != r.to.Parallelism {
		causes = append(causes, decisions...)
	}
	for _, c := range causes {
		if r.reason == "" && !c.at.Before(r.since) && c.to == r.to.Parallelism {
			r.reason = c.reason
		}
	}
}

const maxResized = 8

// add adds a reading that was taken in the given second. It reports whether anything has
// happened since the last one.
func (t *track) add(r *reading, second int64) (changed bool) {
	old := t.now
	t.now = r
	if old == nil {
		t.history.add(second, gauges(r.status))
		t.keep(r)
		return true
	}
	// A decision can be told in the sample before that which has the parallelism, and in the next one.
	decisions := slices.Concat(old.causes, r.causes)
	if len(t.resized) > 0 && t.resized[0].at.Equal(old.status.At) {
		t.resized[0].explain(t.made, decisions)
	}
	if from, to := old.capacity(), r.capacity(); from != to {
		change := resized{since: old.status.At, at: r.status.At, from: from, to: to}
		change.explain(t.made, decisions)
		t.resized = slices.Insert(t.resized, 0, change)
		t.resized = t.resized[:min(len(t.resized), maxResized)]
	}
	changed = r.status.LastEvent != old.status.LastEvent || r.keyed != nil || r.panels != nil ||
		r.status.InFlight > 0 || r.status.Waiting > 0
	if t.begun == nil || second != t.history.last {
		t.begun = old
	}
	if i, err := r.status.Since(t.begun.status); err == nil {
		t.history.add(second, pointOf(i, r.fullSince(t.begun), t.meanHold()))
	}
	t.keep(r)
	return changed
}

// keep adds r to the kept readings, which are
//
//	up to 10 s old     about two seconds apart
//	up to a minute     about ten seconds apart
//	older              one of them
//
// so that windows of both lengths begin near their time. At most about 15 are kept, each
// with a histogram of 4 kB at most.
func (t *track) keep(r *reading) {
	if n := len(t.kept); n > 0 && r.status.At.Sub(t.kept[n-1].status.At) < 2*time.Second && !r.status.At.Before(t.kept[n-1].status.At) {
		return
	}
	t.kept = append(t.kept, r)
	now := r.status.At
	kept := t.kept[:0]
	for i, k := range t.kept {
		age := now.Sub(k.status.At)
		switch next := i + 1; {
		case age < 0, age > historySeconds*time.Second: // the clock went back, or there was no viewer for long
		case next < len(t.kept) && now.Sub(t.kept[next].status.At) >= longWindow: // another one is old enough
		case age > shortWindow+2*time.Second && len(kept) > 0 && k.status.At.Sub(kept[len(kept)-1].status.At) < 10*time.Second:
		default:
			kept = append(kept, k)
		}
	}
	clear(t.kept[len(kept):])
	t.kept = kept
}

// since returns the kept reading at which a window of that length begins: the newest one
// that is old enough, otherwise the oldest one. It is nil if there is none before now.
func (t *track) since(window time.Duration) *reading {
	var start *reading
	for _, k := range t.kept {
		if k == t.now || start != nil && t.now.status.At.Sub(k.status.At) < window {
			break
		}
		start = k
	}
	return start
}

// interval returns what happened in about the last window. Without an earlier reading it
// returns the whole life, with a Duration of 0.
func (t *track) interval(window time.Duration) bulk.Interval {
	if start := t.since(window); start != nil {
		if i, err := t.now.status.Since(start.status); err == nil {
			return i
		}
	}
	return bulk.Interval{Start: t.now.status, End: t.now.status, Totals: t.now.status.Totals}
}

// meanHold returns the mean time in flight of about the last minute, 0 if it is not known:
// of 64 admissions one is sampled, so that a shorter window often has none.
func (t *track) meanHold() time.Duration {
	start := t.since(longWindow)
	if start == nil {
		return 0
	}
	before, now := start.status.Totals.Holds, t.now.status.Totals.Holds
	if now.Samples <= before.Samples {
		return 0
	}
	return bulk.Holds{Samples: now.Samples - before.Samples, Sum: now.Sum - before.Sum}.Mean()
}

// judgeEvery is how often a bulkhead without trouble is judged. Judging costs more than
// sampling.
const judgeEvery = 5 * time.Second

// If more than crowd bulkheads are in trouble, each of them is judged every crowdedEvery
// instead of with every sample.
const (
	crowd        = 100
	crowdedEvery = 3 * time.Second
)

// judge updates the findings. It reports whether t is in trouble.
func (t *track) judge(crowded bool) (trouble bool) {
	at := t.now.status.At
	trouble = t.trouble()
	every := judgeEvery
	switch {
	case trouble && crowded && len(t.findings) > 0:
		every = crowdedEvery
	case trouble:
		every = 0
	}
	if age := at.Sub(t.judged); age >= 0 && age < every {
		return trouble
	}
	t.judged = at
	t.report = t.now.report(t.since(longWindow))
	t.findings = merge(t.findings, t.report.Findings, at, t.history.recent(enoughHits))
	return trouble
}

// trouble reports whether the findings can change with every sample.
func (t *track) trouble() bool {
	s := t.now.status
	p := t.history.at(t.history.last)
	return len(t.findings) > 0 || s.Closed || s.Free() == 0 || s.Waiting > 0 || p[seriesRejected] > 0 ||
		t.now.capacity() != t.report.Status.Capacity && t.now.keyed == nil
}
