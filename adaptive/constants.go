package adaptive

import "time"

// The constants of the windows and of the rule. docs/adaptive.md gives the reason for
// each.
const (
	// The window.
	windowTime    = time.Second // shortest
	windowSamples = 100         // outcomes that it should have
	windowHolds   = 3           // it is at least as long as this many operations
	windowsAtMost = 10          // a window with too few samples ends after this many times its shortest time
	maxRest       = 5           // an operation in flight takes at most this many times the mean longer
	stallHolds    = 10          // if nothing ends for as long as this many operations, the dependency hangs
	stallTimeMin  = 3 * windowTime

	// The latency.
	latencyRank  = 0.9  // the quantile that is compared
	latencySide  = 0.05 // distance of the quantiles on both sides of it, to see how exact it is
	minSpread    = 0.1  // difference of these that is assumed at least, as a share of the latency
	minLatencies = 20   // successes that a window must have to judge latencies
	smoothing    = 0.5  // weight of a window in the latency, while the limit stays

	// The queue in the dependency, as a share of the load and in slots at least.
	lowShare, lowSlots   = 0.05, 0.5  // below it the limit rises
	highShare, highSlots = 0.13, 1.25 // above it, and above the noise, the limit falls

	// The baseline.
	followDown = 0.25 // weight of a window, downwards
	followUp   = 0.05 // the same, upwards, if what arrives is served
	followGain = 0.3  // the same, if more load brought more throughput
	otherDown  = 0.2  // a latency that is lower by this share, and by the noise, replaces the baseline

	// Loads that are compared.
	minChange  = 0.12 // smallest change, as a logarithm
	maxChange  = 0.5  // largest change
	middle     = 0.5  // elasticity between a dependency that has room (1) and one that is full (0)
	minElastic = 0.2  // distance from the middle to one that has room, at least
	sure       = 1.5  // distance from the middle in standard errors that is believed
	holdFor    = 3    // windows to wait for that
	maxAge     = 30   // decisions after which a load is no longer compared

	// The slots of an operation.
	followSlots = 0.2 // weight of a window in their mean

	// How the limit changes.
	usedShare   = 0.5  // a limit is used if the mean load is this share of it
	maxStep     = 0.25 // growth in one window, if the dependency has room for sure
	sureStep    = 0.18 // the same, if operations did not queue in several windows
	firstStep   = 0.1  // the same, in the first ones
	sureAfter   = 2    // the number of the first ones; after twice as many growth is maxStep
	settledFor  = 5    // windows without a change, after which the limit grows to see whether there is room
	settledStep = 0.07 // by this share
	firstCut    = 0.75 // what is left at least after the first window with a queue that is too long
	exploreStep = 0.5  // growth while the baseline is not confirmed
	exploreCut  = 0.6  // what is left after a cut that brings the throughput to light
	probeCut    = 0.8  // the same, if the limit is the maximum from the beginning
	mixed       = 0.95 // a latency below this share of the one before a cut can be of operations that began before it

	// Rejections by the dependency.
	minOverloaded = 3    // overload outcomes that a window must have to judge them
	minRejected   = 0.02 // share of overload outcomes above the background that counts
	maxBackground = 0.5  // largest share that can be independent of the load
	sameShare     = 0.8  // a share that falls to this part of it did not fall because of a cut
	followShare   = 0.2  // weight of a window in the background, downwards
	minPatience   = 10   // windows without growth above the load that fitted
	maxPatience   = 160  // the same, after growth was rejected again and again
	pauseBeyond   = 3    // the same, after growth was not rejected
)

// lowQueue and highQueue are how many slots may wait in the dependency.
func lowQueue(load float64) float64  { return max(lowSlots, lowShare*load) }
func highQueue(load float64) float64 { return max(highSlots, highShare*load) }
