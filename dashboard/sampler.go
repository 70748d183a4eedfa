package dashboard

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// sampler reads the sources: once for each request, and once a second while there are
// viewers of the live page. It keeps what it has read for five minutes.
type sampler struct {
	sources []readable

	reading sync.Mutex // held while the sources are read; taken before mu

	mu       sync.Mutex
	origin   time.Time         // seconds count from here
	tracks   map[uint64]*track // by ID
	order    []*track          // the worst first
	at       time.Time         // of the last sample
	round    uint64            // number of samples
	troubled int               // how many were in trouble at the last sample
	viewers  map[*viewer]struct{}
	stop     chan struct{} // closed when the last viewer leaves; nil without viewers
	forget   *time.Timer   // nil if there is nothing to forget
	events   encoder
}

// sampleEvery is the time between two samples while there are viewers.
const sampleEvery = time.Second

// sampleAgain is the age at which a sample is too old for a request. It bounds the cost
// of a client that asks in a loop.
const sampleAgain = 100 * time.Millisecond

func newSampler(sources []readable) *sampler {
	return &sampler{sources: sources, origin: time.Now(), tracks: make(map[uint64]*track), viewers: make(map[*viewer]struct{})}
}

// refresh takes a sample unless there is a recent one.
func (s *sampler) refresh() {
	s.mu.Lock()
	age := time.Since(s.at)
	fresh := s.round > 0 && age >= 0 && (age < sampleAgain || s.stop != nil && age < sampleEvery)
	s.mu.Unlock()
	if !fresh {
		s.sample()
	}
}

// sample reads all sources and tells the viewers what has changed.
func (s *sampler) sample() {
	s.reading.Lock()
	defer s.reading.Unlock()
	readings := collect(s.sources) // without mu, because sources can be caller-supplied code
	s.listKeys(readings)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = time.Now()
	s.round++
	second := int64(s.at.Sub(s.origin).Round(time.Second) / time.Second)
	s.events.begin(s.at, second, len(s.viewers) > 0)
	troubled := 0
	for _, r := range readings {
		t, known := s.tracks[r.status.ID]
		if !known {
			t = &track{id: r.status.ID}
			s.tracks[t.id] = t
			s.order = append(s.order, t)
		}
		t.round = s.round
		if r.lines != nil {
			t.listed = s.at
		}
		changed := t.add(r, second)
		if t.judge(s.troubled > crowd) {
			troubled++
		}
		if !changed && len(t.findings) == 0 && t.view.settled(t) {
			continue
		}
		old := t.view
		t.view = t.render()
		s.events.row(t, old, known)
	}
	s.troubled = troubled
	s.removeGone()
	slices.SortStableFunc(s.order, worse)
	s.events.end(s)
	s.keepFor(historySeconds * time.Second)
}

// listEvery is how often the busiest keys of a Keyed are read for its live pages. It takes
// time in proportion to the number of keys.
const listEvery = 3 * time.Second

// listKeys reads the busiest keys of those that have a live page, without mu, because the
// keys can have a String method.
func (s *sampler) listKeys(readings []*reading) {
	due := make(map[uint64]bool)
	s.mu.Lock()
	for v := range s.viewers {
		if t, ok := s.tracks[v.id]; ok {
			age := time.Since(t.listed)
			due[v.id] = age < 0 || age > listEvery-sampleEvery/2
		}
	}
	s.mu.Unlock()
	for _, r := range readings {
		if r.busiest != nil && due[r.status.ID] {
			r.lines = keyLines(r.busiest())
		}
	}
}

// settled reports whether the view of t cannot change without an event: all windows lie
// after the last one.
func (v view) settled(t *track) bool {
	long := t.since(longWindow)
	return long != nil && v.fields[fieldSeverity] != "" && v.keys[keyArrivals] == 0 &&
		long.status.LastEvent == t.now.status.LastEvent && v.fields[fieldShort] == windowName(shortWindow, shortWindow) &&
		v.fields[fieldLong] == windowName(longWindow, longWindow)
}

// removeGone removes what was not in the last sample.
func (s *sampler) removeGone() {
	s.order = slices.DeleteFunc(s.order, func(t *track) bool {
		gone := t.round != s.round
		if gone {
			delete(s.tracks, t.id)
			s.events.remove(t.id)
		}
		return gone
	})
}

// worse orders by severity, then by the order of magnitude of the rejections, then by
// label, so that the order does not change with every sample.
func worse(a, b *track) int {
	return cmp.Or(
		cmp.Compare(b.view.keys[keySeverity], a.view.keys[keySeverity]),
		cmp.Compare(a.now.status.Label, b.now.status.Label),
		cmp.Compare(a.id, b.id))
}

// keepFor forgets everything after d without a sample. The lock is held.
func (s *sampler) keepFor(d time.Duration) {
	if s.forget != nil {
		s.forget.Reset(d)
		return
	}
	s.forget = time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if age := time.Since(s.at); s.stop == nil && age >= d {
			s.tracks, s.order, s.events = make(map[uint64]*track), nil, encoder{}
		}
	})
}

// run samples until stop is closed.
func (s *sampler) run(stop <-chan struct{}) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			s.sample()
		}
	}
}

// counts returns how many tracks have each severity. The lock is held.
func (s *sampler) counts() (n [bulk.SeverityCritical + 1]int) {
	for _, t := range s.order {
		n[t.severity()]++
	}
	return n
}
