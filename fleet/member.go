package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Member is a process, or a part of one, that has a share of a budget. [Join] makes
// one. All methods may be called concurrently.
//
// A member has two goroutines: one refreshes, the other watches. Both end when Leave
// has returned, or soon after the ctx of Join has ended.
type Member struct {
	config
	store    Store
	budget   string
	bulkhead *bulk.Bulkhead
	id       string

	cancel  context.CancelFunc // ends both goroutines
	done    chan struct{}      // closed when both have ended
	leaving chan struct{}      // has one element while a Leave runs

	// resizing is held from the decision on a parallelism until it is set, so that no older
	// decision follows a newer one. It is not held while caller-supplied code runs.
	resizing sync.Mutex

	// mu guards the fields below. It is never held while the store, the bulkhead or
	// OnChange is called.
	mu       sync.Mutex
	total    int    // what this member wants
	limit    int    // see SetLimit
	followed int    // the limit of Follow
	bounded  uint64 // counts.writes, and 1, since when the share bounds what Follow is told; 0: it does not
	ended    phase
	ledger   ledger
	lease    lease
	gauge    gauge
	turns    int // refreshes with a slot while others had none
	plan     int // the share that the next write is going to report; noPlan: none

	parallelism int  // set last
	paused      bool // by other code
	released    bool // the bulkhead may have another member
	drained     bool // before that
	held        int  // the parallelism with the last valid lease, without limit
	last        Change
	untold      []Change
	telling     bool
	counts      counts
	lastErr     error
}

const noPlan = math.MaxInt

// phase is how far the member has left.
type phase uint8

const (
	joined    phase = iota
	isLeaving       // Leave was called, or the bulkhead was closed
	hasLeft
)

// counts are the counts of [Status].
type counts struct{ writes, conflicts, failures, losses uint64 }

// ErrJoined is returned by [Join] for a bulkhead that has a member already, which has not
// left. Two members would undo each other's changes of the parallelism.
var ErrJoined = errors.New("another member sets its parallelism")

// ErrLimited is returned by [Join] for a bulkhead whose parallelism an adaptive.Limiter
// sets. Make the limiter with adaptive.Observe, and pass its decisions to [Member.Follow].
var ErrLimited = errors.New("an adaptive limiter sets its parallelism")

// owner is what a member is for its bulkhead.
const owner = hooks.Member | hooks.Setter

// Join makes b a member of the fleet that divides the budget, and returns immediately.
// Until the member has a share, and whenever its share is 0, b is paused: its parallelism
// is 0 and operations wait, if it has a waiting room, or are rejected as saturated.
// From then on the member sets the parallelism of b. See [Member.SetLimit] for how to
// combine that with other reasons to change it.
//
// total is the number of slots of the whole budget. If members were told different
// totals, the smallest one counts: a total is lowered as soon as the first member has
// the new one, and raised when the last member has it. See [Member.SetTotal].
//
// If an argument or an option is not allowed, Join returns the problems joined, each a
// [*bulk.ConfigError], and changes nothing. It returns an error that matches
// [bulk.ErrClosed] if b is closed, [ErrJoined] if b has a member already, and [ErrLimited]
// if an adaptive limiter sets the parallelism of b. It returns no error of the store:
// while the store cannot be reached the member retries, and Status has the error.
//
// When ctx ends, the member stops refreshing, as after a crash: it keeps its share until
// its lease ends and then does what [OnLost] says, and the others get its share after
// TTL and Grace. So a server can finish its requests after the signal that ends ctx.
// Call [Member.Leave] to give the share back immediately; it works after the end of ctx.
func Join(ctx context.Context, s Store, budget string, total int, b *bulk.Bulkhead, opts ...Option) (*Member, error) {
	c, err := configure(budget, total, b, opts)
	if s == nil {
		err = errors.Join(err, &bulk.ConfigError{Field: "store", Problem: "must not be nil"})
	}
	if err != nil {
		return nil, err
	}
	if b.Status().Closed {
		return nil, fmt.Errorf("fleet: bulkhead %s: %w", safetext.Quote(b.Label()), bulk.ErrClosed)
	}
	switch taken := hooks.Claim(b, owner); {
	case taken&hooks.Member != 0:
		return nil, fmt.Errorf("fleet: bulkhead %s: %w: leave first", safetext.Quote(b.Label()), ErrJoined)
	case taken != 0:
		return nil, fmt.Errorf("fleet: bulkhead %s: %w: let it observe, and call Follow", safetext.Quote(b.Label()), ErrLimited)
	}
	ctx, cancel := context.WithCancel(ctx)
	m := &Member{
		config: c, store: s, budget: budget, bulkhead: b, id: rand.Text()[:16],
		cancel: cancel, done: make(chan struct{}), leaving: make(chan struct{}, 1),
		total: total, limit: bulk.Unlimited, followed: bulk.Unlimited, plan: noPlan, parallelism: b.Capacity().Parallelism,
	}
	m.ledger.own = -1
	m.gauge.restart(b.Status())
	joined := false
	defer func() {
		if !joined { // an event handler of b ended the goroutine
			cancel()
			m.release(false)
		}
	}()
	m.setParallelism()()
	joined = true
	go m.run(ctx)
	return m, nil
}

// SetTotal changes the total that this member was told. The others learn of it with the
// next refresh. The smallest total of all members counts.
func (m *Member) SetTotal(total int) error {
	if total < 1 || total > maxTotal {
		return &bulk.ConfigError{Label: m.bulkhead.Label(), Field: "total", Value: total, Problem: totalRange}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total = total
	return nil
}

// SetLimit sets an upper bound for the parallelism of this member besides its share:
// the parallelism is the smaller one. It changes before SetLimit returns. The bound also
// limits the demand that the member publishes, so that the others get what it does not
// need. [bulk.Unlimited], the default, is no bound, and 0 pauses the bulkhead. See
// [Member.Follow] for an adaptive limiter.
//
// Use it for everything that changes the parallelism while the member is joined, such as
// an operator or a schedule. If such code calls Resize of the bulkhead instead, its value
// lasts until the next reading of the load, eight times a refresh, and one above the share
// exceeds the budget until then. Only a pause stays, if the parallelism was not 0 already:
// Resize(0) pauses the bulkhead, and the member demands no slots, until such code sets
// another parallelism.
func (m *Member) SetLimit(n int) error {
	if n < 0 {
		return m.badLimit(n)
	}
	m.mu.Lock()
	m.limit = n
	m.mu.Unlock()
	m.resize()
	return nil
}

// Follow sets another limit, besides that of [Member.SetLimit], to a parallelism that an
// adaptive limiter with Observe has decided. The smaller limit counts:
//
//	adaptive.OnDecision(func(d adaptive.Decision) { _ = member.Follow(d.To) })
//
// A parallelism below the share is the limit. One that is not below it removes the limit if
// it is the share that bounds the parallelism: a limiter decides on a step from the present
// parallelism, and as a limit its decision would allow the share no more than that step in
// each refresh. After a limit that has brought the share down, the share therefore follows
// in such steps first, and the limit is removed when the share does not follow in two
// refreshes.
func (m *Member) Follow(parallelism int) error {
	if parallelism < 0 {
		return m.badLimit(parallelism)
	}
	m.mu.Lock()
	share, writes := m.share(m.clock.now()), m.counts.writes
	switch {
	case parallelism < share || m.followed <= share:
		m.bounded = 0
	case m.bounded == 0:
		m.bounded = writes + 1
	}
	if m.bounded > 0 && (m.followed == bulk.Unlimited || writes+1 >= m.bounded+2) {
		parallelism = bulk.Unlimited
	}
	m.followed = parallelism
	m.mu.Unlock()
	m.resize()
	return nil
}

func (m *Member) badLimit(n int) error {
	return &bulk.ConfigError{Label: m.bulkhead.Label(), Field: "limit", Value: n, Problem: "must be 0 (paused) or more"}
}

// bound returns the smaller limit. m.mu is held.
func (m *Member) bound() int { return min(m.limit, m.followed) }

// share returns the slots that the member may use now, before the limit. m.mu is held.
func (m *Member) share(now time.Time) int {
	if m.ended != joined {
		return 0
	}
	if !m.lease.valid(now) {
		switch {
		case m.onLost.kind == safe && m.counts.failures+m.counts.losses > 0:
			return m.onLost.n
		case m.onLost.kind == keep:
			return m.held
		}
		return 0
	}
	n := m.held // until this member has a row in the record: what it is going to report
	if l := &m.ledger; l.own >= 0 {
		n = m.keeps(l.record)
	}
	return min(n, m.plan, m.lease.pendingShare())
}

// keeps returns the share that the member should keep according to r, which has its
// row: all of it, unless another member lacks slots. While r learns, no share grows, so that
// all of it is kept unless the total is exceeded. m.mu is held.
func (m *Member) keeps(r *record) int {
	i := r.index(m.id)
	share := r.Rows[i].Share
	if r.Learning && r.charged() <= r.total() {
		return share
	}
	if d := divide(r, m.quiet); d.short(r) {
		return min(share, d.target[i])
	}
	return share
}

// quiet reports whether a member leaves or has missed its refreshes, so that it should
// get no more slots. m.mu is held.
func (m *Member) quiet(row row) bool {
	if row.Leaving || row.ID == m.id {
		return row.Leaving
	}
	s, seen := m.ledger.sightings[row.ID]
	return seen && m.clock.now().Sub(s.since) > 2*m.refresh+m.refresh/2
}

// Bulkhead returns the bulkhead whose parallelism m sets.
func (m *Member) Bulkhead() *bulk.Bulkhead { return m.bulkhead }
