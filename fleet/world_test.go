package fleet

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"pgregory.net/rapid"
)

// The world of the proofs: processes with clocks of their own, that can be paused,
// killed and cut off, a store that is reached over a network, and a dependency that
// counts the calls that are inside.

// world has everything. Its fields are guarded by mu.
type world struct {
	mu       sync.Mutex
	budget   int // total that every new process is told
	bound    []boundAt
	inside   map[*process]int
	calls    int
	most     int
	story    []string
	broken   []string
	engine   engine
	began    time.Time
	procs    []*process // all that live
	all      []*process
	excused  func() bool // whether calls above the total are expected
	lax      bool        // members may tell that they have more than the total: Safe and Keep
	settings []Option
	ttl      time.Duration
	refresh  time.Duration
	grace    time.Duration
	network  network
	random   *rand.Rand
}

// network says what happens to requests and answers.
type network struct {
	delay      time.Duration // of one way, at most
	watch      time.Duration // of an update of a watch, at most, in addition
	loseAsk    float64       // requests that are lost
	loseAnswer float64       // answers that are lost, after the request was carried out
	late       float64       // writes that are carried out long after the caller has given up
}

type boundAt struct {
	at    time.Time
	total int
}

func newWorld(total int, seed uint64) *world {
	w := &world{
		budget: total, inside: make(map[*process]int), began: time.Now(),
		ttl: 20 * time.Second, refresh: 5 * time.Second, grace: 10 * time.Second,
		random: rand.New(rand.NewPCG(seed, 1)),
	}
	w.engine.history = make(map[string]int)
	w.engine.changed = make(chan struct{})
	return w
}

// tell notes what happened, for a person who reads a failure.
func (w *world) tell(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.story = append(w.story, fmt.Sprintf("%9.3fs ", time.Since(w.began).Seconds())+fmt.Sprintf(format, args...))
}

// fail notes that a promise was broken.
func (w *world) fail(format string, args ...any) {
	text := fmt.Sprintf("%9.3fs ", time.Since(w.began).Seconds()) + fmt.Sprintf(format, args...)
	if len(w.broken) < 10 {
		w.broken = append(w.broken, text)
	}
}

// result returns what was broken, with the story, or an empty text.
func (w *world) result() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.broken) == 0 {
		return ""
	}
	return strings.Join(w.broken, "\n") + "\nThis happened:\n" + strings.Join(w.story, "\n")
}

// link returns the network as it is now.
func (w *world) link() network {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.network
}

// setNetwork replaces the network while processes run.
func (w *world) setNetwork(n network) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.network = n
}

func (w *world) chance(p float64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.Float64() < p
}

func (w *world) upTo(d time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.random.Float64() * float64(d))
}

// agree notes the total of a record that was written. w.mu is held.
func (w *world) agree(total int) {
	if total > 0 && (len(w.bound) == 0 || w.bound[len(w.bound)-1].total != total) {
		w.bound = append(w.bound, boundAt{time.Now(), total})
	}
}

// allowed returns the highest total that a record had since a lease, a grace and a refresh
// ago: so long does it take until the last member has heard of a lower one. w.mu is held.
func (w *world) allowed() int {
	window := time.Duration(1.1 * float64(w.ttl+w.grace+w.refresh))
	highest := 0
	for i, b := range w.bound {
		stillCounted := i == len(w.bound)-1 || time.Since(w.bound[i+1].at) <= window
		if stillCounted {
			highest = max(highest, b.total)
		}
	}
	return highest
}

// enter is a call of the dependency that begins.
func (w *world) enter(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inside[p]++
	w.calls++
	sum := 0
	for _, n := range w.inside {
		sum += n
	}
	w.most = max(w.most, sum)
	if allowed := w.allowed(); sum > allowed && (w.excused == nil || !w.excused()) {
		text := ""
		for p, n := range w.inside {
			if n > 0 {
				text += fmt.Sprintf(" %s:%d", p.name, n)
			}
		}
		w.fail("%d calls inside, total %d:%s", sum, allowed, text)
	}
}

func (w *world) leave(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inside[p]--
	if w.inside[p] == 0 {
		delete(w.inside, p)
	}
}

// engine is the store itself. It has one record.
type engine struct {
	mu       sync.Mutex
	record   []byte
	revision uint64
	last     uint64
	changed  chan struct{}
	history  map[string]int // writes by member ID
	times    map[string][]time.Time
	refused  int
	largest  int
}

func (e *engine) load() ([]byte, uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.record, e.revision
}

func (e *engine) swap(w *world, by *process, text []byte, revision uint64) (uint64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.revision != revision {
		e.refused++
		return 0, fmt.Errorf("%w: %d, not %d", ErrConflict, e.revision, revision)
	}
	after, err := decode(text)
	if err != nil {
		panic(err)
	}
	before := &record{}
	if revision != 0 {
		before, _ = decode(e.record)
	}
	w.mu.Lock()
	if problem := lawful(before, after); problem != "" && !w.lax {
		w.fail("%s wrote: %s\n  before %s\n  after  %s", by.name, problem, e.record, text)
	}
	w.agree(after.total())
	w.mu.Unlock()
	e.last++
	e.record, e.revision = text, e.last
	e.history[by.name]++
	if e.times != nil {
		e.times[by.name] = append(e.times[by.name], time.Now())
	}
	e.largest = max(e.largest, len(text))
	e.announce()
	return e.last, nil
}

func (e *engine) announce() {
	close(e.changed)
	e.changed = make(chan struct{})
}

// forget loses the record.
func (e *engine) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.record, e.revision = nil, 0
	e.announce()
}

// lawful returns what is wrong with a write, or an empty text: nobody is raised beyond
// the total. While a record learns, members tell what they have, whatever the total.
func lawful(before, after *record) string {
	if sum := after.charged(); sum <= after.total() || before.Epoch != after.Epoch {
		return ""
	}
	for _, row := range after.Rows {
		i := before.index(row.ID)
		if i >= 0 && row.Share > before.Rows[i].charge() {
			return fmt.Sprintf("%s raised from %d to %d, but %d of %d are charged", row.Name, before.Rows[i].charge(), row.Share, after.charged(), after.total())
		}
		if i < 0 && row.Share > 0 && !after.Learning {
			return fmt.Sprintf("%s begins with %d, but %d of %d are charged", row.Name, row.Share, after.charged(), after.total())
		}
	}
	return ""
}

// gate is closed while a process is paused.
type gate struct {
	mu   sync.Mutex
	open chan struct{} // nil: open
}

func (g *gate) wait() {
	for {
		g.mu.Lock()
		c := g.open
		g.mu.Unlock()
		if c == nil {
			return
		}
		<-c
	}
}

func (g *gate) set(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case closed && g.open == nil:
		g.open = make(chan struct{})
	case !closed && g.open != nil:
		close(g.open)
		g.open = nil
	}
}

// process is one incarnation of a process.
type process struct {
	w        *world
	name     string
	total    int
	scale    float64 // of its clock
	bulkhead *bulk.Bulkhead
	member   *Member
	ctx      context.Context
	kill     context.CancelFunc
	clockRun gate // closed while the timers do not fire
	codeRun  gate // closed while the program does not run
	cut      gate // closed while the store cannot be reached
	isCut    atomic.Bool
	dead     atomic.Bool
	paused   time.Time // since when; zero: it runs
	want     atomic.Int64
	round    context.Context // until the load changes
	endRound context.CancelFunc
	workers  sync.WaitGroup
	hold     time.Duration
	twoCalls bool // an operation makes two calls
}

func (p *process) now() time.Time {
	return p.w.began.Add(time.Duration(float64(time.Since(p.w.began)) * p.scale))
}

func (p *process) afterFunc(d time.Duration, f func()) func() {
	var stopped atomic.Bool
	t := time.AfterFunc(time.Duration(float64(d)/p.scale), func() {
		p.clockRun.wait()
		if !stopped.Load() && !p.dead.Load() {
			f()
		}
	})
	return func() { stopped.Store(true); t.Stop() }
}

// start starts a process with workers for at most maxWorkers operations.
func (w *world) start(ctx context.Context, name string, maxWorkers int, hold time.Duration, scale float64, opts ...Option) *process {
	w.mu.Lock()
	total := w.budget
	w.mu.Unlock()
	p := &process{w: w, name: name, total: total, scale: scale, hold: hold}
	p.bulkhead = bulk.Must(bulk.New(name, 1, bulk.WaitingRoom(10_000)))
	p.ctx, p.kill = context.WithCancel(ctx)
	p.load(0)
	w.mu.Lock()
	w.procs = append(w.procs, p)
	w.all = append(w.all, p)
	seed := w.random.Uint64()
	w.mu.Unlock()
	local := rand.New(rand.NewPCG(seed, 2))
	var mu sync.Mutex
	internal := func(c *Config) error {
		c.clock = p
		c.random = func() float64 { mu.Lock(); defer mu.Unlock(); return local.Float64() }
		return nil
	}
	all := slices.Concat([]Option{Name(name), TTL(w.ttl), Refresh(w.refresh), Grace(w.grace), internal}, w.settings, opts)
	var err error
	if p.member, err = Join(p.ctx, p, "budget", total, p.bulkhead, all...); err != nil {
		panic(err)
	}
	for i := range maxWorkers {
		p.workers.Go(func() { p.work(int64(i)) })
	}
	return p
}

// work makes operations while it is among the wanted workers.
func (p *process) work(i int64) {
	for p.ctx.Err() == nil {
		p.w.mu.Lock()
		ctx := p.round
		p.w.mu.Unlock()
		if i >= p.want.Load() {
			<-ctx.Done()
			continue
		}
		p.codeRun.wait()
		err := bulk.Do(ctx, p.bulkhead, func(context.Context) error {
			p.call(p.hold)
			if p.twoCalls {
				p.codeRun.wait() // paused between the calls
				p.call(p.hold)
			}
			p.codeRun.wait()
			return nil
		})
		if errors.Is(err, bulk.ErrClosed) {
			return
		}
	}
}

// call calls the dependency.
func (p *process) call(hold time.Duration) {
	p.w.enter(p)
	time.Sleep(hold)
	p.w.leave(p)
}

// load sets how many operations are in flight or waiting. Those that wait are canceled
// and come again, so that a lower load has an effect now.
func (p *process) load(n int) {
	p.want.Store(int64(n))
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if p.endRound != nil {
		p.endRound()
	}
	p.round, p.endRound = context.WithCancel(p.ctx)
}

// pause stops the process. Its clock goes on, but nothing runs.
func (p *process) pause() {
	p.paused = time.Now()
	p.clockRun.set(true)
	p.codeRun.set(true)
}

// resume lets the process run again: first its timers, then after a moment the rest.
func (p *process) resume(moment time.Duration) {
	p.clockRun.set(false)
	if moment > 0 {
		time.Sleep(moment)
	}
	p.codeRun.set(false)
	p.paused = time.Time{}
}

// cutOff separates the process from the store, or connects it.
func (p *process) cutOff(cut bool) {
	p.isCut.Store(cut)
	p.cut.set(cut)
}

// crash ends the process. Calls that are inside the dependency end by themselves.
func (p *process) crash() {
	p.dead.Store(true)
	p.kill()
	p.clockRun.set(false)
	p.codeRun.set(false)
	p.cut.set(false)
	p.gone()
}

// gone removes the process from those that live.
func (p *process) gone() {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.procs = slices.DeleteFunc(p.w.procs, func(q *process) bool { return q == p })
}

var errNetwork = errors.New("the network failed")

// A process is the Store of its member: it carries requests over the network.

// travel takes the time of one way, at most the delay. It returns an error if the request
// or answer is lost.
func (p *process) travel(ctx context.Context, most time.Duration, lose float64) error {
	delay := p.w.upTo(most)
	lost := p.w.chance(lose)
	if delay > 0 { // a timer that a select finds ready has crashed the runtime of Go 1.26 under the race detector
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if lost || p.isCut.Load() {
		if p.w.chance(0.5) {
			return errNetwork
		}
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (p *process) Load(ctx context.Context, budget string) ([]byte, uint64, error) {
	defer p.codeRun.wait()
	link := p.w.link()
	if err := p.travel(ctx, link.delay, link.loseAsk); err != nil || p.dead.Load() {
		return nil, 0, errors.Join(err, p.ctx.Err())
	}
	record, revision := p.w.engine.load()
	if err := p.travel(ctx, link.delay, link.loseAnswer); err != nil {
		return nil, 0, err
	}
	return record, revision, nil
}

func (p *process) CompareAndSwap(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
	defer p.codeRun.wait()
	link := p.w.link()
	if p.w.chance(link.late) && !p.dead.Load() {
		delay := p.w.upTo(2 * p.w.ttl)
		time.AfterFunc(delay, func() { _, _ = p.w.engine.swap(p.w, p, record, revision) })
		<-ctx.Done()
		return 0, ctx.Err()
	}
	if err := p.travel(ctx, link.delay, link.loseAsk); err != nil || p.dead.Load() {
		return 0, errors.Join(err, p.ctx.Err())
	}
	revision, err := p.w.engine.swap(p.w, p, record, revision)
	if lost := p.travel(ctx, link.delay, link.loseAnswer); lost != nil {
		return 0, lost
	}
	return revision, err
}

func (p *process) Watch(ctx context.Context, budget string) iter.Seq[Update] {
	return func(yield func(Update) bool) {
		var seen uint64
		for ctx.Err() == nil && !p.dead.Load() {
			p.codeRun.wait()
			p.w.engine.mu.Lock()
			u, changed := Update{p.w.engine.record, p.w.engine.revision}, p.w.engine.changed
			p.w.engine.mu.Unlock()
			if u.Revision == seen {
				select {
				case <-changed:
				case <-ctx.Done():
				}
				continue
			}
			seen = u.Revision
			link := p.w.link()
			if p.travel(ctx, link.delay+link.watch, link.loseAsk) != nil {
				return // the watch has ended
			}
			p.codeRun.wait()
			if !yield(u) {
				return
			}
		}
	}
}

// direct is the store without a network.
type direct struct{ w *world }

func engineOf(w *world) Store { return direct{w} }

func (d direct) Load(context.Context, string) ([]byte, uint64, error) {
	record, revision := d.w.engine.load()
	return record, revision, nil
}

func (d direct) CompareAndSwap(_ context.Context, _ string, record []byte, revision uint64) (uint64, error) {
	return d.w.engine.swap(d.w, &process{name: "operator"}, record, revision)
}

func (d direct) Watch(context.Context, string) iter.Seq[Update] {
	return func(func(Update) bool) {}
}

// end kills all processes and waits until nothing of them is left in the bubble.
func (w *world) end() {
	w.mu.Lock()
	all := w.all
	w.mu.Unlock()
	for _, p := range all {
		p.crash()
	}
	for _, p := range all {
		<-p.member.done
		p.workers.Wait()
	}
}

// restore replaces the record by an older one, as an engine does that has lost writes.
func (e *engine) restore(old []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	e.record, e.revision = old, e.last
	e.announce()
}

// check runs the property in bubbles, a number of times that takes seconds, or as often as
// -rapid.checks says if that is given.
func check(t *testing.T, times int, property func(*rapid.T)) {
	if isStandard() {
		if testing.Short() {
			times = 5 * ((times + 3) / 4) // rapid divides by 5
		}
		checks := flag.Lookup("rapid.checks").Value
		_ = checks.Set(strconv.Itoa(times))
		defer func() { _ = checks.Set(rapidDefault) }()
	}
	rapid.Check(t, func(t *rapid.T) { rapid.SyncTest(t, property) })
}

const rapidDefault = "100" // of -rapid.checks

// isStandard reports whether this run is without -rapid.checks.
func isStandard() bool { return flag.Lookup("rapid.checks").Value.String() == rapidDefault }
