package bulk_test

import (
	"fmt"
	"math"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/erlang"
	"github.com/google/go-cmp/cmp"
)

// codes is the first column of the table of findings, in its order.
var codes = []bulk.Code{bulk.CodeDraining, bulk.CodePaused, bulk.CodeOverCapacity, bulk.CodeWaitingRoomFull, bulk.CodeExecutionFull,
	bulk.CodeWaitingRoomNearFull, bulk.CodeStandingQueue, bulk.CodeLongHold, bulk.CodeUnboundedWait, bulk.CodeWaitLimitUnused, bulk.CodeLargeWaitingRoom, bulk.CodeFrequentQueueing,
	bulk.CodeRejections, bulk.CodeExpirations, bulk.CodeWaitsNearLimit, bulk.CodeOversizedOperations,
	bulk.CodeDemandExceedsCapacity, bulk.CodeOverprovisioned}

// severities returns the codes and severities of a report as one line.
func severities(r bulk.Report) string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, fmt.Sprintf("%s %s", f.Code, f.Severity))
	}
	return strings.Join(all, ", ")
}

type (
	status = bulk.Status
	totals = bulk.Totals
	holds  = bulk.Holds
)

// has returns a capacity with the given slots and places, and with a wait limit of
// 250 ms if there are places.
func has(slots, places int) bulk.Capacity {
	c := bulk.Capacity{Parallelism: slots, WaitingRoom: places}
	if places > 0 {
		c.WaitLimit = 250 * time.Millisecond
	}
	return c
}

// Each threshold has a row on both of its sides.
func TestReportOfALifeFollowsTheTable(t *testing.T) {
	const most = math.MaxInt
	at := func(d time.Duration) totals { return totals{Admitted: 5, AdmittedFromQueue: 5, Queued: 5, Wait: 5 * d} }
	longest := func(n uint64, d time.Duration) totals {
		return totals{Admitted: n, AdmittedFromQueue: n, Queued: n, LongestWait: d}
	}
	spare := func(change func(*status)) status {
		s := status{Capacity: has(8, 0), Totals: totals{Admitted: 1000}, Peak: bulk.Peak{InUse: 2}}
		change(&s)
		return s
	}
	long := func(samples uint64, mean, oldest time.Duration) status {
		return status{Capacity: has(2, 0), InFlight: 1, InUse: 1, OldestHold: oldest,
			Totals: totals{Admitted: 100, Finished: 99, Holds: holds{Samples: samples, Sum: time.Duration(samples) * mean}}}
	}
	var rows table
	for _, c := range []struct {
		name, why string
		status    status
		want      string
	}{
		{"the zero status", "it has no slots", status{}, "paused notice"},
		{"idle", "there is no problem", status{Capacity: has(1, 1)}, ""},

		{"closed, one in flight", "it drains", status{Capacity: has(2, 0), Closed: true, InFlight: 1, InUse: 2}, "draining notice"},
		{"closed, none in flight", "drained", status{Capacity: has(2, 0), Closed: true}, ""},
		{"closed, all in use, above the parallelism", "a closed bulkhead lacks no capacity", status{Capacity: has(2, 9), Closed: true, InFlight: 3, InUse: 3}, "draining notice"},

		{"paused", "no operation is admitted", status{}, "paused notice"},
		{"paused, one waits", "an operation is affected", status{Capacity: has(0, 5), Waiting: 1}, "paused warning"},
		{"paused, one in flight, none waits", "a pause is not a shrink", status{Capacity: has(0, 5), InFlight: 1, InUse: 1}, "paused notice"},
		{"paused, the room is full", "the next arrival is rejected", status{Capacity: has(0, 5), Waiting: 5}, "paused warning, waiting_room_full critical"},
		{"paused, 80 % of the room in use", "it will be full", status{Capacity: has(0, 5), Waiting: 4}, "paused warning, waiting_room_near_full warning"},
		{"paused, a queue stands", "that is what a pause does", status{Capacity: has(0, 5), Waiting: 1, Queueing: time.Hour}, "paused warning"},
		{"paused and closed", "it is over", status{Closed: true}, ""},
		{"one slot", "not paused", status{Capacity: has(1, 5)}, ""},

		{"one above the parallelism", "the parallelism was lowered", status{Capacity: has(2, 5), InUse: 3}, "over_capacity notice"},
		{"as many as the parallelism", "not above it", status{Capacity: has(2, 5), InUse: 2}, "execution_full notice"},
		{"above the parallelism, one waits", "an operation is affected", status{Capacity: has(2, 5), InUse: 3, Waiting: 1}, "over_capacity warning"},
		{"above the parallelism, no room", "only a waiting operation makes it a warning", status{Capacity: has(2, 0), InUse: 3}, "over_capacity notice"},
		{"above the parallelism, the room is full", "both are found", status{Capacity: has(2, 5), InUse: 3, Waiting: 5}, "over_capacity warning, waiting_room_full critical"},

		{"the room is full", "the next arrival is rejected", status{Capacity: has(2, 5), InUse: 2, Waiting: 5}, "waiting_room_full critical"},
		{"more wait than the room has places", "the room was made smaller", status{Capacity: has(2, 5), InUse: 2, Waiting: 6}, "waiting_room_full critical"},
		{"one free place in the room", "80 % exactly", status{Capacity: has(2, 5), InUse: 2, Waiting: 4}, "execution_full warning, waiting_room_near_full warning"},
		{"the room is full, but a slot is free", "the head of the queue needs more slots", status{Capacity: has(2, 5), InUse: 1, Waiting: 5}, ""},

		{"all in use, none waits", "the next arrival can still wait", status{Capacity: has(2, 5), InUse: 2}, "execution_full notice"},
		{"all but one in use", "a slot is free", status{Capacity: has(2, 5), InUse: 1}, ""},
		{"all in use, one waits", "an operation is affected", status{Capacity: has(2, 5), InUse: 2, Waiting: 1}, "execution_full warning"},
		{"all in use, no room", "the next arrival is rejected", status{Capacity: has(2, 0), InUse: 2}, "execution_full warning"},
		{"all in use, the room was removed", "the operation still waits", status{Capacity: has(2, 0), InUse: 2, Waiting: 1}, "execution_full warning"},

		{"8 of 10 wait", "80 % exactly", status{Capacity: has(1, 10), InUse: 1, Waiting: 8}, "execution_full warning, waiting_room_near_full warning"},
		{"7 of 9 wait", "77.8 %", status{Capacity: has(1, 9), InUse: 1, Waiting: 7}, "execution_full warning"},
		{"8 of 10 wait, a slot is free", "the head of the queue needs more slots", status{Capacity: has(2, 10), InUse: 1, Waiting: 8}, ""},
		{"8 of 10 wait, above the parallelism", "it is still near full", status{Capacity: has(2, 10), InUse: 3, Waiting: 8}, "over_capacity warning, waiting_room_near_full warning"},

		{"never empty for 10 s", "10 s exactly", status{Capacity: has(1, 50), InUse: 1, Waiting: 1, Queueing: 10 * time.Second}, "execution_full warning, standing_queue warning"},
		{"never empty for 1 ns less", "below", status{Capacity: has(1, 50), InUse: 1, Waiting: 1, Queueing: 10*time.Second - 1}, "execution_full warning"},
		{"closed, never empty for 10 s", "a closed bulkhead lacks no capacity", status{Closed: true, Capacity: has(1, 50), Queueing: 10 * time.Second}, ""},

		{"one in flight for 10 s, mean 500 ms", "10 s and 20 times the mean exactly", long(20, 500*time.Millisecond, 10*time.Second), "long_hold warning"},
		{"one in flight for 1 ns less", "below 10 s", long(20, 400*time.Millisecond, 10*time.Second-1), ""},
		{"one in flight for less than 20 times the mean", "operations are that long", long(20, 500*time.Millisecond+1, 10*time.Second), ""},
		{"19 samples", "the sample is too small", long(19, time.Millisecond, time.Hour), ""},
		{"closed, one in flight for an hour", "a drain can hang too", func() status { s := long(20, time.Millisecond, time.Hour); s.Closed = true; return s }(), "draining notice, long_hold warning"},

		{"a room and no limit", "they may wait forever", status{Capacity: bulk.Capacity{Parallelism: 1, WaitingRoom: 1}}, "unbounded_wait notice"},
		{"a room and the shortest limit", "any limit counts", status{Capacity: bulk.Capacity{Parallelism: 1, WaitingRoom: 1, WaitLimit: 1}}, ""},
		{"no room and no limit", "no operation waits", status{Capacity: bulk.Capacity{Parallelism: 1}}, ""},
		{"closed, a room and no limit", "no operation will wait", status{Closed: true, Capacity: bulk.Capacity{Parallelism: 1, WaitingRoom: 1}}, ""},

		{"no room and the shortest limit", "no operation ever waits", status{Capacity: bulk.Capacity{Parallelism: 1, WaitLimit: 1}}, "wait_limit_unused notice"},
		{"one place and the shortest limit", "an operation can wait", status{Capacity: bulk.Capacity{Parallelism: 1, WaitLimit: 1, WaitingRoom: 1}}, ""},
		{"closed, no room and a limit", "no operation will wait", status{Closed: true, Capacity: bulk.Capacity{Parallelism: 1, WaitLimit: 1}}, ""},
		{"all in use, no room and a limit", "both are found, in this order", status{Capacity: bulk.Capacity{Parallelism: 1, WaitLimit: 1}, InUse: 1}, "execution_full warning, wait_limit_unused notice"},

		{"100 places for 5 slots", "20 for each", status{Capacity: has(5, 100)}, "large_waiting_room notice"},
		{"99 places for one slot", "below 100 no room is large", status{Capacity: has(1, 99)}, ""},
		{"100 places for 6 slots", "16.7 for each", status{Capacity: has(6, 100)}, ""},
		{"119 places for 6 slots", "19.8 for each", status{Capacity: has(6, 119)}, ""},
		{"120 places for 6 slots", "20 for each", status{Capacity: has(6, 120)}, "large_waiting_room notice"},
		{"an unlimited room for as many slots", "nothing overflows", status{Capacity: has(most, most)}, ""},
		{"closed, 100 places for 5 slots", "no operation will wait", status{Closed: true, Capacity: has(5, 100)}, ""},

		{"10 of 20 were queued", "half exactly", status{Capacity: has(1, 1), Totals: totals{Admitted: 20, AdmittedFromQueue: 10, Queued: 10}}, "frequent_queueing notice"},
		{"10 of 21 were queued", "less than half", status{Capacity: has(1, 1), Totals: totals{Admitted: 21, AdmittedFromQueue: 10, Queued: 10}}, ""},
		{"19 of 19 were queued", "the sample is too small", status{Capacity: has(1, 1), Totals: totals{Admitted: 19, AdmittedFromQueue: 19, Queued: 19}}, ""},
		{"10 of 20 were queued, 1 more saturated", "saturated operations count in the whole", status{Capacity: has(1, 1), Totals: totals{Admitted: 20, AdmittedFromQueue: 10, Queued: 10, Saturated: 1}}, ""},
		{"10 of 20 were queued, many others rejected at arrival", "other reasons do not count", status{Capacity: has(1, 1), Totals: totals{Admitted: 20, AdmittedFromQueue: 10, Queued: 10,
			ExpiredAtArrival: 99, CanceledAtArrival: 99, ClosedAtArrival: 99}}, "frequent_queueing notice"},

		{"1 of 20 saturated", "5 % exactly", status{Capacity: has(1, 1), Totals: totals{Admitted: 19, Saturated: 1}}, "rejections warning"},
		{"1 of 20 expired", "expired operations count too", status{Capacity: has(1, 1), Totals: totals{Admitted: 19, Queued: 1, Expired: 1}}, "rejections warning"},
		{"1 of 21 saturated", "4.8 %", status{Capacity: has(1, 1), Totals: totals{Admitted: 20, Saturated: 1}}, ""},
		{"19 of 19 saturated", "the sample is too small", status{Capacity: has(1, 1), Totals: totals{Saturated: 19}}, ""},
		{"4 of 20 rejected", "20 % exactly", status{Capacity: has(1, 1), Totals: totals{Admitted: 16, Queued: 2, Saturated: 2, Expired: 2}}, "rejections critical"},
		{"4 of 21 rejected", "19 %", status{Capacity: has(1, 1), Totals: totals{Admitted: 17, Queued: 2, Saturated: 2, Expired: 2}}, "rejections warning"},
		{"one below a threshold of 90·10¹² operations", "up to here products are exact", status{Capacity: has(1, 1),
			Totals: totals{Admitted: 85_500_000_000_001, Saturated: 4_499_999_999_999}}, ""},
		{"a threshold of 90·10¹² operations", "up to here products are exact", status{Capacity: has(1, 1), Totals: totals{Admitted: 85_500_000_000_000, Saturated: 4_500_000_000_000}}, "rejections warning"},
		{"just below a threshold with huge counts", "a part in 10¹² is told apart", status{Capacity: has(1, 1),
			Totals: totals{Admitted: 9_500_000_000_000_500_000, Saturated: 499_999_999_999_500_000}}, ""},
		{"a threshold with huge counts", "nothing overflows", status{Capacity: has(1, 1), Totals: totals{Admitted: 9_500_000_000_000_000_000, Saturated: 500_000_000_000_000_000}}, "rejections warning"},
		{"many were rejected for other reasons", "that is no lack of capacity", status{Capacity: has(1, 1),
			Totals: totals{Admitted: 20, Queued: 200, Closed: 100, Canceled: 100, ClosedAtArrival: 100, CanceledAtArrival: 100, ExpiredAtArrival: 100, Abandoned: 9}}, "frequent_queueing notice"},

		{"1 of 10 queued expired", "10 % exactly", status{Capacity: has(1, 1), Totals: totals{Admitted: 100, AdmittedFromQueue: 9, Queued: 10, Expired: 1}}, "expirations warning"},
		{"1 of 11 queued expired", "9.1 %", status{Capacity: has(1, 1), Totals: totals{Admitted: 100, AdmittedFromQueue: 10, Queued: 11, Expired: 1}}, ""},
		{"1 of 9 queued expired", "the sample is too small", status{Capacity: has(1, 1), Totals: totals{Admitted: 100, AdmittedFromQueue: 8, Queued: 9, Expired: 1}}, ""},
		{"3 of 10 queued expired", "30 % exactly", status{Capacity: has(1, 1), Totals: totals{Admitted: 100, AdmittedFromQueue: 7, Queued: 10, Expired: 3}}, "expirations critical"},
		{"3 of 11 queued expired", "27 %", status{Capacity: has(1, 1), Totals: totals{Admitted: 100, AdmittedFromQueue: 8, Queued: 11, Expired: 3}}, "expirations warning"},

		{"mean wait 187.5 of 250 ms", "75 % exactly", status{Capacity: has(1, 1), Totals: at(187_500 * time.Microsecond)}, "waits_near_limit warning"},
		{"mean wait 1 ns less", "below", status{Capacity: has(1, 1), Totals: at(187_500*time.Microsecond - 1)}, ""},
		{"longest 237.5 of 250 ms", "95 % exactly", status{Capacity: has(1, 1), Totals: longest(5, 237_500*time.Microsecond)}, "waits_near_limit warning"},
		{"longest 1 ns less", "below", status{Capacity: has(1, 1), Totals: longest(5, 237_500*time.Microsecond-1)}, ""},
		{"4 waits", "the sample is too small", status{Capacity: has(1, 1), Totals: longest(4, time.Hour)}, ""},
		{"waits of an hour and no limit", "there is no limit to be near to", status{Capacity: bulk.Capacity{Parallelism: 1, WaitingRoom: 1}, Totals: longest(5, time.Hour)}, "unbounded_wait notice"},

		{"one oversized at arrival", "it can never fit", status{Capacity: has(1, 1), Totals: totals{OversizedAtArrival: 1}}, "oversized_operations warning"},
		{"one oversized while waiting", "the parallelism was lowered", status{Capacity: has(1, 1), Totals: totals{Oversized: 1, Queued: 1}}, "oversized_operations warning"},

		{"a whole life with much load", "a whole life has no rate", status{Capacity: has(1, 0), Totals: totals{Admitted: 20, Finished: 20, Holds: holds{Samples: 20, Sum: time.Hour}}}, ""},

		{"2 of 8 slots in 1,000 arrivals", "25 % exactly", spare(func(*status) {}), "overprovisioned notice"},
		{"2 of 7 slots", "28.6 %", spare(func(s *status) { s.Capacity.Parallelism = 7 }), ""},
		{"3 of 8 slots", "37.5 %", spare(func(s *status) { s.Peak.InUse = 3 }), ""},
		{"999 arrivals", "the sample is too small", spare(func(s *status) { s.Totals.Admitted = 999 }), ""},
		{"2 of unlimited slots", "nobody chose that number", spare(func(s *status) { s.Capacity.Parallelism = bulk.Unlimited }), ""},
		{"one was queued", "once the slots were not enough", spare(func(s *status) { s.Totals.Queued, s.Totals.AdmittedFromQueue = 1, 1 }), ""},
		{"one was saturated", "once the slots were not enough", spare(func(s *status) { s.Totals.Saturated = 1 }), ""},
		{"one was canceled at arrival", "none may be rejected", spare(func(s *status) { s.Totals.CanceledAtArrival = 1 }), ""},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			r := c.status.Report()
			if got := severities(r); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if r.Interval != nil || !reflect.DeepEqual(r.Status, c.status) {
				t.Error("the report has another status or interval")
			}
			mustReadWell(t, r)
			if again := c.status.Report(); !reflect.DeepEqual(again, r) {
				t.Errorf("a second report of the same status differs: %v", again)
			}
		})
	}
}

// Each threshold that differs in an interval has a row on both of its sides.
func TestReportOfAnIntervalFollowsTheTable(t *testing.T) {
	// loaded is a second with n operations admitted, each 10 ms in flight by 20
	// samples: 900 operations are a load of 9 slots.
	loaded := func(n uint64) totals {
		return totals{Admitted: n, Finished: n, Holds: holds{Samples: 20, Sum: 200 * time.Millisecond}}
	}
	with := func(n totals, change func(*totals)) totals {
		change(&n)
		return n
	}
	five := totals{Admitted: 5, AdmittedFromQueue: 5, Queued: 5}
	limit := 250 * time.Millisecond
	var rows table
	for _, c := range []struct {
		name, why  string
		start, end totals
		change     func(start, end *status)
		want       string
	}{
		{"90 % of 10 slots", "exactly", totals{}, loaded(900), nil, "demand_exceeds_capacity warning"},
		{"89.9 % of 10 slots", "below", totals{}, loaded(899), nil, ""},
		{"one nanosecond less of hold", "below, by one part in 200 million", totals{}, with(loaded(900), func(n *totals) { n.Holds.Sum-- }), nil, ""},
		{"19 samples", "the sample is too small", totals{}, with(loaded(2000), func(n *totals) { n.Holds.Samples = 19 }), nil, ""},
		{"saturated operations", "they are load", totals{}, with(loaded(800), func(n *totals) { n.Saturated = 100 }), nil,
			"rejections warning, demand_exceeds_capacity warning"},
		{"waiting operations", "they are load", totals{}, with(loaded(800), func(n *totals) { n.Queued = 100 }), nil, "demand_exceeds_capacity warning"},
		{"operations rejected for other reasons", "they are not load", totals{},
			with(loaded(899), func(n *totals) { n.ClosedAtArrival, n.CanceledAtArrival, n.ExpiredAtArrival = 500, 500, 500 }), nil, ""},
		{"load before the interval", "only differences count", loaded(9000), with(loaded(9001), func(n *totals) { n.Holds.Samples = 40 }), nil, ""},
		{"the clock stood still", "there is no rate", totals{}, loaded(9000), func(start, end *status) { end.At = start.At }, ""},

		{"rejections before", "only differences count", totals{Admitted: 10, Saturated: 90}, totals{Admitted: 110, Saturated: 90}, nil, ""},
		{"rejections since", "only differences count", totals{Admitted: 980}, totals{Admitted: 999, Saturated: 1}, nil, "rejections warning"},
		{"oversized before", "only differences count", totals{OversizedAtArrival: 5}, totals{OversizedAtArrival: 5}, nil, ""},
		{"more expired than were queued", "they were queued before", totals{Queued: 50}, totals{Admitted: 100, Queued: 60, Expired: 20}, nil, "rejections warning, expirations critical"},
		{"most slots never in use", "an interval may miss the busy hour", totals{}, totals{Admitted: 5000}, nil, ""},

		{"a full room at the start", "the end is the current state", totals{}, totals{}, func(start, _ *status) { start.InUse, start.Waiting = 10, 5 }, ""},
		{"a full room at the end", "the end is the current state", totals{}, totals{}, func(_, end *status) { end.InUse, end.Waiting = 10, 5 }, "waiting_room_full critical"},

		{"the mean wait of the interval", "75 % exactly", totals{AdmittedFromQueue: 50, Admitted: 50, Queued: 50},
			totals{AdmittedFromQueue: 55, Admitted: 55, Queued: 55, Wait: 5 * limit * 3 / 4}, nil, "waits_near_limit warning"},
		{"the longest wait is in the interval", "95 % exactly", totals{}, with(five, func(n *totals) { n.LongestWait = limit * 95 / 100 }), nil, "waits_near_limit warning"},
		{"1 ns less", "below", totals{}, with(five, func(n *totals) { n.LongestWait = limit*95/100 - 1 }), nil, ""},
		{"the longest wait was before", "a wait before the interval does not count", totals{LongestWait: limit},
			with(five, func(n *totals) { n.LongestWait, n.Waits = limit, readWaits(t, `[{"le_ns":1023,"count":5}]`) }), nil, ""},
		{"the longest wait was before, another was long", "at least 234.9 ms by its bucket: 93.9 %", totals{LongestWait: limit},
			with(five, func(n *totals) { n.LongestWait, n.Waits = limit, readWaits(t, `[{"le_ns":251658239,"count":5}]`) }), nil, ""},
		{"the longest wait was before, another was as long", "at least 251.7 ms by its bucket", totals{LongestWait: 2 * limit},
			with(five, func(n *totals) {
				n.LongestWait, n.Waits = 2*limit, readWaits(t, `[{"le_ns":268435455,"count":1},{"le_ns":0,"count":4}]`)
			}), nil, "waits_near_limit warning"},
		{"the longest wait was before, another reaches the threshold", "the bucket begins at 95 %", totals{LongestWait: limit},
			with(five, func(n *totals) { n.LongestWait, n.Waits = limit, readWaits(t, `[{"le_ns":268435455,"count":5}]`) }),
			func(_, end *status) { end.Capacity.WaitLimit = 251_658_240 * 100 / 95 }, "waits_near_limit warning"},
		{"the longest wait was before, another is 1 ns too short", "the bucket begins below 95 %", totals{LongestWait: limit},
			with(five, func(n *totals) { n.LongestWait, n.Waits = limit, readWaits(t, `[{"le_ns":268435455,"count":5}]`) }),
			func(_, end *status) { end.Capacity.WaitLimit = 251_658_240*100/95 + 1 }, ""},
		{"the longest wait was before, the others were 0", "the first bucket begins at 0", totals{LongestWait: limit},
			with(five, func(n *totals) { n.LongestWait, n.Waits = limit, readWaits(t, `[{"le_ns":0,"count":5}]`) }), nil, ""},
		{"totals made by hand without a histogram", "there is no lower bound", totals{LongestWait: limit}, with(five, func(n *totals) { n.LongestWait = limit }), nil, ""},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			start := status{ID: 1, Index: 1, At: time.Unix(0, 0), Capacity: has(10, 5), Totals: c.start}
			end := status{ID: 1, Index: 2, At: time.Unix(1, 0), Capacity: has(10, 5), Totals: c.end}
			if c.change != nil {
				c.change(&start, &end)
			}
			i := mustSince(t, end, start)
			r := i.Report()
			if got := severities(r); got != c.want {
				t.Errorf("got  %q\nwant %q\n%v", got, c.want, r)
			}
			if r.Interval == nil || !reflect.DeepEqual(*r.Interval, i) || !reflect.DeepEqual(r.Status, end) {
				t.Error("the report has another status or interval")
			}
			mustReadWell(t, r)
		})
	}
}

// mustReadWell checks the properties of every report.
func mustReadWell(t *testing.T, r bulk.Report) {
	t.Helper()
	highest, last := bulk.SeverityOK, -1
	for _, f := range r.Findings {
		place := slices.Index(codes, f.Code)
		if place <= last {
			t.Errorf("%s is not in the order of the table", f.Code)
		}
		last, highest = place, max(highest, f.Severity)
		if !regexp.MustCompile(`\d`).MatchString(f.Message) {
			t.Errorf("%q has no figures", f.Message)
		}
		if m := regexp.MustCompile(`\b(1\d\d|[2-9]\d\d)(\.\d)? %`).FindString(f.Message); m != "" && m != "100 %" {
			t.Errorf("%q has a share above 100 %%", f.Message)
		}
		for _, text := range []string{f.Message, f.Advice} {
			if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, ".)") || strings.Contains(text, "%!") || strings.ContainsAny(text, "\n\t") || strings.Contains(text, "  ") {
				t.Errorf("%q is not a sentence", text)
			}
		}
		if !strings.Contains(strings.ToLower(f.Advice), "check ") {
			t.Errorf("%q does not say what to check", f.Advice)
		}
		for _, sentence := range strings.SplitAfter(f.Advice, ". ") {
			if n := len(strings.Fields(sentence)); n > 26 {
				t.Errorf("%q has %d words: advice has one action in each sentence", sentence, n)
			}
		}
		if !containsAll(r.String(), []string{f.Message, f.Advice}) || !strings.Contains(r.Summary(), string(f.Code)) {
			t.Errorf("%s, its message or its advice is missing in %q", f.Code, r)
		}
	}
	if r.Severity() != highest || r.Healthy() != (highest <= bulk.SeverityNotice) {
		t.Errorf("severity %v, healthy %t: %v", r.Severity(), r.Healthy(), r)
	}
	if len(r.Findings) == 0 && r.Findings != nil {
		t.Error("without findings the list must be nil")
	}
}

func TestDemandFindingEstimatesTheSlots(t *testing.T) {
	var rows table
	for _, c := range []struct {
		name, why   string
		slots, room int
		load        uint64
		says        []string
	}{
		{"with a waiting room", "by Erlang C", 10, 50, 9, []string{"9 of 10 slots", "needs 15 slots", "Erlang C: a chance of waiting of at most 5 %"}},
		{"without a waiting room", "by Erlang B", 10, 0, 9, []string{"9 of 10 slots", "needs 17 slots", "Erlang B: a chance of rejection of at most 1 %"}},
		{"one slot", "the smallest", 1, 1, 1, []string{"1 of 1 slot:", "needs 4 slots"}},
		{"many slots", "90 % of many slots is not too high", 2000, 50, 1800, []string{"1800 of 2000 slots", "1875 slots are enough"}},
		{"exactly as many slots as needed", "they are enough", 331, 50, 300, []string{"300 of 331 slots", "331 slots are enough"}},
		{"one slot fewer than needed", "they are not enough", 330, 50, 300, []string{"300 of 330 slots", "needs 331 slots"}},
		{"a huge load", "no report takes long", 10, 50, 1 << 40, []string{"of 10 slots", "too high to estimate"}},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			c.load *= 100 // per second, each for 10 ms
			i := mustSince(t, status{ID: 1, Index: 2, At: time.Unix(1, 0), Capacity: has(c.slots, c.room),
				Totals: totals{Admitted: c.load, Holds: holds{Samples: 25, Sum: 250 * time.Millisecond}}}, status{ID: 1, At: time.Unix(0, 0)})
			r := i.Report()
			if severities(r) != "demand_exceeds_capacity warning" {
				t.Fatalf("found %s", severities(r))
			}
			if f := r.Findings[0]; !containsAll(f.Message, append(c.says, "10ms", "25 samples")) || !containsAll(f.Advice, []string{"estimate", "Poisson", "exponential", "one slot"}) {
				t.Errorf("%v does not contain %q", f, c.says)
			}
		})
	}
	// The report names the number of slots that the formulas give.
	for slots := 1; slots < 100; slots++ {
		load := float64(slots)
		n, _ := erlang.Slots(erlang.C(load), 0.05)
		i := mustSince(t, status{ID: 1, Index: 2, At: time.Unix(1, 0), Capacity: has(slots, 5),
			Totals: totals{Admitted: uint64(slots) * 50, Holds: holds{Samples: 20, Sum: 400 * time.Millisecond}}}, status{ID: 1, At: time.Unix(0, 0)})
		if text := i.Report().String(); !strings.Contains(text, fmt.Sprintf("needs %d slots", n)) {
			t.Errorf("load %v: the report does not name %d slots: %s", load, n, text)
		}
	}
}

func TestLargeWaitingRoomNamesThePlacesForEachSlot(t *testing.T) {
	r := status{Capacity: has(6, 125)}.Report()
	if want := "125 places for 6 slots: 20 for each slot."; len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Message, want) {
		t.Errorf("%v does not contain %q", r, want)
	}
}

func TestBulkheadReportTakesAStatusAndChangesNothing(t *testing.T) {
	b := mustNew(t, 2)
	fill(t, b)
	before := b.Status()
	r := b.Report()
	if severities(r) != "execution_full warning" || r.Status.ID != before.ID || r.Status.Index != before.Index+1 || r.Healthy() {
		t.Errorf("%+v", r)
	}
	mustBeAsBefore(t, b, func() bulk.Status { s := before; s.Index++; return s }())
}

func TestSeveritiesAreOrderedAndHaveTexts(t *testing.T) {
	mustHaveTexts(t, map[bulk.Severity]string{bulk.SeverityOK: "ok", bulk.SeverityNotice: "notice", bulk.SeverityWarning: "warning", bulk.SeverityCritical: "critical"},
		(*bulk.Severity).UnmarshalText)
	if !(bulk.SeverityOK < bulk.SeverityNotice && bulk.SeverityNotice < bulk.SeverityWarning && bulk.SeverityWarning < bulk.SeverityCritical) {
		t.Error("the severities are not ordered")
	}
	var zero bulk.Report
	if zero.Severity() != bulk.SeverityOK || !zero.Healthy() {
		t.Errorf("the zero report: %v", zero)
	}
}

func TestDocumentationOfReportHasTheCodesInOrder(t *testing.T) {
	doc, err := os.ReadFile("report.go")
	if err != nil {
		t.Fatal(err)
	}
	var documented []bulk.Code
	for _, m := range regexp.MustCompile(`(?m)^//\t([a-z_]+)  +(?:notice|warning|critical)`).FindAllSubmatch(doc, -1) {
		documented = append(documented, bulk.Code(m[1]))
	}
	if diff := cmp.Diff(codes, documented); diff != "" {
		t.Errorf("(-code +documentation):\n%s", diff)
	}
}
