//go:build unix

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

var (
	chaosTime = flag.Duration("fleet.chaos", 15*time.Second, "for how long faults happen in the proof")
	chaosSeed = flag.Uint64("fleet.seed", 0, "of the faults in the proof; 0: a new one")
)

// The times of the proof. A paused replica keeps its calls inside the dependency. They
// end in time if the pause is shorter than what is left of TTL and Grace.
const (
	proofTotal = 20
	proofGrace = 2 * time.Second
	briefPause = 1 * time.Second         // shorter than Grace: allowed at any time
	longPause  = 2400 * time.Millisecond // longer than TTL: allowed if the lease was renewed before
	tooLong    = 6 * time.Second         // longer than TTL plus Grace
)

// proof is a fleet of processes that a test disturbs.
type proof struct {
	*testing.T
	random     *rand.Rand
	server     *server
	dependency *dependency
	replicas   [len(names)]*process
	counts     map[string]int
}

// TestTotalIsNeverExceededByProcesses kills and pauses replicas, kills the store and
// wipes it, while the load changes. The dependency counts the calls that are inside.
func TestTotalIsNeverExceededByProcesses(t *testing.T) {
	for _, engine := range []string{"nats", "etcd"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			p := newProof(t, engine)
			p.waitForAllShares()
			p.dependency.reset() // nothing is reset from here on
			for end := time.Now().Add(*chaosTime); time.Now().Before(end); {
				p.disturb()
			}
			p.allBusy()
			p.waitForAllShares()
			inside, highest, served := p.dependency.counts()
			t.Logf("highest number of calls ever inside: %d, of %d; %d calls; %v", highest, proofTotal, served, p.counts)
			if highest > proofTotal || highest == 0 || inside > proofTotal {
				t.Errorf("%d calls were inside, more than the total of %d, or none", highest, proofTotal)
			}
			p.pauseTooLong()
		})
	}
}

func newProof(t *testing.T, engine string) *proof {
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-fleet.seed %d", seed)
	dependency, err := newDependency()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dependency.close) // after the replicas have ended
	p := &proof{T: t, random: rand.New(rand.NewPCG(seed, 0)), server: newServer(t, engine), dependency: dependency, counts: map[string]int{}}
	if err := createBudget(t.Context(), p.server.url()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, r := range p.replicas {
			_ = r.cmd.Process.Signal(syscall.SIGCONT)
			_ = r.kill()
		}
	})
	for i := range p.replicas {
		p.start(i)
	}
	p.allBusy()
	return p
}

func (p *proof) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *proof) start(i int) {
	p.Helper()
	r, err := startReplica(replicaConfig{Name: names[i], Store: p.server.url(), Dependency: p.dependency.addr(), Total: proofTotal, Grace: proofGrace})
	p.must(err)
	p.replicas[i] = r
}

func (p *proof) allBusy() {
	for _, r := range p.replicas {
		p.must(r.load(2 * proofTotal))
	}
}

// waitForAllShares waits until the replicas have the whole budget, and all of them some.
func (p *proof) waitForAllShares() {
	p.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		sum, all := 0, true
		text := ""
		for _, r := range p.replicas {
			report := r.report()
			sum += report.Share
			all = all && report.Share > 0
			text += fmt.Sprintf("\n%s: %+v", r.config.Name, report)
		}
		if all && sum == proofTotal {
			return
		}
		if time.Now().After(end) {
			p.Fatalf("after a minute the shares are %d of %d:%s", sum, proofTotal, text)
		}
	}
}

// waitForRenewal waits until the lease of a replica was renewed within the last 700 ms.
func (p *proof) waitForRenewal(i int) {
	p.Helper()
	for end := time.Now().Add(time.Minute); p.replicas[i].report().Lease < ttl-700*time.Millisecond; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.Fatalf("no lease after a minute: %+v", p.replicas[i].report())
		}
	}
}

// disturb does one thing and waits for a while.
func (p *proof) disturb() {
	i := p.random.IntN(len(names))
	switch p.random.IntN(8) {
	case 0, 1:
		p.note("loads")
		p.must(p.replicas[i].load([]int{1, 5, 20, 60}[p.random.IntN(4)]))
	case 2:
		p.note("kills")
		p.must(p.replicas[i].kill())
		p.wait(0, time.Second)
		p.start(i)
		p.must(p.replicas[i].load(30))
	case 3:
		p.note("short pauses")
		p.pause(i, briefPause)
	case 4:
		p.note("pauses longer than TTL")
		p.waitForRenewal(i)
		p.pause(i, longPause)
	case 5:
		p.note("store restarts")
		p.storeDown(i, func() {})
	case 6:
		p.note("store wipes")
		p.storeDown(i, p.server.wipe)
	case 7:
		p.note("store and replica restarts")
		p.storeDown(i, func() { p.must(p.replicas[i].kill()) })
		p.start(i)
		p.must(p.replicas[i].load(30))
	}
	p.wait(0, 500*time.Millisecond)
}

func (p *proof) note(what string) { p.counts[what]++ }

func (p *proof) wait(low, high time.Duration) {
	time.Sleep(low + time.Duration(p.random.Int64N(int64(high-low))))
}

// pause stops a replica for some time, in the middle of its calls.
func (p *proof) pause(i int, d time.Duration) {
	p.must(p.replicas[i].cmd.Process.Signal(syscall.SIGSTOP))
	time.Sleep(d)
	p.must(p.replicas[i].cmd.Process.Signal(syscall.SIGCONT))
}

// storeDown kills the store, does something, and starts the store again, sometimes after
// the leases have ended. Sometimes it pauses a replica meanwhile.
func (p *proof) storeDown(i int, then func()) {
	p.server.kill()
	then()
	if other := (i + 1) % len(names); p.random.IntN(2) == 0 {
		p.note("short pauses without the store")
		p.pause(other, briefPause)
	}
	p.wait(0, 2*time.Second)
	p.server.start()
}

// pauseTooLong shows what no lease can prevent: a replica that is paused for longer than
// TTL and Grace has its calls inside, while others use its share.
func (p *proof) pauseTooLong() {
	p.dependency.reset()
	p.pause(0, tooLong)
	p.wait(100*time.Millisecond, 101*time.Millisecond)
	_, highest, _ := p.dependency.counts()
	p.Logf("apart: the highest number inside in a pause of %v, longer than TTL plus Grace: %d, of %d", tooLong, highest, proofTotal)
	p.waitForAllShares()
	time.Sleep(2 * longest) // the calls of before the pause have ended
	p.dependency.reset()
	time.Sleep(2 * time.Second)
	if _, highest, _ := p.dependency.counts(); highest > proofTotal {
		p.Errorf("%d calls were inside after the pause, more than the total of %d", highest, proofTotal)
	}
}
