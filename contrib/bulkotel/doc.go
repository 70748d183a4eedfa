// Package bulkotel exports metrics of bulkheads with OpenTelemetry:
//
//	meter := otel.Meter(bulkotel.ScopeName)
//	waits, err := bulkotel.Waits(meter)
//	…
//	bulkheads := registry.New(bulk.OnEvent(waits))
//	registration, err := bulkotel.Register(meter, bulkotel.Registry(bulkheads))
//
// It needs only the metric API: the program chooses the SDK and the exporter. [Register]
// observes the statuses of bulkheads and others at each collection. [Waits] records each wait in a
// histogram, because the API has no observable histogram. The metrics are listed in
// docs/metrics.md of the repository.
//
// # Attributes
//
// Each series of Register has the attribute bulkhead.name, which is the label of the
// bulkhead. In it and in other attributes that are texts, bytes that are not valid UTF-8
// are replaced by U+FFFD, because an exporter drops the whole batch otherwise.
//
// Each series of Register also has an ID, which no other source of its kind has in the
// process:
//
//	source              ID                         more attributes
//	bulkhead, Keyed     bulkhead.id
//	shadow              bulkhead.shadow.id         bulkhead.shadow.name
//	adaptive limiter    bulkhead.limiter.id
//	member of a fleet   bulkhead.fleet.member.id   bulkhead.fleet.member.name, bulkhead.fleet.budget
//
// The ID tells two sources with the same label apart, which exist concurrently or one
// after another. Without it they would share a series, and the counters would fall to 0
// when one is removed and created again. A reader with delta temporality would
// then get a negative value from a counter. Sum over the ID to get the values of a label.
//
// The histogram of Waits has bulkhead.name alone: bulkheads with the same label share a
// series. Nothing ever removes a series of it.
//
// # The limit of the SDK
//
// The SDK of Go keeps at most 1,999 series of an instrument apart by default. It adds up
// all others in one series with the attribute otel.metric.overflow, whose counters
// decrease when a bulkhead is removed. The default is enough for 222 bulkheads, or 199
// Keyeds, and also for 222 shadows, 124 adaptive limiters and 333 members of fleets, which
// have other instruments: bulkhead.operation.rejected has 9 series for each bulkhead and 10
// for each Keyed, bulkhead.shadow.operation.rejected has 9 for each shadow,
// bulkhead.limiter.decision.last has 16 for each limiter, and bulkhead.fleet.status has 6
// for each member. If a process can have more, set the limit to 17 times the largest of
// these numbers: bulkheads and Keyeds together, shadows, limiters, members. With
// go.opentelemetry.io/otel/sdk/metric as sdk:
//
//	most := max(300, 600, 0, 0) // bulkheads and Keyeds together, shadows, limiters, members
//	provider := sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithCardinalityLimit(17*most))
//
// 0 is no limit. The histogram of Waits has one series for each label that the process
// has ever used.
//
// # Keyeds
//
// A registry is observed with its Keyeds. A Keyed is one series, however many keys it
// has, and no key ever appears. It has the metrics of a bulkhead: counts are over all its
// keys, and ages those of the key with the longest. It has no slots, places, limits and
// peaks, which make sense only for each key. It also has metrics about its keys and
// about the capacity that they share.
//
// # Shadows, limiters and members
//
// [Shadow], [Limiter] and [Member] observe what the packages sizing, adaptive and fleet
// have. [Shadows], [Limiters] and [Members] do so for those that exist at the time of a
// collection. Their instruments are bulkhead.shadow.*, bulkhead.limiter.* and
// bulkhead.fleet.*. A shadow has the instruments of a bulkhead, but not the histogram of
// Waits and no oldest hold.
package bulkotel
