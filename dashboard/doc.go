// Package dashboard serves a page that shows bulkheads: which is slow, what is rejected,
// and what to do.
//
//	func main() {
//		reg := registry.New()
//		payments, err := reg.Create("payments", 10, bulk.WaitingRoom(50), bulk.WaitLimit(250*time.Millisecond))
//		if err != nil {
//			log.Fatal(err)
//		}
//		charge := bulk.GuardDo(payments, callPayments)
//		http.HandleFunc("POST /pay", func(w http.ResponseWriter, r *http.Request) {
//			if err := charge(r.Context()); err != nil {
//				http.Error(w, "payments are not available", http.StatusServiceUnavailable)
//			}
//		})
//		http.Handle("/debug/bulkheads/", dashboard.Handler(reg))
//		log.Fatal(http.ListenAndServe("localhost:8080", nil))
//	}
//
// Open http://localhost:8080/debug/bulkheads/ in a browser, or call it with curl, which
// gets text. The page shows what others should not see, as net/http/pprof does: serve it
// on an internal address, or behind your own authorization.
//
// # What it shows
//
// The findings of [bulk.Report] of the last minute with their advice are first, the worst
// bulkhead before the others. For each bulkhead and each [registry.Keyed] there are the
// slots and the waiting room, arrivals and rejections by reason, the waits and times in
// flight, the oldest wait and operation, the changes of the capacity that were seen, and
// charts of the last five minutes. A change has a reason if it was made with the page or by
// a source of [Adaptive] or [Fleet]; other code does not say why it changes a capacity.
//
// Findings about the present state, such as execution_full, come and go in a busy
// bulkhead that is healthy. The live page shows them as notices until they were found
// three of the last ten times that the bulkhead was judged, and shows each finding for ten
// seconds after it was last found. The text and JSON forms have the findings of package bulk unchanged.
//
// The charts show the highest numbers of slots in use and waiting operations since the
// sample before, as far as the totals tell, so that a burst between two samples is seen. They
// are estimates between the number at the instant of the sample and the highest number
// ever. For example, all slots are shown as used if an operation found too few free ones.
//
// # Forms
//
// The HTML form is complete without JavaScript. It then has a link that lets the page
// reload every five seconds; such a page has no fields, because a reload would clear them.
// Without JavaScript, only the first fifty rows have a small chart.
// With JavaScript the page is live: it gets what has changed once a second, by Server-Sent
// Events. The text form has the text forms of [bulk.Report] and [bulk.Interval], and the
// JSON form the JSON forms of [bulk.Report] and [registry.KeyedStatus], which are stable.
// See [New] for the addresses.
//
// # Cost
//
// Without a viewer nothing runs and nothing is read. Each request for the page takes a
// status of each bulkhead. While at least one live page is open, one goroutine does so
// once a second, for all of them. It ends with the last page. A live page disconnects while
// its tab cannot be seen.
//
// A thousand bulkheads under load, a hundred of them in trouble, and ten live pages took
// about 1.2 % of one core of a virtual machine; with all of them in trouble, 1.5 to 2.4 %.
// If more than a hundred bulkheads are in
// trouble, each is judged every three seconds; one without trouble is judged every five.
//
// What was read is kept for five minutes after the last request. That is about 10 kB for
// each bulkhead, and up to 60 kB more if operations had to wait, for the histograms of the
// last minute. Without a history, figures and findings are over the whole life of a
// bulkhead. At most 100 live pages can be open. One that does not read for ten seconds, or
// is more than three samples behind, is disconnected; it connects again by itself.
//
// A live page is a request that does not end. When the [http.Server] is shut down, the
// live pages are disconnected, so that its Shutdown does not wait for them. Each middleware
// in front of the page needs a ResponseWriter with Flush or with Unwrap: see
// [http.ResponseController]. Without it the page is not live, and says so.
//
// # Security
//
// Nothing can be changed without [AllowChanges]. The page has no inline script, loads
// nothing from elsewhere and cannot be framed; its Content-Security-Policy says so.
// Labels are escaped, and truncated after 100 bytes. Keys are shown only with [ShowKeys].
package dashboard
