package sizing

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"pgregory.net/rapid"
)

// The shadow learns holds when operations end, the replay knows them from the beginning.
func TestReplayOfTheRecordEqualsTheShadow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		real := drawCapacity(t, 1)
		if rapid.Bool().Draw(t, "unlimited") {
			real = bulk.Capacity{Parallelism: bulk.Unlimited}
		}
		c := drawCapacity(t, 0)
		calls := drawCalls(t, true)
		after := drawMs(t, "after", 0, 200)
		closes := rapid.Bool().Draw(t, "closes")
		rapid.SyncTest(t, func(t *rapid.T) {
			b := newWith(t, real)
			s, err := NewShadow(b, c)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			r, err := NewRecorder(b, 100)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if closes {
				defer time.AfterFunc(ms(20)+ms(1)/2, func() { _ = b.Close() }).Stop()
			}
			run(b, calls)
			time.Sleep(after + ms(1)/4) // nothing else happens at that instant
			synctest.Wait()
			want, trace := s.Status(), r.Trace()
			got, err := trace.Replay(c)
			if err != nil {
				t.Fatal(err)
			}
			if s.Accuracy().Drawn > 0 {
				t.Skip("the replay draws from all holds")
			}
			if diff := difference(want, got); diff != "" {
				t.Fatalf("(-shadow +replay):\n%s", diff)
			}
			if own, err := trace.Replay(real); err != nil || real.Parallelism == bulk.Unlimited && difference(b.Status(), own) != "" {
				t.Fatalf("of the same capacity: %v %s", err, difference(b.Status(), own))
			}
		})
	})
}
