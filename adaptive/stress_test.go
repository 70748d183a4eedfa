package adaptive_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// Real goroutines, outside of bubbles: operations of all kinds, while others resize the
// bulkhead and replace its limiter.
func TestNothingIsLostUnderStress(t *testing.T) {
	b := bulk.Must(bulk.New("x", 8, bulk.WaitingRoom(20)))
	var mu sync.Mutex
	limiters := []*adaptive.Limiter{mustLimit(t, b, 2, 40)}
	current := func() *adaptive.Limiter {
		mu.Lock()
		defer mu.Unlock()
		return limiters[len(limiters)-1]
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for ctx.Err() == nil {
				l := current()
				switch random.IntN(40) {
				case 0:
					_ = b.Resize(random.IntN(30))
				case 1:
					mu.Lock()
					_ = l.Close()
					if next, err := adaptive.New(b, 2, 40); err == nil {
						limiters = append(limiters, next)
					}
					mu.Unlock()
				case 2:
					_, _ = l.Status(), b.Status()
				default:
					_ = bulk.DoN(ctx, b, 1+random.IntN(2), adaptive.MeasureDo(l, func(context.Context) error {
						time.Sleep(time.Duration(random.IntN(100)) * time.Microsecond)
						return ctx.Err()
					}))
				}
			}
		})
	}
	all.Wait()
	for _, l := range limiters {
		if n := l.Status().InFlight; n != 0 {
			t.Errorf("%d in flight", n)
		}
	}
	if s := b.Status(); s.InFlight != 0 {
		t.Errorf("%v", s)
	}
	if err := hooks.Check(b); err != nil {
		t.Error(err)
	}
}
