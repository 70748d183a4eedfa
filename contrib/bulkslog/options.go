package bulkslog

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
)

// Config is what the options of a [Logger] set. It has no exported fields.
type Config struct {
	first, then uint64
	most        int
	interval    time.Duration
	level       func(bulk.Event) slog.Level
}

// Option is an option of [New].
type Option = option.Option[Config]

func newConfig(opts []Option) Config {
	c := Config{first: 10, most: 100, interval: 10 * time.Second, level: Level}
	if err := option.Apply(&c, opts...); err != nil {
		panic("bulkslog: " + err.Error())
	}
	return c
}

// samples reports whether the n-th event of a kind and label in an interval, counted
// from 1, is logged.
func (c Config) samples(n uint64) bool {
	return n <= c.first || c.then > 0 && (n-c.first)%c.then == 0
}

// First sets how many events of each kind and label are logged in an interval before
// events are left out. The default is 10. A negative n panics.
func First(n int) Option {
	mustHave(n >= 0, "First(%d): must be at least 0", n)
	return func(c *Config) error { c.first = uint64(n); return nil }
}

// Then logs every m-th of the further events of each kind and label in an interval. By
// default, and with m = 0, none of them is logged. A negative m panics.
func Then(m int) Option {
	mustHave(m >= 0, "Then(%d): must be at least 0", m)
	return func(c *Config) error { c.then = uint64(m); return nil }
}

// Most sets the largest number of events of a kind that are logged in an interval,
// over all labels. It bounds the log if there are many labels. The default is 100. A
// negative n panics.
//
// At most n events of each kind in a second, whatever their labels:
//
//	bulkslog.New(logger, bulkslog.Interval(time.Second), bulkslog.First(n), bulkslog.Most(n))
func Most(n int) Option {
	mustHave(n >= 0, "Most(%d): must be at least 0", n)
	return func(c *Config) error { c.most = n; return nil }
}

// Interval sets the length of an interval. The default is 10 s. A d that is not
// positive panics.
func Interval(d time.Duration) Option {
	mustHave(d > 0, "Interval(%v): must be more than 0", d)
	return func(c *Config) error { c.interval = d; return nil }
}

// Levels sets the function that chooses the level of an event. The default is [Level].
// A nil f panics.
func Levels(f func(bulk.Event) slog.Level) Option {
	mustHave(f != nil, "Levels: nil function")
	return func(c *Config) error { c.level = f; return nil }
}

// Level returns the default level of an event: Warn for operations that are rejected as
// saturated, expired or oversized; Debug for operations that are queued, admitted or
// released; and Info for all others.
func Level(e bulk.Event) slog.Level {
	switch e.Kind {
	case bulk.EventSaturated, bulk.EventExpired, bulk.EventOversized:
		return slog.LevelWarn
	case bulk.EventQueued, bulk.EventAdmitted, bulk.EventReleased:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

func mustHave(ok bool, format string, args ...any) {
	if !ok {
		panic("bulkslog: " + fmt.Sprintf(format, args...))
	}
}
