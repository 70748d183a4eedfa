package bulk

import (
	"fmt"
	"math/big"
	"time"

	"github.com/bulklink/bulklink-go/internal/erlang"
)

// The rules that judge the past.

func frequentQueueing(e *evidence) (Severity, string) {
	queued, all := e.past.Queued, e.past.demand()
	return when(all >= queueingSample && atLeast(queued, all, queueingPercent), SeverityNotice),
		fmt.Sprintf("%d of %d operations that came for a slot had to wait (%s).", queued, all, percent(queued, all))
}

func rejections(e *evidence) (Severity, string) {
	t := e.past
	turnedAway := t.Saturated + t.Expired
	all := t.Admitted + turnedAway
	if all < rejectionSample {
		return SeverityOK, ""
	}
	return grade(turnedAway, all, rejectionWarning, rejectionCritical),
		fmt.Sprintf("%d of %d operations were turned away (%s): %d saturated, %d expired while waiting.",
			turnedAway, all, percent(turnedAway, all), t.Saturated, t.Expired)
}

func expirations(e *evidence) (Severity, string) {
	expired, queued := e.past.Expired, e.past.Queued
	if queued < expirationSample {
		return SeverityOK, ""
	}
	return grade(expired, queued, expirationWarning, expirationCritical),
		fmt.Sprintf("%d expired while waiting, and %d were queued (%s).", expired, queued, percent(expired, queued))
}

func waitsNearLimit(e *evidence) (Severity, string) {
	limit := e.now.Capacity.WaitLimit
	if limit <= 0 || e.past.AdmittedFromQueue < waitSample {
		return SeverityOK, ""
	}
	mean := e.past.MeanWait()
	longest, exact := e.longestWait()
	atLeastWord := ""
	if !exact {
		atLeastWord = "at least "
	}
	near := atLeastOf(mean, limit, meanWaitPercent) || atLeastOf(longest, limit, longestWaitPercent)
	return when(near, SeverityWarning),
		fmt.Sprintf("%d waited %v in the mean and %s%v at the longest before they were admitted; the wait limit is %v.",
			e.past.AdmittedFromQueue, short(mean), atLeastWord, short(longest), limit)
}

// longestWait returns the longest wait of the time that is judged. Of an
// interval it is known exactly only if it is longer than any before; else the
// histogram says how long it was at least.
func (e *evidence) longestWait() (d time.Duration, exact bool) {
	longest := max(0, e.past.LongestWait)
	if e.interval == nil || longest > e.interval.Start.Totals.LongestWait {
		return longest, true
	}
	return e.past.Waits.longestAtLeast(), false
}

func oversizedOperations(e *evidence) (Severity, string) {
	n := e.past.Oversized + e.past.OversizedAtArrival
	return when(n > 0, SeverityWarning),
		fmt.Sprintf("%d asked for more slots than there were; the parallelism is %d.", n, e.now.Capacity.Parallelism)
}

func demandExceedsCapacity(e *evidence) (Severity, string) {
	i := e.interval
	if i == nil || i.Duration <= 0 || i.Totals.Holds.Samples < holdSample {
		return SeverityOK, ""
	}
	// Without fractions: arrivals × Σ holds / samples / duration ≥ 90 % of the slots.
	h, slots := i.Totals.Holds, max(1, i.End.Capacity.Parallelism)
	load := product(i.Totals.demand(), uint64(max(0, h.Sum)), 100)
	bound := product(demandPercent, uint64(slots), h.Samples, uint64(i.Duration))
	if load.Cmp(bound) < 0 {
		return SeverityOK, ""
	}
	return SeverityWarning, fmt.Sprintf("The offered load is %s of %s: %s arrivals per second, each in flight for %v (the mean of %d samples). %s",
		figure(i.OfferedLoad()), several(slots, "slot"), figure(i.rate(i.Totals.demand())), short(h.Mean()), h.Samples, estimate(i))
}

// The probabilities that the estimate of slots allows.
const (
	waitingTarget   = 0.05 // of waiting, with a waiting room
	rejectionTarget = 0.01 // of rejection, without one
)

// estimate returns how many slots the load of the interval needs, as a sentence.
func estimate(i *Interval) string {
	load, target := i.OfferedLoad(), rejectionTarget
	probabilities, name := erlang.B(load), "Erlang B: a chance of being turned away"
	if i.End.Capacity.WaitingRoom > 0 {
		target = waitingTarget
		probabilities, name = erlang.C(load), "Erlang C: a chance of waiting"
	}
	text := fmt.Sprintf("(%s of %v %% at the most.)", name, target*100)
	switch n, ok := erlang.Slots(probabilities, target); {
	case !ok:
		return "That is too much to estimate how many slots it needs."
	case n <= i.End.Capacity.Parallelism:
		return fmt.Sprintf("By estimate %s are enough, if it grows no further. %s", several(n, "slot"), text)
	default:
		return fmt.Sprintf("By estimate it needs %s. %s", several(n, "slot"), text)
	}
}

func overprovisioned(e *evidence) (Severity, string) {
	// Any operation that was turned away, for whatever reason, makes this one
	// silent: it is not pressure, but no sign of room to spare either.
	arrivals, peak, slots := e.past.Arrivals(), e.now.Peak.InUse, e.now.Capacity.Parallelism
	untouched := e.past.Queued == 0 && e.past.Admitted == arrivals
	return when(e.interval == nil && arrivals >= spareSample && untouched && peak <= slots/spareQuarter, SeverityNotice),
		fmt.Sprintf("%d arrivals, none of them queued or turned away, and never more than %d of %s in use (%s).",
			arrivals, peak, several(slots, "slot"), percent(count(peak), count(slots)))
}

func product(factors ...uint64) *big.Int {
	p := big.NewInt(1)
	for _, f := range factors {
		p.Mul(p, new(big.Int).SetUint64(f))
	}
	return p
}
