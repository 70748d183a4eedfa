package deadline_test

import (
	"context"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/deadline"
)

// Keep this in sync with the package documentation.
func Example() {
	ours := deadline.Within(250 * time.Millisecond)   // wait at most 250ms,
	theirs := deadline.Reserve(50 * time.Millisecond) // and keep 50ms for the work
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

// acquire takes a slot from a channel. It waits as long as ctx and limits allow.
func acquire(ctx context.Context, slots chan struct{}, limits ...deadline.Limit) bool {
	limit := deadline.Tightest(limits...)
	wait, bounded := limit.Within()
	tighten := func(left time.Duration) {
		if !bounded || left < wait {
			wait, bounded = left, true
		}
	}
	if t, ok := limit.Before(); ok {
		left := time.Until(t)
		if left <= 0 {
			return false // rejected, even if a slot is free
		}
		tighten(left)
	}
	if d, ok := limit.Reserve(); ok {
		if end, ok := ctx.Deadline(); ok {
			left := time.Until(end) - d
			if left < 0 {
				return false // rejected, even if a slot is free
			}
			tighten(left)
		}
	}

	select {
	case slots <- struct{}{}:
		return true
	default:
	}
	var expired <-chan time.Time // nil without a bound: it never fires
	if bounded {
		expired = time.After(wait)
	}
	select {
	case slots <- struct{}{}:
		return true
	case <-expired:
	case <-ctx.Done():
	}
	return false
}

// Code other than package bulk can accept limits too. Here the slots are a
// channel.
func ExampleLimit() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	slots := make(chan struct{}, 1)

	fmt.Println(acquire(ctx, slots, deadline.Reserve(time.Hour)))       // a minute remains
	fmt.Println(acquire(ctx, slots, deadline.Before(time.Unix(0, 0))))  // long past
	fmt.Println(acquire(ctx, slots, deadline.Reserve(time.Second)))     // the slot is free
	fmt.Println(acquire(ctx, slots, deadline.NoWait()))                 // the slot is in use
	fmt.Println(acquire(ctx, slots, deadline.Within(time.Millisecond))) // and stays so
	// Output:
	// false
	// false
	// true
	// false
	// false
}

// Before is an instant: its location does not matter.
func ExampleBefore() {
	closing := time.Date(2026, 1, 2, 18, 0, 0, 0, time.FixedZone("CET", 60*60))
	fmt.Println(deadline.Before(closing))
	fmt.Println(deadline.Before(closing) == deadline.Before(closing.UTC()))
	// Output:
	// before 2026-01-02T17:00:00Z
	// true
}

// A call can tighten the limits that a service sets for all calls, but cannot
// loosen them.
func ExampleTightest() {
	service := deadline.Tightest(deadline.Within(time.Second), deadline.Reserve(50*time.Millisecond))
	fmt.Println(deadline.Tightest(service, deadline.Within(100*time.Millisecond)))
	fmt.Println(deadline.Tightest(service, deadline.Within(time.Hour)))
	fmt.Println(deadline.Tightest(service, deadline.NoWait()).String())
	fmt.Println(deadline.Tightest())
	// Output:
	// within 100ms, reserve 50ms
	// within 1s, reserve 50ms
	// no wait, reserve 50ms
	// no limit
}

// The cause of the ctx contains the timeout.
func ExampleTimeout() {
	slow := deadline.Timeout(time.Millisecond, func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "gave up", context.Cause(ctx)
	})
	fmt.Println(slow(context.Background()))
	// Output:
	// gave up deadline: timeout of 1ms: context deadline exceeded
}

// Timeout1 wraps a function that takes an argument.
func ExampleTimeout1() {
	greet := deadline.Timeout1(time.Second, func(ctx context.Context, name string) (string, error) {
		return "hello " + name, ctx.Err()
	})
	fmt.Println(greet(context.Background(), "gopher"))
	// Output:
	// hello gopher <nil>
}
