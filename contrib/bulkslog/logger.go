package bulkslog

import (
	"cmp"
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// maxSeries is how many pairs of a kind and a label are counted separately in an
// interval. Labels can come from outside, so their number needs a bound.
const maxSeries = 1000

// others is the label of the record that counts the events of further pairs.
const others = "(other labels)"

// Logger logs the events of bulkheads. Create one with [New]. Its methods may be called
// concurrently, and one Logger can serve any number of bulkheads.
type Logger struct {
	logger *slog.Logger
	config Config

	// due is when the interval ends, in Unix nanoseconds, if events were left out in it,
	// otherwise 0. It spares events that are not logged the lock.
	due atomic.Int64

	// mu guards the fields below. It is not held while a record is written.
	mu     sync.Mutex
	began  int64 // of the interval, in Unix nanoseconds; 0 if none has begun
	counts map[series]count
	logged [256]int // records of each kind in the interval, over all labels
}

// series identifies events that are counted together. The label is empty for those
// above maxSeries; no bulkhead has an empty label.
type series struct {
	kind  bulk.EventKind
	label string
}

type count struct {
	seen  uint64     // in the interval
	left  uint64     // out, since the last record
	kept  bool       // some of left are from earlier intervals
	level slog.Level // of the last event
}

// summary says how many events of a series were left out.
type summary struct {
	series
	count
}

// New returns a Logger that writes to logger. Pass its Log method to [bulk.OnEvent]. By
// default it logs the first 10 events of each kind and label in 10 s, and at most 100
// events of a kind. A nil logger and an option with a bad value panic.
func New(logger *slog.Logger, opts ...Option) *Logger {
	mustHave(logger != nil, "New: nil logger")
	return &Logger{logger: logger, config: newConfig(opts), counts: map[series]count{}}
}

// Log logs the event, or counts it as left out. It is a handler for [bulk.OnEvent].
func (l *Logger) Log(e bulk.Event) {
	ctx, level, now := context.Background(), l.config.level(e), e.At.UnixNano()
	enabled := l.logger.Enabled(ctx, level)
	if due := l.due.Load(); !enabled && (due == 0 || now < due) {
		return
	}
	l.mu.Lock()
	var ended []summary
	if l.began != 0 && l.isOver(now) {
		ended = l.end()
	}
	var logs bool
	var left uint64
	if enabled {
		logs, left = l.count(e, level, now)
	}
	l.mu.Unlock()

	l.write(ended)
	if !logs {
		return
	}
	attrs := []slog.Attr{slog.Any("bulkhead", e)}
	if left > 0 {
		attrs = append(attrs, slog.Uint64("left_out", left))
	}
	l.handle(level, "bulkhead "+e.Kind.String(), attrs...)
}

// handle writes a record. The caller has asked whether the level is enabled: LogAttrs
// would ask again, and drop a record whose events have been counted.
func (l *Logger) handle(level slog.Level, message string, attrs ...slog.Attr) {
	var caller [1]uintptr
	runtime.Callers(2, caller[:])
	record := slog.NewRecord(time.Now(), level, message, caller[0])
	record.AddAttrs(attrs...)
	_ = l.logger.Handler().Handle(context.Background(), record) // slog ignores the error too
}

// Flush ends the interval, and logs how many events were left out in it. Call it before
// the program ends. It does not log the counts of levels that are disabled.
func (l *Logger) Flush() {
	l.mu.Lock()
	ended := l.end()
	l.mu.Unlock()
	l.write(ended)
}

// isOver reports whether the interval has ended. Events can be delivered out of order,
// so one from before the interval does not end it, unless the clock was set back.
func (l *Logger) isOver(now int64) bool {
	since := time.Duration(now - l.began)
	return since >= l.config.interval || since < -l.config.interval
}

// end ends the interval and returns what was left out. The lock is held.
func (l *Logger) end() []summary {
	var left []summary
	for s, c := range l.counts {
		if c.left > 0 {
			left = append(left, summary{s, c})
		}
	}
	clear(l.counts)
	clear(l.logged[:])
	l.began = 0
	l.due.Store(0)
	return left
}

// count counts the event. It returns whether to log it, and how many events of its
// series were left out since the last record. The lock is held.
func (l *Logger) count(e bulk.Event, level slog.Level, now int64) (logs bool, left uint64) {
	if l.began == 0 {
		l.began = now
		if len(l.counts) > 0 { // kept from an interval at whose end their levels were disabled
			l.due.Store(now + int64(l.config.interval))
		}
	}
	s := series{e.Kind, e.Label}
	c, known := l.counts[s]
	apart := known || len(l.counts) < maxSeries
	if !apart {
		s.label = ""
		c = l.counts[s]
	}
	c.seen++
	c.level = level
	logs = l.config.samples(c.seen) && l.logged[e.Kind] < l.config.most
	if logs {
		l.logged[e.Kind]++
	}
	switch {
	case logs && apart:
		left, c.left, c.kept = c.left, 0, false
	case !logs:
		c.left++
		l.due.Store(l.began + int64(l.config.interval))
	}
	l.counts[s] = c
	return logs, left
}

// write logs how many events were left out, ordered by kind and label. It keeps the
// counts of levels that are disabled now.
func (l *Logger) write(ended []summary) {
	slices.SortFunc(ended, func(a, b summary) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.label, b.label))
	})
	for _, s := range ended {
		if !l.logger.Enabled(context.Background(), s.level) {
			l.keep(s)
			continue
		}
		label := safetext.Printable(s.label)
		if label == "" {
			label = others
		}
		attrs := []slog.Attr{
			slog.Group("bulkhead", slog.String("label", label), slog.String("kind", s.kind.String())),
			slog.Uint64("left_out", s.left),
		}
		if !s.kept {
			attrs = append(attrs, slog.Int64("interval_ns", int64(l.config.interval)))
		}
		l.handle(s.level, "bulkhead events left out", attrs...)
	}
}

// keep adds the count of an interval that has ended to the present interval, or to the
// next one.
func (l *Logger) keep(s summary) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.counts[s.series]; !known && len(l.counts) >= maxSeries {
		s.label = ""
	}
	c, known := l.counts[s.series]
	if !known {
		c.level = s.level
	}
	c.left += s.left
	c.kept = true
	l.counts[s.series] = c
	if l.began != 0 {
		l.due.Store(l.began + int64(l.config.interval))
	}
}
