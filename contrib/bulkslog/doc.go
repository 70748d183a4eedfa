// Package bulkslog logs the events of bulkheads with log/slog. It survives overload: of
// the events of one kind and label it logs the first few in each interval, and counts
// the others.
//
//	events := bulkslog.New(slog.Default())
//	defer events.Flush()
//	payments := bulk.Must(bulk.New("payments", 10, bulk.OnEvent(events.Log)))
//
// A record of an event has the attributes of the event in the group "bulkhead":
//
//	level=WARN msg="bulkhead saturated" bulkhead.label=payments bulkhead.kind=saturated bulkhead.in_use=10 …
//
// When an interval ends, one more record for each kind and label says how many events
// were not logged:
//
//	level=WARN msg="bulkhead events left out" bulkhead.label=payments bulkhead.kind=saturated left_out=18402 interval_ns=10000000000
//
// Each event of a level that the logger has enabled is either logged, or counted in the
// attribute left_out of exactly one record. If the level is disabled when the interval
// ends, because it was raised meanwhile, the count is kept. It is written at the end of
// the first interval, or by the first [Logger.Flush], at which the level is enabled again,
// without interval_ns, because more than one interval can have passed.
//
// # Cost
//
// A record is written on the goroutine that made the transition, so a slow log delays
// that operation, but no other one. An event that is left out takes one lock, about
// 0.4 µs, and allocates nothing. One whose level is disabled, such as an admission by
// default, takes no lock, and about 0.1 µs. BenchmarkLog measures both.
//
// A [Logger] starts no goroutine and no timer. An interval ends with the first event of
// any kind after it, also one that is not logged, or with [Logger.Flush].
package bulkslog
