package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// examples has a status for each code of bulk.Report, in which a report finds it.
var examples = map[bulk.Code]bulk.Status{
	bulk.CodeDraining:            {Closed: true, InFlight: 1},
	bulk.CodePaused:              {},
	bulk.CodeOverCapacity:        {Capacity: bulk.Capacity{Parallelism: 1}, InUse: 2},
	bulk.CodeWaitingRoomFull:     {Capacity: bulk.Capacity{Parallelism: 1, WaitingRoom: 1}, InUse: 1, Waiting: 1},
	bulk.CodeExecutionFull:       {Capacity: bulk.Capacity{Parallelism: 1}, InUse: 1},
	bulk.CodeWaitingRoomNearFull: {Capacity: bulk.Capacity{Parallelism: 1, WaitingRoom: 10}, InUse: 1, Waiting: 9},
	bulk.CodeStandingQueue:       {Capacity: bulk.Capacity{Parallelism: 1}, Queueing: time.Hour},
	bulk.CodeLongHold:            {OldestHold: time.Hour, Totals: bulk.Totals{Holds: bulk.Holds{Samples: 20, Sum: time.Second}}},
	bulk.CodeUnboundedWait:       {Capacity: bulk.Capacity{Parallelism: 1, WaitingRoom: 1}},
	bulk.CodeWaitLimitUnused:     {Capacity: bulk.Capacity{Parallelism: 1, WaitLimit: time.Second}},
	bulk.CodeLargeWaitingRoom:    {Capacity: bulk.Capacity{Parallelism: 1, WaitingRoom: 1000}},
	bulk.CodeFrequentQueueing:    {Totals: bulk.Totals{Queued: 100}},
	bulk.CodeRejections:          {Totals: bulk.Totals{Saturated: 100}},
	bulk.CodeExpirations:         {Totals: bulk.Totals{Queued: 100, Expired: 100}},
	bulk.CodeWaitsNearLimit: {Capacity: bulk.Capacity{Parallelism: 1, WaitingRoom: 1, WaitLimit: time.Second},
		Totals: bulk.Totals{AdmittedFromQueue: 100, LongestWait: time.Second}},
	bulk.CodeOversizedOperations: {Totals: bulk.Totals{OversizedAtArrival: 1}},
	bulk.CodeDemandExceedsCapacity: {ID: 1, Index: 1, At: time.Unix(1, 0), Capacity: bulk.Capacity{Parallelism: 1},
		Totals: bulk.Totals{Admitted: 1000, Holds: bulk.Holds{Samples: 20, Sum: 20 * time.Second}}},
	bulk.CodeOverprovisioned: {Capacity: bulk.Capacity{Parallelism: 100}, Totals: bulk.Totals{Admitted: 10000}},
}

// adviceBeyond has the advice for the alerts that are in no report.
var adviceBeyond = map[bulk.Code]string{
	codeLeaseLost: "Check that the store of the fleet works, and that this process can reach it. The field last_error in the status of the member has the last error. " +
		"By default the bulkhead admits no operation until the member has a lease again. Do not raise the parallelism by hand: other members can have the slots.",
	codeLimiterAtMinimum: "Check whether the dependency is slow or rejects operations. Check whether other clients load it. " +
		"The reason of the last decision says why the limiter does not raise the limit. If the dependency is healthy, close the limiter and set the parallelism by hand.",
}

// adviceFor returns the advice of the finding or alert.
func adviceFor(code bulk.Code) (string, error) {
	if advice := adviceBeyond[code]; advice != "" {
		return advice, nil
	}
	status := examples[code]
	report := status.Report()
	if code == registry.CodeTooManyKeys {
		report = registry.KeyedStatus{MaxKeys: 1, TooManyKeys: 1}.Report()
	}
	if code == bulk.CodeDemandExceedsCapacity { // found in intervals only
		interval, err := status.Since(bulk.Status{ID: 1, At: time.Unix(0, 0)})
		if err != nil {
			return "", err
		}
		report = interval.Report()
	}
	i := slices.IndexFunc(report.Findings, func(f bulk.Finding) bool { return f.Code == code })
	if i < 0 {
		return "", fmt.Errorf("the report of the example for %s has only %s", code, report.Summary())
	}
	return report.Findings[i].Advice, nil
}
