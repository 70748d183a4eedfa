package deadline_test

import (
	"context"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/deadline"
)

// Keep this in sync with the package documentation.
func Example() {
	ours := deadline.Within(250 * time.Millisecond)   // wait no longer than this,
	theirs := deadline.Reserve(50 * time.Millisecond) // and leave time to work
	limit := deadline.Tightest(ours, theirs)
	fmt.Println(limit)

	fetch := deadline.Timeout(time.Second, func(ctx context.Context) (string, error) {
		return "fetched", ctx.Err()
	})
	fmt.Println(fetch(context.Background()))
	// Output:
	// within 250ms, reserve 50ms
	// fetched <nil>
}

// take admits to a channel of slots, heeding the longest wait of the limits.
func take(slots chan struct{}, limits ...deadline.Limit) bool {
	var late <-chan time.Time // nil, which never fires, without a bound
	if d, ok := deadline.Tightest(limits...).Within(); ok {
		late = time.After(d)
	}
	select {
	case slots <- struct{}{}:
		return true
	default: // no slot at once; look at the clock only now
	}
	select {
	case slots <- struct{}{}:
		return true
	case <-late:
		return false
	}
}

// A Limit serves those who build an admission of their own: here the slots are
// a channel.
func ExampleLimit() {
	slots := make(chan struct{}, 1)
	fmt.Println(take(slots))
	fmt.Println(take(slots, deadline.NoWait()))
	fmt.Println(take(slots, deadline.Within(time.Second), deadline.Within(time.Millisecond)))
	// Output:
	// true
	// false
	// false
}

func ExampleNoWait() {
	fmt.Println(deadline.NoWait())
	fmt.Println(deadline.NoWait() == deadline.Within(0))
	// Output:
	// no wait
	// true
}

func ExampleWithin() {
	fmt.Println(deadline.Within(250 * time.Millisecond))
	fmt.Println(deadline.Within(-1))
	// Output:
	// within 250ms
	// no wait
}

func ExampleBefore() {
	closing := time.Date(2026, 1, 2, 18, 0, 0, 0, time.FixedZone("CET", 60*60))
	fmt.Println(deadline.Before(closing))
	fmt.Println(deadline.Before(closing) == deadline.Before(closing.UTC()))
	// Output:
	// before 2026-01-02T17:00:00Z
	// true
}

// A request that has less than 50ms left when its turn comes would only waste
// a slot.
func ExampleReserve() {
	fmt.Println(deadline.Reserve(50 * time.Millisecond))
	fmt.Println(deadline.Reserve(0))
	// Output:
	// reserve 50ms
	// no limit
}

func ExampleTightest() {
	house := deadline.Tightest(deadline.Within(time.Second), deadline.Reserve(50*time.Millisecond))
	fmt.Println(deadline.Tightest(house, deadline.Within(100*time.Millisecond)))
	fmt.Println(deadline.Tightest(house, deadline.Within(time.Hour)))
	fmt.Println(deadline.Tightest())
	// Output:
	// within 100ms, reserve 50ms
	// within 1s, reserve 50ms
	// no limit
}

func ExampleLimit_Within() {
	fmt.Println(deadline.Within(time.Second).Within())
	fmt.Println(deadline.NoWait().Within())
	fmt.Println(deadline.Limit{}.Within())
	// Output:
	// 1s true
	// 0s true
	// 0s false
}

func ExampleLimit_Before() {
	limit := deadline.Before(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	if t, ok := limit.Before(); ok {
		fmt.Println(t.Format(time.DateTime))
	}
	// Output:
	// 2026-01-02 03:04:05
}

func ExampleLimit_Reserve() {
	fmt.Println(deadline.Reserve(50 * time.Millisecond).Reserve())
	fmt.Println(deadline.Within(time.Second).Reserve())
	// Output:
	// 50ms true
	// 0s false
}

func ExampleLimit_String() {
	limit := deadline.Tightest(
		deadline.Before(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
		deadline.Reserve(50*time.Millisecond),
	)
	fmt.Println(limit.String())
	// Output:
	// before 2026-01-02T03:04:05Z, reserve 50ms
}

func ExampleTimeout() {
	slow := deadline.Timeout(time.Millisecond, func(ctx context.Context) (string, error) {
		<-ctx.Done() // as all that waits should
		return "gave up", context.Cause(ctx)
	})
	fmt.Println(slow(context.Background()))
	// Output:
	// gave up deadline: timeout of 1ms: context deadline exceeded
}

func ExampleTimeout1() {
	greet := deadline.Timeout1(time.Second, func(ctx context.Context, name string) (string, error) {
		return "hello " + name, ctx.Err()
	})
	fmt.Println(greet(context.Background(), "gopher"))
	// Output:
	// hello gopher <nil>
}
