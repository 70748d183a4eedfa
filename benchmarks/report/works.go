package main

import (
	"math/bits"
	"runtime"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
)

// work is one kind of work that the peers are given: one benchmark.
type work struct {
	bench string // without "Benchmark"
	title string
	says  string // what it is, for a reader who won't open the code
	units []unit // columns; the ratio is that of the first
	// needs is what a user of such work would expect of the thing: what a peer
	// lacks of it is printed beside its figure.
	needs peers.Ability
	// by is the part of the name that says whose the figure is, if not peer.
	by string
	// base is whom ratios are of, if not bulklink.
	base  string
	added string // print what each adds to this one's figures
	alone bool   // takes but nanoseconds: measured three times in each run
	once  bool   // its size doesn't depend on a duration
	// What it takes to measure it once; brief is that of the short form, where
	// zero means that it isn't in it.
	full, brief effort
}

// effort is the time that one pass of a work takes, on two processors that do
// nothing else.
type effort struct {
	cases   int           // figures, each of which is measured for a given time
	besides time.Duration // queues to form, keys to make, and what has a size of its own
}

func (w *work) effort(short bool) effort {
	if short {
		return w.brief
	}
	return w.full
}

// takes is how long the pass is. The testing package comes near the given time
// by trying shorter ones before.
func (e effort) takes(benchtime time.Duration) time.Duration {
	return time.Duration(e.cases)*benchtime*8/5 + e.besides
}

// doublings is for how many numbers of processors BenchmarkScaling is run.
var doublings = bits.Len(uint(runtime.NumCPU()))

type unit struct {
	name  string // as the benchmark reports it
	title string
	round bool // whole numbers: counts and bytes
}

var (
	perOp     = unit{name: "ns/op", title: "ns/op"}
	allocs    = unit{name: "allocs/op", title: "allocs/op", round: true}
	handovers = unit{name: "handovers/op", title: "handed over"}
)

// running is what one expects of everything that runs an operation.
const running = peers.Limits | peers.Cancels | peers.Unwinds | peers.Counts | peers.Bundled

// waiting is what one expects besides when operations wait.
const waiting = running | peers.Bounds | peers.Orders | peers.TimesOut | peers.Reasons | peers.InPlace

var works = []work{
	{
		bench: "Uncontended", title: "Uncontended",
		says:  "One goroutine runs an operation that does nothing; slots are free.",
		units: []unit{perOp, allocs}, needs: running, alone: true,
		full: effort{10, 0}, brief: effort{10, 0},
	},
	{
		bench: "AcquireRelease", title: "Acquire and release",
		says:  "The same without a function around it.",
		units: []unit{perOp, allocs}, needs: running &^ (peers.Unwinds | peers.Bundled), alone: true,
		full: effort{8, 0}, brief: effort{8, 0},
	},
	{
		bench: "Parallel", title: "All processors, never full",
		says:  "As many goroutines as processors, more slots than those.",
		units: []unit{perOp, allocs}, needs: running, alone: true,
		full: effort{10, 0}, brief: effort{10, 0},
	},
	{
		bench: "Rejection", title: "Turned away when full",
		says:  "The only slot is taken, nobody may wait.",
		units: []unit{perOp, allocs}, needs: peers.Limits | peers.Rejects | peers.Counts | peers.Reasons, alone: true,
		full: effort{7, 0}, brief: effort{7, 0},
	},
	{
		bench: "HandOver", title: "Hand-over",
		says: "More goroutines than slots: each call waits, is handed a slot, yields once, and hands it on. " +
			"“Handed over” is the share of operations whose slot another goroutine had before: what is less than 1 was " +
			"done without waiting, which flatters the figure.",
		units: []unit{perOp, allocs, handovers}, needs: waiting,
		full: effort{65, 5 * time.Second}, brief: effort{26, time.Second},
	},
	{
		bench: "SharedContext", title: "Hand-over, one ctx for all",
		says:  "256 goroutines over one slot, without a wait limit, all with the same ctx.",
		units: []unit{perOp, allocs}, needs: waiting,
		full: effort{5, 0},
	},
	{
		bench: "StartDelay", title: "From one operation's end to the next one's start",
		says: "16 goroutines over one slot. With op=yields the processors are busy; with op=parks the operation waits " +
			"for another goroutine.",
		units: []unit{{name: "p50-ns", title: "p50 ns"}, {name: "p99-ns", title: "p99 ns"}}, needs: waiting,
		full: effort{18, time.Second}, brief: effort{18, time.Second},
	},
	{
		bench: "Fairness", title: "Fairness: spread of waits",
		says:  "64 equal goroutines over one slot: in a fair queue p99 is close to p50.",
		units: []unit{{name: "p99-ns", title: "p99 ns"}, {name: "p50-ns", title: "p50 ns"}, {name: "max-ns", title: "longest ns"}},
		needs: waiting,
		full:  effort{9, 500 * time.Millisecond},
	},
	{
		bench: "Expiry", title: "Every wait ends by its limit",
		says:  "The slot is taken for good; the limit is 1 ms. 2,048 waiters keep the processors busy, which makes them late; 64 don't.",
		units: []unit{{name: "cpu-ns/op", title: "processor ns/op"}, {name: "late-p50-ns", title: "late p50 ns"}, {name: "late-p99-ns", title: "late p99 ns"}, allocs},
		needs: waiting,
		full:  effort{14, 1500 * time.Millisecond},
	},
	{
		bench: "Leave", title: "Leaving the middle of a long queue",
		says:  "10,000 wait; one of them, drawn by lot, is canceled, and another joins. “None” is its goroutine and ctx alone.",
		units: []unit{perOp, allocs}, needs: waiting,
		full: effort{6, 500 * time.Millisecond},
	},
	{
		bench: "QueueLength", title: "Queue length",
		says: "A hand-over while that many wait. What still grows is the goroutine's way back into the processor's " +
			"caches, which the bare channel has too.",
		units: []unit{perOp}, needs: waiting,
		full: effort{14, 22 * time.Second},
	},
	{
		bench: "Memory", title: "Memory of one who waits",
		says:  "50,000 wait. “None” is a goroutine parked on a channel.",
		units: []unit{{name: "heap-B/waiter", title: "heap B", round: true}, {name: "stack-B/waiter", title: "stack B", round: true}},
		needs: waiting, once: true,
		full: effort{10, 6 * time.Second},
	},
	{
		bench: "Guard", title: "Guard against a wrapper by hand",
		says:  "A guarded function, Run, and what one would write around Acquire, x/sync or a channel.",
		units: []unit{perOp, allocs}, needs: running, by: "way", base: "guard", alone: true,
		full: effort{5, 0},
	},
	{
		bench: "Events", title: "Somebody listens",
		says:  "Uncontended, with handlers that do nothing.",
		units: []unit{perOp, allocs}, needs: running | peers.Announces, alone: true,
		full: effort{5, 0},
	},
	{
		bench: "Keyed", title: "A bulkhead for each of 10⁶ keys",
		says: "keys=kept visits a million keys that are all there, none of them in the processor's caches; keys=new brings a new " +
			"one each time: Bulklink keeps 1,000 and evicts one for each, the maps grow.",
		units: []unit{perOp, allocs}, needs: running,
		full: effort{6, 3 * time.Second},
	},
	{
		bench: "Scaling", title: "Processors",
		says: "Operations of a given length as fast as the processors can, through no bulkhead, one, and one for each " +
			"processor. See [scaling](../../docs/scaling.md).",
		units: []unit{perOp}, by: "bulkheads", base: "one",
		full: effort{12 * doublings, 0},
	},
	{
		bench: "HTTP", title: "HTTP over loopback",
		says: "2,000 requests a second, open loop, to a server that takes 2 ms; each request is for one of the arms, drawn " +
			"by lot. “None” is the client without a limiter.",
		units: []unit{{name: "p50-ns", title: "p50 ns"}, {name: "p99-ns", title: "p99 ns"}, {name: "p99.9-ns", title: "p99.9 ns"}},
		needs: running, added: "none", once: true,
		full: effort{3, 9 * time.Second}, brief: effort{3, 1200 * time.Millisecond},
	},
}

// subject is one that is measured and isn't a peer.
type subject struct {
	title string
	peer  string        // which it is made of; empty: none, it limits nothing
	lacks peers.Ability // of what that peer can do
	gap   string        // and what else it can't
}

var subjects = map[string]subject{
	"none":            {title: "none", gap: "no limiter at all"},
	"guard":           {title: "`bulk.Guard`", peer: "bulklink"},
	"run":             {title: "`bulk.Run`", peer: "bulklink"},
	"acquire-by-hand": {title: "`Acquire`, by hand", peer: "bulklink", lacks: peers.Bundled},
	"xsync-by-hand":   {title: "x/sync/semaphore, by hand", peer: "xsync"},
	"channel-by-hand": {title: "channel with ctx, by hand", peer: "channel-ctx", lacks: peers.Bundled},
	"xsync-map":       {title: "x/sync/semaphore in a sync.Map", peer: "xsync", gap: "never evicts"},
	"xsync-mutex":     {title: "x/sync/semaphore in a map with a mutex", peer: "xsync", gap: "never evicts"},
	"one":             {title: "one bulkhead", peer: "bulklink"},
	"sharded":         {title: "one for each processor", peer: "bulklink"},
}

func (w *work) subjectKey() string {
	if w.by != "" {
		return w.by
	}
	return "peer"
}

func (w *work) baseline() string {
	if w.base != "" {
		return w.base
	}
	return "bulklink"
}

func titleOf(subject string) string {
	if s, ok := peers.Find(subject); ok {
		return s.Title
	}
	if s, ok := subjects[subject]; ok {
		return s.title
	}
	return subject
}

// gapsOf is what subject can't do of what is needed, in words.
func gapsOf(subject string, needed peers.Ability) string {
	peer, other := subject, subjects[subject]
	if other.peer != "" {
		peer = other.peer
	}
	var gaps []string
	if s, ok := peers.Find(peer); ok {
		gaps = (s.Has &^ other.lacks).Gaps(needed)
	}
	if other.gap != "" {
		gaps = append(gaps, other.gap)
	}
	if len(gaps) == 0 {
		return "none"
	}
	return strings.Join(gaps, ", ")
}
