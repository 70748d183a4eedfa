package fleet

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// crowd is a fleet of many members. Faults happen to groups of them.
type crowd struct {
	*world
	random   *rand.Rand // for draws that rapid does not shrink
	members  int
	total    int // before and after the faults
	minShare int
	highest  int           // load of a member
	hold     time.Duration // longest time of an operation
}

// quick is a network without faults. Its watches are slow, so that they leave out most
// updates: otherwise 100 members would decode 2000 records in a second.
var quick = network{delay: 20 * time.Millisecond, watch: 2 * time.Second}

// crowdSize returns the number of members: 100, or 30 with -short, or any number up to
// that if -rapid.checks is given.
func crowdSize(t *rapid.T, standard bool) int {
	most := 100
	if testing.Short() {
		most = 30
	}
	if standard {
		return most
	}
	return rapid.OneOf(rapid.Just(most), rapid.IntRange(1, most)).Draw(t, "members")
}

// newCrowd returns a crowd in which all members have joined and are busy. The standard
// crowd has three slots for two members: then all slots are in use, so that a slot that is
// given away too early is seen. With fewer slots the members take turns.
func newCrowd(t *rapid.T, members int, standard bool) *crowd {
	slots := 1.5
	if !standard {
		slots = rapid.SampledFrom([]float64{0.5, 0.2, 1.5, 4}).Draw(t, "slots for a member")
	}
	total := max(1, int(float64(members)*slots))
	seed := rapid.Uint64().Draw(t, "seed")
	c := &crowd{
		world: newWorld(total, seed), random: rand.New(rand.NewPCG(seed, 3)),
		members: members, total: total, minShare: rapid.IntRange(0, 1).Draw(t, "minimum"), highest: 2 + 4*total/members, hold: 6 * time.Second,
	}
	c.ttl, c.grace, c.network = 15*time.Second, 8*time.Second, quick
	if err := Create(t.Context(), engineOf(c.world), "budget"); err != nil {
		t.Fatal(err)
	}
	for i := range members {
		c.start(t.Context(), fmt.Sprintf("p%02d", i))
	}
	for _, p := range c.procs {
		p.load(c.highest)
	}
	time.Sleep(3 * c.refresh)
	return c
}

// start starts a process under the name, with any load and any clock.
func (c *crowd) start(ctx context.Context, name string) {
	hold := c.hold/10 + time.Duration(0.9*c.random.Float64()*float64(c.hold))
	p := c.world.start(ctx, name, c.highest, hold, 0.98+0.04*c.random.Float64(), MinShare(c.minShare))
	p.load(c.load())
}

// load returns a load: sometimes none, otherwise at least half of the highest one. So there is
// more load than slots, and no idle slot hides that others are used twice.
func (c *crowd) load() int {
	if c.random.IntN(5) == 0 {
		return 0
	}
	return (c.highest+1)/2 + c.random.IntN(c.highest/2+1)
}

// group returns up to half of the processes.
func (c *crowd) group() []*process {
	c.mu.Lock()
	defer c.mu.Unlock()
	var group []*process
	part := c.random.Float64() / 2
	for _, p := range c.procs {
		if c.random.Float64() < part {
			group = append(group, p)
		}
	}
	return group
}

// disturb does something to a group.
func (c *crowd) disturb(ctx context.Context, what string) {
	group := c.group()
	c.tell("%s: %d members", what, len(group))
	switch what {
	case "load":
		for _, p := range group {
			p.load(c.load())
		}
	case "cut":
		for _, p := range group {
			p.cutOff(true)
		}
	case "pause":
		for _, p := range group {
			if p.paused.IsZero() {
				p.pause()
			}
		}
	case "repair":
		repair(group)
	case "restart":
		c.restart(ctx, group)
	case "leave":
		c.leave(ctx, group)
	case "forget":
		c.engine.forget()
	case "total":
		c.setTotal(c.total/2+1+c.random.IntN(c.total), group)
	}
}

// loseThird cuts off every third process until the others have its share.
func (c *crowd) loseThird() {
	for i, p := range c.procs {
		p.cutOff(i%3 == 0)
	}
	time.Sleep(c.ttl + c.grace + c.refresh)
	repair(c.procs)
}

// repair connects the processes, and resumes them.
func repair(procs []*process) {
	for _, p := range procs {
		p.cutOff(false)
		if !p.paused.IsZero() {
			p.resume(time.Microsecond)
		}
	}
}

// restart kills the processes and starts others under their names.
func (c *crowd) restart(ctx context.Context, procs []*process) {
	for _, p := range procs {
		p.crash()
		c.start(ctx, p.name)
	}
}

// leave lets the processes leave, and starts others under their names. Some have too
// little time for it.
func (c *crowd) leave(ctx context.Context, procs []*process) {
	limited, cancel := context.WithTimeout(ctx, c.upTo(2*c.hold))
	defer cancel()
	var leaving sync.WaitGroup
	for _, p := range procs {
		if p.paused.IsZero() {
			leaving.Go(func() { _ = p.member.Leave(limited) })
		}
	}
	leaving.Wait()
	c.restart(ctx, procs)
}

// setTotal sets another total for the processes, and to all that start later.
func (c *crowd) setTotal(total int, procs []*process) {
	c.mu.Lock()
	c.budget = total
	c.mu.Unlock()
	for _, p := range procs {
		if err := p.member.SetTotal(total); err != nil {
			panic(err)
		}
	}
}

// calm ends all faults, and waits until the leases from before have ended and the members
// have learned what the others have.
func (c *crowd) calm() {
	c.tell("calm")
	c.setNetwork(quick)
	repair(c.procs)
	c.setTotal(c.total, c.procs)
	time.Sleep(c.ttl + c.grace + 3*c.refresh)
}

// follow moves the load, waits for two refreshes and the longest operation, and returns
// what is wrong then, or an empty text.
func (c *crowd) follow() string {
	busy, demanding := c.random.Float64(), 0
	for _, p := range c.procs {
		load := 0
		if c.random.Float64() < busy {
			load = 1 + c.random.IntN(c.highest)
			demanding++
		}
		p.load(load)
	}
	c.tell("%d members are busy", demanding)
	time.Sleep(2*c.refresh + c.hold + quick.watch + 2*time.Second) // clocks drift, and conflicts delay writes
	const samples = 30
	turns, period, used := demanding > c.total, c.refresh, 0
	if turns {
		period = 3 * c.refresh
	}
	for range samples {
		for _, p := range c.procs {
			used += p.bulkhead.Status().InUse
		}
		if !turns {
			if problem := cmp.Or(c.idle(), c.behind()); problem != "" {
				return problem
			}
		}
		time.Sleep(period / samples)
	}
	if part := float64(used) / float64(samples*c.total); turns && part < 0.5 {
		return fmt.Sprintf("%d members take turns, but only %.2f of %d slots are in use", demanding, part, c.total)
	}
	return ""
}

// reserved is the minimum that a member keeps without a demand.
func (c *crowd) reserved() int {
	if c.minShare*len(c.procs) > c.total {
		return 0
	}
	return c.minShare
}

func (c *crowd) idle() string { return idle(c.world, c.procs, c.reserved()) }

// behind says which process has fewer slots than its fair part although operations wait,
// or returns an empty text. The others may keep their minimum and twice their headroom.
func (c *crowd) behind() string {
	n := len(c.procs)
	floor, most, order := make([]int, n), make([]int, n), make([]int, n)
	for i, p := range c.procs {
		load := int(p.want.Load())
		floor[i], most[i], order[i] = c.reserved(), load+2*headroom(load), i
	}
	for i, p := range c.procs {
		want := slices.Clone(most)
		want[i] = int(p.want.Load())
		fair := level(c.total, floor, want, order)[i] - 1 // slots that cannot be divided go to others
		if s := p.bulkhead.Status(); s.Waiting > 0 && s.Capacity.Parallelism < fair {
			return fmt.Sprintf("%s has %d slots and load %d, and its fair part is at least %d", p.name, s.Capacity.Parallelism, want[i], fair)
		}
	}
	return ""
}

// holding returns which members have no share of the record, or an empty text, and how
// many leases were lost.
func (c *crowd) holding() (problem string, losses uint64) {
	for _, p := range c.procs {
		s := p.member.Status()
		losses += s.Losses
		if s.State != Holding {
			problem += fmt.Sprintf("%s is %v: %s\n", p.name, s.State, s.LastError)
		}
	}
	return problem, losses
}

// hasty returns which member wrote twice in 0.85 refreshes, or an empty text.
func (c *crowd) hasty() string {
	c.engine.mu.Lock()
	defer c.engine.mu.Unlock()
	for name, times := range c.engine.times {
		for i := 1; i < len(times); i++ {
			if d := times[i].Sub(times[i-1]); d < c.refresh*85/100 { // jitter, drift and delays
				return fmt.Sprintf("%s wrote again after %v", name, d)
			}
		}
	}
	return ""
}

// TestHundredMembersKeepTheTotalUnderFaultsAndFollowTheLoadAfterThem does to groups of a
// large fleet what TestInFlightNeverExceedsTheTotal does to the members of a small one.
// When the faults have ended, the shares follow the load within two refreshes, each
// member writes once in a refresh, and none loses its lease.
func TestHundredMembersKeepTheTotalUnderFaultsAndFollowTheLoadAfterThem(t *testing.T) {
	standard := isStandard()
	check(t, 1, func(t *rapid.T) {
		c := newCrowd(t, crowdSize(t, standard), standard)
		defer c.end()
		c.loseThird()
		c.setNetwork(network{
			delay:      rapid.SampledFrom([]time.Duration{20 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond}).Draw(t, "delay"),
			watch:      quick.watch,
			loseAsk:    rapid.SampledFrom([]float64{0, 0.05, 0.2}).Draw(t, "lost requests"),
			loseAnswer: rapid.SampledFrom([]float64{0, 0.05, 0.2}).Draw(t, "lost answers"),
			late:       rapid.SampledFrom([]float64{0, 0.1}).Draw(t, "late writes"),
		})
		events := []string{"load", "load", "cut", "cut", "cut", "pause", "repair", "restart", "leave", "total", "forget"}
		for range 6 {
			c.disturb(t.Context(), rapid.SampledFrom(events).Draw(t, "event"))
			time.Sleep(c.upTo(c.refresh))
			synctest.Wait()
		}
		c.calm()
		problem, lost := c.holding()
		c.engine.mu.Lock()
		c.engine.times = make(map[string][]time.Time)
		c.engine.mu.Unlock()
		if problem == "" {
			problem = c.follow()
		}
		stopped, lostNow := c.holding()
		problem = cmp.Or(c.result(), problem, stopped, c.hasty())
		if lostNow > lost {
			problem = fmt.Sprintf("%d leases were lost\n%s", lostNow-lost, problem)
		}
		if problem != "" {
			t.Fatalf("after %v: %s\n%s\n%s", time.Since(c.began), problem, c.engine.record, strings.Join(c.story, "\n"))
		}
	})
}
