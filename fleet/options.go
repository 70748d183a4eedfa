package fleet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
)

// Option configures a member in [Join]. Of two that set the same value, the later one
// counts. [option.Join] combines several into one.
type Option = option.Option[Config]

// Config is what an [Option] changes. It is opaque: use the options of this package.
type Config struct {
	name     string
	ttl      time.Duration
	refresh  time.Duration
	grace    time.Duration
	minShare int
	onLost   Policy
	onChange func(Change)
	clock    clock
	random   func() float64 // in [0, 1)
}

// config is Config as an embedded field that is not exported.
type config = Config

// maxTotal is the largest total, so that sums of shares fit into an int of 32 bits.
const maxTotal = 1_000_000

// The defaults of [Refresh], [TTL] and [Grace].
const (
	DefaultRefresh = 5 * time.Second  // each member writes the record about once in this time
	DefaultTTL     = 20 * time.Second // a member survives three failed refreshes
	DefaultGrace   = 10 * time.Second // what operations may take that began before their lease ended
)

// Refresh sets how often a member renews its lease and tells its demand: after 0.9 d to
// d, at random. Each refresh is one write of the store, and one more for each conflict
// with the write of another member, at most eight. After a refresh that failed, and once
// after Join, the next one is earlier. The default is [DefaultRefresh].
func Refresh(d time.Duration) Option {
	return func(c *Config) error {
		c.refresh = d
		return nil
	}
}

// TTL sets for how long a share is held after the last write that succeeded, counted
// from the moment before its request was sent. It must be at least two refreshes: with
// the default, [DefaultTTL], a member survives three failed refreshes.
//
// All members of a budget should have the same TTL and [Grace]. If not, each share is safe
// for as long as its own member says, with one exception: see the package comment.
func TTL(d time.Duration) Option {
	return func(c *Config) error {
		c.ttl = d
		return nil
	}
}

// Grace sets for how long the others wait after the TTL of a member before they give
// its share away. Operations that were admitted before the end of the lease have this
// time to end. Set it to at least the longest time of an operation (see
// [deadline.Timeout]) plus the drift of the clocks over TTL and Grace. The default is
// [DefaultGrace].
//
// [deadline.Timeout]: https://pkg.go.dev/github.com/bulklink/bulklink-go/deadline#Timeout
func Grace(d time.Duration) Option {
	return func(c *Config) error {
		c.grace = d
		return nil
	}
}

// MinShare sets the slots that are reserved for this member although it does not use
// them, so that its next operation need not wait for a refresh. The default is 1. If
// the minima of all members are more than the total, they are not reserved: members
// with a demand come first.
func MinShare(n int) Option {
	return func(c *Config) error {
		c.minShare = n
		return nil
	}
}

// Name sets the name of the member, for people: in the record, in statuses and in
// errors. It has at most 255 bytes. The default is the host name. Names need not be unique, and nothing depends
// on them: a process that restarts under its name is another member.
func Name(name string) Option {
	return func(c *Config) error {
		c.name = name
		return nil
	}
}

// OnLost sets what a member does whose lease has ended. The default is [Stop].
func OnLost(p Policy) Option {
	return func(c *Config) error {
		c.onLost = p
		return nil
	}
}

// OnChange sets a function that is called after each change of the parallelism that
// the member made, one call at a time and in order. It runs on the goroutine that made
// the change: one of the member, which does not refresh while it runs, or that of the
// caller of [Member.SetLimit] or [Member.Leave]. The first call can come before the
// caller of [Join] has the member. It may call [Member.Status] and [Member.SetLimit], and
// must not call [Member.Leave]. Its panic is logged with log/slog at level Error.
func OnChange(f func(Change)) Option {
	return func(c *Config) error {
		if f == nil {
			return &bulk.ConfigError{Field: "on_change", Problem: "must not be nil"}
		}
		c.onChange = f
		return nil
	}
}

// Policy is what a member does whose lease has ended: [Stop], [Safe] or [Keep].
type Policy struct {
	kind policyKind
	n    int
}

type policyKind uint8

const (
	stop policyKind = iota
	safe
	keep
)

// Stop pauses the bulkhead: parallelism 0. With it, and only if all members use it,
// the budget is never exceeded; see the package comment for what that includes. While
// the store cannot be reached for longer than the TTL, no operation is admitted.
func Stop() Policy { return Policy{} }

// Safe falls back to n slots. If n times the highest number of members is at most the
// total, the budget is exceeded only while some members have lost their leases and
// others have not.
func Safe(n int) Policy { return Policy{safe, n} }

// Keep keeps the share that the member had. A member that has had none stays paused.
// The budget can be exceeded when the others have given the share away.
func Keep() Policy { return Policy{kind: keep} }

// String returns stop, safe(n) or keep.
func (p Policy) String() string {
	switch p.kind {
	case safe:
		return fmt.Sprintf("safe(%d)", p.n)
	case keep:
		return "keep"
	}
	return "stop"
}

// configure applies opts and checks everything. It returns all problems joined.
func configure(budget string, total int, b *bulk.Bulkhead, opts []Option) (Config, error) {
	host, _ := os.Hostname()
	c := Config{
		name: host, refresh: DefaultRefresh, ttl: DefaultTTL, grace: DefaultGrace, minShare: 1,
		onChange: func(Change) {}, clock: realClock{}, random: rand.Float64,
	}
	err := option.Apply(&c, opts...)
	c.name = strings.ToValidUTF8(c.name, "\ufffd") // as it would be read from the record
	label := ""
	if b != nil {
		label = b.Label()
	}
	errs := []error{err}
	add := func(ok bool, field string, value any, problem string) {
		if !ok {
			errs = append(errs, &bulk.ConfigError{Label: label, Field: field, Value: value, Problem: problem})
		}
	}
	add(b != nil, "bulkhead", nil, "must not be nil")
	add(strings.TrimSpace(budget) != "", "budget", budget, "must not be empty or only spaces")
	add(len(c.name) <= maxName, "name", c.name, fmt.Sprintf("must have at most %d bytes", maxName))
	add(total >= 1 && total <= maxTotal, "total", total, totalRange)
	add(c.refresh >= time.Millisecond, "refresh", c.refresh, "must be at least 1ms")
	add(c.refresh <= c.ttl/2, "ttl", c.ttl, fmt.Sprintf("must be at least twice the refresh of %v", c.refresh))
	add(c.ttl <= maxLapse && c.grace <= maxLapse, "ttl and grace", c.ttl+c.grace, fmt.Sprintf("must be at most %v each", maxLapse))
	add(c.grace >= 0, "grace", c.grace, "must be 0 or more")
	add(c.minShare >= 0 && c.minShare <= maxTotal, "min_share", c.minShare, "must be from 0 to 1000000")
	add(c.onLost.kind != safe || c.onLost.n >= 0 && c.onLost.n <= maxTotal, "on_lost", c.onLost, "must keep from 0 to 1000000 slots")
	return c, errors.Join(errs...)
}

const (
	totalRange = "must be from 1 to 1000000"
	maxLapse   = 365 * 24 * time.Hour
	maxName    = 255 // bytes, as for the name of a host: it is in each record
)

// lapse returns for how long the others wait for the next renewal.
func (c *Config) lapse() time.Duration { return c.ttl + c.grace }
