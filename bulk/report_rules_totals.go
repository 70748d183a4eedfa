package bulk

import (
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/internal/erlang"
)

// The rules that judge what happened: over the whole life, or in an interval.

func frequentQueueing(in *input) (Severity, string) {
	queued, all := in.totals.Queued, in.totals.demand()
	return severityIf(all >= queueingMinDemand && atLeast(queued, all, queueingPercent), SeverityNotice),
		fmt.Sprintf("%d of %d operations had to wait (%s).", queued, all, percent(queued, all))
}

func rejections(in *input) (Severity, string) {
	t := in.totals
	rejected := t.Saturated + t.Expired
	all := t.Admitted + rejected
	if all < rejectionsMinDecisions {
		return SeverityOK, ""
	}
	return severityFor(rejected, all, rejectionsWarningPercent, rejectionsCriticalPercent),
		fmt.Sprintf("%d of %d operations were rejected (%s): %d saturated, %d expired while waiting.",
			rejected, all, percent(rejected, all), t.Saturated, t.Expired)
}

func expirations(in *input) (Severity, string) {
	expired, queued := in.totals.Expired, in.totals.Queued
	if queued < expirationsMinQueued {
		return SeverityOK, ""
	}
	return severityFor(expired, queued, expirationsWarningPercent, expirationsCriticalPercent),
		fmt.Sprintf("%s expired while waiting, and %d were queued (%s).", plural(expired, "operation"), queued, percent(expired, queued))
}

func waitsNearLimit(in *input) (Severity, string) {
	limit := in.current.Capacity.WaitLimit
	if limit <= 0 || in.totals.AdmittedFromQueue < waitsMinAdmitted {
		return SeverityOK, ""
	}
	mean := in.totals.MeanWait()
	longest, exact := in.longestWait()
	qualifier := ""
	if !exact {
		qualifier = "at least "
	}
	near := atLeast(mean, limit, meanWaitPercent) || atLeast(longest, limit, longestWaitPercent)
	return severityIf(near, SeverityWarning),
		fmt.Sprintf("%s admitted from the queue: mean wait %v, longest wait %s%v, wait limit %v.",
			plural(in.totals.AdmittedFromQueue, "operation"), round3(mean), qualifier, round3(longest), limit)
}

// longestWait returns the longest wait of the time that is judged. That of an
// interval is exact only if it is longer than any wait before the interval;
// otherwise it is a lower bound, from the histogram.
func (in *input) longestWait() (d time.Duration, exact bool) {
	longest := max(0, in.totals.LongestWait)
	if in.interval == nil || longest > in.interval.Start.Totals.LongestWait {
		return longest, true
	}
	return in.totals.Waits.longestAtLeast(), false
}

func oversizedOperations(in *input) (Severity, string) {
	n := in.totals.Oversized + in.totals.OversizedAtArrival
	return severityIf(n > 0, SeverityWarning),
		fmt.Sprintf("%s asked for more slots than the parallelism, which is now %d.", plural(n, "operation"), in.current.Capacity.Parallelism)
}

func demandExceedsCapacity(in *input) (Severity, string) {
	i := in.interval
	if i == nil || i.Totals.Holds.Samples < demandMinSamples {
		return SeverityOK, ""
	}
	load, slots := i.OfferedLoad(), i.End.Capacity.Parallelism
	// The load is a sampled estimate, and a product of rounded floats. A load of
	// exactly 90 % must count, so one that is lower by 10⁻⁹ of itself counts too.
	if load*(1+1e-9)*100 < float64(slots)*demandPercent {
		return SeverityOK, ""
	}
	h := i.Totals.Holds
	return SeverityWarning, fmt.Sprintf("The offered load is %s of %s: %s arrivals per second, each in flight for %v (the mean of %d samples). %s",
		formatFloat(load), plural(slots, "slot"), formatFloat(i.rate(i.Totals.demand())), round3(h.Mean()), h.Samples, estimate(i))
}

// The probabilities that the estimate of slots allows.
const (
	waitingTarget   = 0.05 // of waiting, with a waiting room
	rejectionTarget = 0.01 // of rejection, without one
)

// estimate returns how many slots the load of the interval needs, as a sentence.
func estimate(i *Interval) string {
	load, target := i.OfferedLoad(), rejectionTarget
	probabilities, name := erlang.B(load), "Erlang B: a chance of rejection"
	if i.End.Capacity.WaitingRoom > 0 {
		target = waitingTarget
		probabilities, name = erlang.C(load), "Erlang C: a chance of waiting"
	}
	formula := fmt.Sprintf("(%s of at most %v %%.)", name, target*100)
	switch n, ok := erlang.Slots(probabilities, target); {
	case !ok:
		return "The load is too high to estimate how many slots it needs."
	case n <= i.End.Capacity.Parallelism:
		return fmt.Sprintf("By estimate %s are enough, if the load does not grow. %s", plural(n, "slot"), formula)
	default:
		return fmt.Sprintf("By estimate it needs %s. %s", plural(n, "slot"), formula)
	}
}

func overprovisioned(in *input) (Severity, string) {
	// Any rejection, for whatever reason, suppresses this finding: it is not
	// always a lack of capacity, but never a sign of unused capacity.
	arrivals, peak, slots := in.totals.Arrivals(), max(0, in.current.Peak.InUse), max(0, in.current.Capacity.Parallelism)
	alwaysFree := in.totals.Queued == 0 && in.totals.Admitted == arrivals
	return severityIf(in.interval == nil && arrivals >= overprovisionedMinArrivals && alwaysFree && slots != Unlimited && peak <= slots/overprovisionedDivisor, SeverityNotice),
		fmt.Sprintf("%d arrivals, none of them queued or rejected: never more than %d of %s in use (%s).",
			arrivals, peak, plural(slots, "slot"), percent(peak, slots))
}
