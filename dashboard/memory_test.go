package dashboard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// What is kept of a bulkhead that is always in trouble and often resized is complete after
// five minutes.
func TestMemoryLevelsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		var all []*bulk.Bulkhead
		for i := range 30 {
			b, err := reg.Create(fmt.Sprintf("bulkhead-%d", i), 1, bulk.WaitingRoom(1))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b)
		}
		h := Handler(reg).(*dashboard)
		random := rand.New(rand.NewPCG(1, 2))
		minute := func() uint64 {
			for second := range 60 {
				for i, b := range all {
					hold := time.Duration(random.Int64N(int64(300 * time.Millisecond)))
					for range 3 { // one is admitted, one waits, one is rejected
						go bulk.Do(context.Background(), b, func(context.Context) error { time.Sleep(hold); return nil })
					}
					if (second+i)%20 == 0 {
						_ = b.Resize(1 + second%2)
					}
				}
				pass(time.Second)
				h.sampler.sample()
			}
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		var heaps []uint64
		for range 14 {
			heaps = append(heaps, minute()/1000)
		}
		t.Logf("kB after each minute: %d", heaps)
		if before, after := heaps[6], heaps[13]; after > before+before/10 {
			t.Errorf("%d kB after 7 minutes, %d kB after 14", before, after)
		}
		pass(historySeconds*time.Second + time.Second) // the history is forgotten
	})
}
