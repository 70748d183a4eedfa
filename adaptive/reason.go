package adaptive

// Reason says why a decision was made.
type Reason uint8

const (
	// Growing: the limit is used and the dependency does not queue, or its baseline is not
	// confirmed and the throughput does not say that the load is too high. The limit rises.
	Growing Reason = iota + 1
	// Settled: the limit is used and the queue in the dependency is as short as it
	// should be. The limit stays.
	Settled
	// Queueing: operations wait inside the dependency. The limit falls by those that
	// wait.
	Queueing
	// NoGain: a change of the load did not change the throughput, so the load is more
	// than the dependency needs. The limit falls.
	NoGain
	// Rejected: the dependency rejected operations, or did not serve them in time. The
	// limit falls to the load that was served.
	Rejected
	// TooSlow: the latency is above HealthyLatency. The limit falls.
	TooSlow
	// Stalled: nothing has ended for many times the usual latency. The limit falls.
	Stalled
	// Probed: the limit was as high as allowed from the first window on, so that it
	// cannot be known whether a lower one would do. The limit falls once, by a fifth.
	Probed
	// Restored: the last cut lowered the throughput and not the latency, so that it was
	// wrong. The limit rises to what it was, and the latency becomes the baseline.
	Restored
	// NotUsed: too few operations wanted to run concurrently to need the limit. The
	// limit stays.
	NotUsed
	// TooFewSamples: not enough operations have ended to judge. The limit stays.
	TooFewSamples
	// AtMaximum: the limit would rise, and is the maximum already.
	AtMaximum
	// Pausing: the limit would rise above the load at which the dependency rejected
	// operations not long ago. The limit stays for now.
	Pausing
	// Oversized: an operation asked for more slots than the limit, and not for more than
	// the limiter may set. The limit rises to that number of slots, and does not fall below
	// it until the limiter is closed. A limiter that observes only says so.
	Oversized
	// NotConfirmed: the limiter observes, its changes are not made, and it was never seen
	// that the bulkhead was not full. So it is not known which latency is the baseline. The
	// limit stays until the traffic is low for a while.
	NotConfirmed
	// Trying: the limit was Settled in several windows. It rises a little to see whether
	// there is room for more.
	Trying
)

var reasons = words{"growing", "settled", "queueing", "no_gain", "rejected", "too_slow", "stalled", "probed", "restored",
	"not_used", "too_few_samples", "at_maximum", "pausing", "oversized", "not_confirmed", "trying"}

// String returns the reason as one lower-case word, the same as in JSON.
func (r Reason) String() string { return reasons.name("reason", uint8(r)) }

// MarshalText returns the word of String. The error for an unknown reason is a
// [*bulk.ConfigError].
func (r Reason) MarshalText() ([]byte, error) { return reasons.marshal("reason", uint8(r)) }

// UnmarshalText accepts the words of String. The error for any other word is a
// [*bulk.ConfigError], and r is unchanged.
func (r *Reason) UnmarshalText(text []byte) error {
	return reasons.unmarshal("reason", text, (*uint8)(r))
}
