package registry

import (
	"fmt"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// CodeTooManyKeys is the code of a finding, with the severity warning: operations were
// rejected because maxKeys keys were in use. Only reports of a [Keyed] have it, after
// the findings of [bulk.Report].
const CodeTooManyKeys bulk.Code = "too_many_keys"

// Report judges all keys together over the whole life of k. It is Status().Report().
// For the last minute, keep a status and use [KeyedStatus.Since].
func (k *Keyed[K]) Report() bulk.Report { return k.Status().Report() }

// Report judges the current state by s, and everything else by its totals, which are
// over the whole life. The findings are those of [bulk.Report] for all keys together,
// and too_many_keys.
//
// Full bulkheads are normal for a Keyed, because they keep one key from using the
// capacity of the others. So a report has none of the findings that compare the load
// of one bulkhead with its capacity: over_capacity, waiting_room_full, execution_full,
// waiting_room_near_full, demand_exceeds_capacity and overprovisioned. Judge each key
// with [Keyed.Statuses] for these. Findings about the configuration are those of the
// common capacity. standing_queue and long_hold are about the key with the longest.
//
// The Status of the report has the sums over all keys, its Capacity too. It has no
// Peak.
func (s KeyedStatus) Report() bulk.Report {
	r := s.asOne().Report()
	r.Status = s.inAll()
	r.Findings = findings(r.Findings, s.TooManyKeys, s)
	return r
}

// Report judges the current state by End, and everything else by what happened in the
// interval. See [KeyedStatus.Report].
func (i KeyedInterval) Report() bulk.Report {
	r := i.asOne().Report()
	r.Status = i.End.inAll()
	r.Interval.Start, r.Interval.End = i.Start.inAll(), i.End.inAll()
	r.Findings = findings(r.Findings, i.TooManyKeys, i.End)
	return r
}

// inAll is asOne with the capacity of all keys together. If there are none, or all are
// paused, it is the common one.
func (s KeyedStatus) inAll() bulk.Status {
	one := s.asOne()
	if s.Slots > 0 {
		one.Capacity.Parallelism, one.Capacity.WaitingRoom = s.Slots, s.Places
	}
	return one
}

// ofOneBulkhead are the codes that compare the load of one bulkhead with its capacity.
var ofOneBulkhead = []bulk.Code{
	bulk.CodeOverCapacity, bulk.CodeWaitingRoomFull, bulk.CodeExecutionFull, bulk.CodeWaitingRoomNearFull,
	bulk.CodeDemandExceedsCapacity, bulk.CodeOverprovisioned,
}

// findings returns those of found that are about all keys, and the one about tooMany
// operations.
func findings(found []bulk.Finding, tooMany uint64, s KeyedStatus) []bulk.Finding {
	found = slices.DeleteFunc(found, func(f bulk.Finding) bool { return slices.Contains(ofOneBulkhead, f.Code) })
	if tooMany > 0 {
		operations := "operations were"
		if tooMany == 1 {
			operations = "operation was"
		}
		found = append(found, bulk.Finding{
			Code:     CodeTooManyKeys,
			Severity: bulk.SeverityWarning,
			Message:  fmt.Sprintf("%d %s rejected because %d keys were in use, which is the maximum. Now %d are known.", tooMany, operations, s.MaxKeys, s.Keys),
			Advice: "Check whether clients can invent keys. " +
				"Check whether operations hold their slots longer than usual: a key with an operation in flight or waiting is in use. " +
				"If there are more keys than expected, raise maxKeys.",
		})
	}
	if len(found) == 0 {
		return nil
	}
	return found
}
