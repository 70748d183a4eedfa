package deadline_test

import (
	"context"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/deadline"
)

// Where the results go, so that the compiler can't leave the calls out.
var (
	keptLimit    deadline.Limit
	keptDuration time.Duration
	keptTime     time.Time
)

// No t.Parallel here: testing.AllocsPerRun counts for the whole process.
func TestLimitsAllocateNothing(t *testing.T) {
	now := time.Now()
	local := now.In(tokyo)
	limits := []deadline.Limit{deadline.NoWait(), deadline.Within(time.Second), deadline.Before(now), deadline.Reserve(time.Second)}
	limit := deadline.Tightest(limits...)
	for _, c := range []struct {
		why string
		f   func()
	}{
		{"Now is made for each try", func() { keptLimit = deadline.NoWait() }},
		{"Within is made for each call", func() { keptLimit = deadline.Within(time.Second) }},
		{"Before with a monotonic reading is made for each call", func() { keptLimit = deadline.Before(now) }},
		{"Before in another location is made for each call", func() { keptLimit = deadline.Before(local) }},
		{"Reserve is made for each call", func() { keptLimit = deadline.Reserve(time.Second) }},
		{"most calls have no limits", func() { keptLimit = deadline.Tightest() }},
		{"many calls have one limit", func() { keptLimit = deadline.Tightest(deadline.Within(time.Second)) }},
		{"several limits stay on the caller's stack", func() {
			keptLimit = deadline.Tightest(deadline.Within(time.Second), deadline.Before(now), deadline.Reserve(time.Second))
		}},
		{"a slice that is there already is only read", func() { keptLimit = deadline.Tightest(limits...) }},
		{"an admission reads all bounds", func() {
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

func TestTimeoutAllocatesOnlyTheContext(t *testing.T) {
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
				t.Errorf("%v allocations, the context alone makes %v", got, want)
			}
		})
	}
}
