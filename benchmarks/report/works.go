package main

import "github.com/bulklink/bulklink-go/benchmarks/peers"

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
	short bool   // also in the short form
}

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
		units: []unit{perOp, allocs}, needs: running, short: true, alone: true,
	},
	{
		bench: "AcquireRelease", title: "Acquire and release",
		says:  "The same without a function around it.",
		units: []unit{perOp, allocs}, needs: running &^ (peers.Unwinds | peers.Bundled), short: true, alone: true,
	},
	{
		bench: "Parallel", title: "All processors, never full",
		says:  "As many goroutines as processors, more slots than those.",
		units: []unit{perOp, allocs}, needs: running, short: true, alone: true,
	},
	{
		bench: "Rejection", title: "Turned away when full",
		says:  "The only slot is taken, nobody may wait.",
		units: []unit{perOp, allocs}, needs: peers.Limits | peers.Rejects | peers.Counts | peers.Reasons, short: true, alone: true,
	},
	{
		bench: "HandOver", title: "Hand-over",
		says: "More goroutines than slots: each call waits, is handed a slot, yields once, and hands it on. " +
			"“Handed over” is the share of operations whose slot another goroutine had before.",
		units: []unit{perOp, allocs, handovers}, needs: waiting, short: true,
	},
	{
		bench: "SharedContext", title: "Hand-over, one ctx for all",
		says:  "256 goroutines over one slot, without a wait limit, all with the same ctx.",
		units: []unit{perOp, allocs}, needs: waiting,
	},
	{
		bench: "StartDelay", title: "From one operation's end to the next one's start",
		says: "16 goroutines over one slot. With op=yields the processors are busy; with op=parks the operation waits " +
			"for another goroutine.",
		units: []unit{{name: "p50-ns", title: "p50 ns"}, {name: "p99-ns", title: "p99 ns"}}, needs: waiting, short: true,
	},
	{
		bench: "Fairness", title: "Fairness: spread of waits",
		says:  "64 equal goroutines over one slot: in a fair queue p99 is close to p50.",
		units: []unit{{name: "p99-ns", title: "p99 ns"}, {name: "p50-ns", title: "p50 ns"}, {name: "max-ns", title: "longest ns"}},
		needs: waiting,
	},
	{
		bench: "Expiry", title: "Every wait ends by its limit",
		says:  "The slot is taken for good; the limit is 1 ms. 2,048 waiters keep the processors busy, 64 don't.",
		units: []unit{{name: "cpu-ns/op", title: "processor ns/op"}, {name: "late-p50-ns", title: "late p50 ns"}, {name: "late-p99-ns", title: "late p99 ns"}, allocs},
		needs: waiting,
	},
	{
		bench: "Leave", title: "Leaving the middle of a long queue",
		says:  "10,000 wait; one of them, drawn by lot, is cancelled, and another joins. “None” is its goroutine and ctx alone.",
		units: []unit{perOp, allocs}, needs: waiting,
	},
	{
		bench: "QueueLength", title: "Queue length",
		says: "A hand-over while that many wait. What still grows is the goroutine's way back into the processor's " +
			"caches, which the bare channel has too.",
		units: []unit{perOp}, needs: waiting,
	},
	{
		bench: "Memory", title: "Memory of one who waits",
		says:  "50,000 wait. “None” is a goroutine parked on a channel.",
		units: []unit{{name: "heap-B/waiter", title: "heap B", round: true}, {name: "stack-B/waiter", title: "stack B", round: true}},
		needs: waiting, once: true,
	},
	{
		bench: "Guard", title: "Guard against a wrapper by hand",
		says:  "A guarded function, Run, and what one would write around Acquire, x/sync or a channel.",
		units: []unit{perOp, allocs}, by: "way", base: "guard", alone: true,
	},
	{
		bench: "Events", title: "Somebody listens",
		says:  "Uncontended, with handlers that do nothing.",
		units: []unit{perOp, allocs}, needs: running | peers.Announces, alone: true,
	},
	{
		bench: "Scaling", title: "Processors",
		says: "Operations of a given length as fast as the processors can, through no bulkhead, one, and one for each " +
			"processor.",
		units: []unit{perOp}, by: "bulkheads", base: "one",
	},
	{
		bench: "HTTP", title: "HTTP over loopback",
		says: "2,000 requests a second, open loop, to a server that takes 2 ms; each request is for one of the arms, drawn " +
			"by lot. “None” is the client without a limiter.",
		units: []unit{{name: "p50-ns", title: "p50 ns"}, {name: "p99-ns", title: "p99 ns"}, {name: "p99.9-ns", title: "p99.9 ns"}},
		needs: running, added: "none", once: true, short: true,
	},
}

// titles are those of subjects that aren't peers.
var titles = map[string]string{
	"none":            "none",
	"guard":           "`bulk.Guard`",
	"run":             "`bulk.Run`",
	"acquire-by-hand": "`Acquire`, by hand",
	"xsync-by-hand":   "x/sync/semaphore, by hand",
	"channel-by-hand": "channel with ctx, by hand",
	"one":             "one bulkhead",
	"sharded":         "one for each processor",
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
	if t, ok := titles[subject]; ok {
		return t
	}
	return subject
}
