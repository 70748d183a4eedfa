// Package bulkprom exports metrics of bulkheads to Prometheus, with client_golang:
//
//	bulkheads := registry.New()
//	prometheus.MustRegister(bulkprom.New(bulkprom.Registry(bulkheads)))
//	http.Handle("/metrics", promhttp.Handler())
//
// A registry is collected with its bulkheads and its Keyeds. [Bulkhead], [Keyed],
// [Statuses] and [KeyedStatuses] name what is in no registry. [Shadow], [Limiter] and
// [Member] name what the packages sizing, adaptive and fleet have. One [Collector] can have
// any number of them. A second Collector has the same metrics, so a Prometheus
// registry accepts it only with other labels:
//
//	prometheus.WrapRegistererWith(prometheus.Labels{"pool": "batch"}, prometheus.DefaultRegisterer).
//		MustRegister(bulkprom.New(bulkprom.Registry(batch)))
//
// The metrics are listed in docs/metrics.md of the repository. The folders rules and
// dashboard have alert rules for Prometheus and a dashboard for Grafana. Most alerts are
// findings of [bulk.Report].
//
// # Labels
//
// Each series has the label "bulkhead", which is the label of the bulkhead. A series of a
// shadow also has the label "shadow", and one of a member of a fleet the label "budget".
// No value of these labels makes a scrape fail:
//
//   - A label that is valid UTF-8 is unchanged. In another label, each invalid byte
//     becomes U+FFFD and two hexadecimal digits. A U+FFFD in a label is doubled, so
//     that no two labels become equal.
//   - Of several bulkheads and Keyeds with the same label, a Keyed keeps it before a
//     bulkhead, and of each kind the one that was created first. The others get the
//     label followed by U+FFFD, # and their ID. The same holds for the limiters, for the
//     members, and for the names of the shadows of bulkheads with the same label.
//
// # Keyeds
//
// A Keyed is one series, however many keys it has, and no key ever appears. It has the
// metrics of a bulkhead: counts are over all its keys, and ages those of the key with
// the longest. It has no slots, places, limits and peaks, which make sense only for each
// key. It also has metrics about its keys and about the capacity that they share.
//
// # Shadows, limiters and members
//
// Their metrics are bulkhead_shadow_*, bulkhead_limiter_* and bulkhead_fleet_*. A shadow
// has the metrics of a bulkhead, but no oldest hold. [Shadows], [Limiters] and [Members]
// collect those that exist at the time of a scrape.
//
// # Waits
//
// By default the waits are a classic histogram. With [NativeHistogram] they are a native
// histogram too.
//
// # Cost
//
// A scrape takes one status of each bulkhead: one lock each, and a copy of its histogram
// (4 kB). It takes one status of each shadow, limiter and member too. Between scrapes
// the collector costs them nothing.
package bulkprom
