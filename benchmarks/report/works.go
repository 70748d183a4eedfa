package main

import (
	"math/bits"
	"runtime"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
)

// work is one benchmark and its table.
type work struct {
	bench string // without "Benchmark"
	title string
	text  string // describes the benchmark for readers of the tables
	units []unit // columns; ratios are computed for the first one
	// needs are the abilities that a user would expect for this work. The table
	// lists those that a peer lacks.
	needs peers.Ability
	// by is the key in the name of the benchmark that identifies the subject, if not
	// peer.
	by string
	// base is the subject that ratios compare with the others, if not bulklink.
	base  string
	added string // also print the difference between each subject and this one
	alone bool   // takes only nanoseconds, so it is measured three times in each run
	once  bool   // its size does not depend on the benchtime
	// The effort to measure it once in the full and in the short form. A zero brief
	// means that the short form does not include it.
	full, brief effort
}

// effort determines the duration of one measurement, on two otherwise idle processors.
type effort struct {
	cases   int           // number of figures, each measured for the benchtime
	besides time.Duration // additional time, for example to fill queues and create keys
}

func (w *work) effort(short bool) effort {
	if short {
		return w.brief
	}
	return w.full
}

// takes estimates the duration of the measurement. The testing package approaches the
// benchtime with shorter trial runs.
func (e effort) takes(benchtime time.Duration) time.Duration {
	return time.Duration(e.cases)*benchtime*8/5 + e.besides
}

// doublings is the number of values of GOMAXPROCS for which BenchmarkScaling runs.
var doublings = bits.Len(uint(runtime.NumCPU()))

type unit struct {
	name  string // as in the output of the benchmark
	title string
	round bool // whole numbers: counts and bytes
}

var (
	perOp     = unit{name: "ns/op", title: "ns/op"}
	allocs    = unit{name: "allocs/op", title: "allocs/op", round: true}
	handovers = unit{name: "handovers/op", title: "handed over"}
)

// running are the abilities that a user expects of everything that runs operations.
const running = peers.Limits | peers.Cancels | peers.Unwinds | peers.Counts | peers.Bundled

// waiting are the abilities that a user expects when operations wait.
const waiting = running | peers.Bounds | peers.Orders | peers.TimesOut | peers.Reasons | peers.InPlace

var works = []work{
	{
		bench: "Uncontended", title: "Uncontended",
		text:  "One goroutine runs an operation that does nothing; slots are free.",
		units: []unit{perOp, allocs}, needs: running, alone: true,
		full: effort{10, 0}, brief: effort{10, 0},
	},
	{
		bench: "AcquireRelease", title: "Acquire and release",
		text:  "One goroutine acquires and releases a slot, without a function; slots are free.",
		units: []unit{perOp, allocs}, needs: running &^ (peers.Unwinds | peers.Bundled), alone: true,
		full: effort{8, 0}, brief: effort{8, 0},
	},
	{
		bench: "Parallel", title: "All processors, never full",
		text:  "One goroutine for each processor, and more slots than goroutines.",
		units: []unit{perOp, allocs}, needs: running, alone: true,
		full: effort{10, 0}, brief: effort{10, 0},
	},
	{
		bench: "Rejection", title: "Rejected when full",
		text:  "The only slot is in use, and waiting is not allowed.",
		units: []unit{perOp, allocs}, needs: peers.Limits | peers.Rejects | peers.Counts | peers.Reasons, alone: true,
		full: effort{7, 0}, brief: effort{7, 0},
	},
	{
		bench: "HandOver", title: "Hand-over",
		text: "More goroutines than slots: each call waits, is handed a slot, yields once, and hands it on. " +
			"“Handed over” is the share of operations that got a slot of another goroutine. If it is less than 1, the other " +
			"operations did not wait, which makes the figure too low.",
		units: []unit{perOp, allocs, handovers}, needs: waiting,
		full: effort{65, 5 * time.Second}, brief: effort{26, time.Second},
	},
	{
		bench: "SharedContext", title: "Hand-over, one ctx for all",
		text:  "256 goroutines over one slot, without a wait limit, all with the same ctx.",
		units: []unit{perOp, allocs}, needs: waiting,
		full: effort{5, 0},
	},
	{
		bench: "StartDelay", title: "From one operation's end to the next one's start",
		text: "16 goroutines over one slot. With op=yields the processors are busy; with op=parks the operation waits " +
			"for another goroutine.",
		units: []unit{{name: "p50-ns", title: "p50 ns"}, {name: "p99-ns", title: "p99 ns"}}, needs: waiting,
		full: effort{18, time.Second}, brief: effort{18, time.Second},
	},
	{
		bench: "Fairness", title: "Fairness: spread of waits",
		text:  "64 equal goroutines over one slot: in a fair queue p99 is close to p50.",
		units: []unit{{name: "p99-ns", title: "p99 ns"}, {name: "p50-ns", title: "p50 ns"}, {name: "max-ns", title: "longest ns"}},
		needs: waiting,
		full:  effort{9, 500 * time.Millisecond},
	},
	{
		bench: "Expiry", title: "Every wait ends by its limit",
		text:  "The slot is never released, and the limit is 1 ms. 2,048 waiters keep the processors busy, which makes them late; 64 don't.",
		units: []unit{{name: "cpu-ns/op", title: "processor ns/op"}, {name: "late-p50-ns", title: "late p50 ns"}, {name: "late-p99-ns", title: "late p99 ns"}, allocs},
		needs: waiting,
		full:  effort{14, 1500 * time.Millisecond},
	},
	{
		bench: "Leave", title: "Leaving the middle of a long queue",
		text:  "10,000 operations wait; a random one is canceled, and another one joins. “None” is only the goroutine and its ctx.",
		units: []unit{perOp, allocs}, needs: waiting,
		full: effort{6, 500 * time.Millisecond},
	},
	{
		bench: "QueueLength", title: "Queue length",
		text: "A hand-over while the given number of operations wait. It still grows slightly, because the data of each goroutine " +
			"has left the processor's caches; the bare channel shows the same growth.",
		units: []unit{perOp}, needs: waiting,
		full: effort{14, 22 * time.Second},
	},
	{
		bench: "Memory", title: "Memory of a waiting operation",
		text:  "50,000 operations wait. “None” is a goroutine parked on a channel.",
		units: []unit{{name: "heap-B/waiter", title: "heap B", round: true}, {name: "stack-B/waiter", title: "stack B", round: true}},
		needs: waiting, once: true,
		full: effort{10, 6 * time.Second},
	},
	{
		bench: "Guard", title: "Guard and wrappers written by hand",
		text:  "A guarded function, Run, and handwritten wrappers around Acquire, x/sync and a channel.",
		units: []unit{perOp, allocs}, needs: running, by: "way", base: "guard", alone: true,
		full: effort{5, 0},
	},
	{
		bench: "Events", title: "Event handlers",
		text:  "As Uncontended, with handlers that do nothing.",
		units: []unit{perOp, allocs}, needs: running | peers.Announces, alone: true,
		full: effort{5, 0},
	},
	{
		bench: "Keyed", title: "A bulkhead for each of 10⁶ keys",
		text: "keys=kept visits a million existing keys, none of them in the processor's caches. keys=new uses a new key " +
			"each time: Bulklink keeps 1,000 keys and evicts one for each new one, while the maps grow.",
		units: []unit{perOp, allocs}, needs: running,
		full: effort{6, 3 * time.Second},
	},
	{
		bench: "Scaling", title: "Processors",
		text: "Operations of a given duration, as fast as the processors can run them, through no bulkhead, one, and one for each " +
			"processor. See [scaling](../../docs/scaling.md).",
		units: []unit{perOp}, by: "bulkheads", base: "one",
		full: effort{12 * doublings, 0},
	},
	{
		bench: "HTTP", title: "HTTP over loopback",
		text: "2,000 requests per second, open loop, to a server that takes 2 ms. Each request is assigned to one of the limiters " +
			"at random. “None” is the client without a limiter.",
		units: []unit{{name: "p50-ns", title: "p50 ns"}, {name: "p99-ns", title: "p99 ns"}, {name: "p99.9-ns", title: "p99.9 ns"}},
		needs: running, added: "none", once: true,
		full: effort{3, 9 * time.Second}, brief: effort{3, 1200 * time.Millisecond},
	},
}

// subject is something measured that is not a peer.
type subject struct {
	title string
	peer  string        // the peer that it uses; empty: none, it limits nothing
	lacks peers.Ability // abilities of that peer that the subject lacks
	gap   string        // an additional gap
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

// gapsOf describes the needed abilities that subject lacks.
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
