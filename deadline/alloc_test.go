package deadline_test

import (
	"context"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/deadline"
)

// The results are stored here, so that the compiler cannot omit the calls.
var (
	keptLimit    deadline.Limit
	keptDuration time.Duration
	keptTime     time.Time
)

// No t.Parallel: testing.AllocsPerRun counts the allocations of the whole process.
func TestLimitsAllocateNothing(t *testing.T) {
	now := time.Now()
	local := now.In(tokyo)
	limits := []deadline.Limit{deadline.NoWait(), deadline.Within(time.Second), deadline.Before(now), deadline.Reserve(time.Second)}
	limit := deadline.Tightest(limits...)
	for _, c := range []struct {
		why string
		f   func()
	}{
		{"NoWait", func() { keptLimit = deadline.NoWait() }},
		{"Within", func() { keptLimit = deadline.Within(time.Second) }},
		{"Before, of a time with a monotonic clock reading", func() { keptLimit = deadline.Before(now) }},
		{"Before, of a time in another location", func() { keptLimit = deadline.Before(local) }},
		{"Reserve", func() { keptLimit = deadline.Reserve(time.Second) }},
		{"Tightest of no limits, the common case", func() { keptLimit = deadline.Tightest() }},
		{"Tightest of one limit", func() { keptLimit = deadline.Tightest(deadline.Within(time.Second)) }},
		{"Tightest of several limits, which stay on the caller's stack", func() {
			keptLimit = deadline.Tightest(deadline.Within(time.Second), deadline.Before(now), deadline.Reserve(time.Second))
		}},
		{"Tightest of an existing slice, which it only reads", func() { keptLimit = deadline.Tightest(limits...) }},
		{"reading all bounds, as each admission does", func() {
			keptDuration, _ = limit.Within()
			keptTime, _ = limit.Before()
			keptDuration, _ = limit.Reserve()
		}},
	} {
		row(t, c.why, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, c.f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestTimeoutAllocatesNothingButTheContext(t *testing.T) {
	ctx := t.Context()
	fn := func(context.Context) (int, error) { return 0, nil }
	fn1 := func(context.Context, int) (int, error) { return 0, nil }
	limited, limited1 := deadline.Timeout(time.Hour, fn), deadline.Timeout1(time.Hour, fn1)
	want := testing.AllocsPerRun(100, func() {
		ctx, cancel := context.WithTimeoutCause(ctx, time.Hour, nil)
		defer cancel()
		fn(ctx)
	})
	for _, c := range []struct {
		why string
		f   func()
	}{
		{"a call", func() { limited(ctx) }},
		{"a call with an argument", func() { limited1(ctx, 1) }},
	} {
		row(t, c.why, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, c.f); got > want {
				t.Errorf("%v allocations, but %v for the context alone", got, want)
			}
		})
	}
}
