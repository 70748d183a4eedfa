package browsertest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

// In each update all 200 rows and eight cards change. What is bounded is the processor
// time of the page's thread for each of them, which hardly depends on what else the machine
// does, and that most updates have no task that blocks the page for long.
func TestPageOf200BulkheadsStaysSmooth(t *testing.T) {
	reg := registry.New()
	var all []*bulk.Bulkhead
	for i := range 200 {
		b, err := reg.Create(fmt.Sprintf("dependency-%03d", i), 2, bulk.WaitingRoom(2))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			for i, b := range all {
				for range 1 + (n+i)%3 {
					_ = bulk.Do(ctx, b, func(context.Context) error { return nil })
				}
				if i < 20 && n%4 == 0 {
					if slots, ok := b.TryAcquireN(2); ok {
						_, _ = b.TryAcquire() // is rejected
						slots.Release()
					}
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	defer load.Wait()
	defer cancel()
	tab := newTab(t, 1440, false)
	_, err := chromedp.Call(tab.ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	tab.must(err)
	tab.openLive(serve(t, dashboard.Handler(reg)).at(""))
	tab.wait(`document.querySelectorAll("#rows > tr").length === 200 && document.querySelectorAll("#cards article").length === 8`)
	eval[any](tab, `window.updates = 0; window.long = [];
		new MutationObserver(() => window.updates++).observe(document.querySelector("#at"), { childList: true });
		new PerformanceObserver((list) => { for (const e of list.getEntries()) window.long.push(e.duration) }).observe({ type: "longtask" })`)
	eval[any](tab, `document.querySelector("#rows > tr:last-child").scrollIntoView()`)
	tab.wait(`document.querySelector("#rows > tr:last-child path").getAttribute("d") !== ""`) // its chart is not in the page
	eval[any](tab, `scrollTo(0, 0), window.updates = 0`)
	before := taskSeconds(tab)
	tab.wait(`window.updates >= 6`)
	updates := eval[float64](tab, `window.updates`)
	each := (taskSeconds(tab) - before) / updates
	long := eval[[]float64](tab, `window.long.filter((d) => d > 200)`)
	t.Logf("%.0f updates, %.1f ms of processor time each, long tasks %.0f ms", updates, each*1e3, long)
	if each <= 0 || each > 0.2 {
		t.Errorf("an update takes %.0f ms of processor time", each*1e3)
	}
	if float64(len(long)) > updates/2 {
		t.Errorf("%v updates, tasks of more than 200 ms: %.0f", updates, long)
	}
}

// taskSeconds returns the processor time of the page's thread so far.
func taskSeconds(b *tab) float64 {
	got, err := chromedp.Call(b.ctx, performance.GetMetrics, cdp.Empty{})
	b.must(err)
	for _, m := range got.Metrics {
		if m.Name == "TaskDuration" {
			return m.Value
		}
	}
	b.Fatal("no TaskDuration")
	return 0
}
