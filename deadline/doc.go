// Package deadline limits how long an operation may wait to be admitted, and
// how long a function may run.
//
// A [Limit] bounds the wait before an operation starts. It never cancels an
// operation that has started. [Timeout] bounds the function itself, through its
// ctx.
//
//	ours := deadline.Within(250 * time.Millisecond)   // wait at most 250ms,
//	theirs := deadline.Reserve(50 * time.Millisecond) // and keep 50ms for the work
//	limit := deadline.Tightest(ours, theirs)
//	fmt.Println(limit)
//
//	fetch := deadline.Timeout(time.Second, func(ctx context.Context) (string, error) {
//		return "fetched", ctx.Err()
//	})
//	fmt.Println(fetch(context.Background()))
//
// # Limits
//
// There are three kinds of bounds. A Limit has at most one bound of each kind:
//
//	NoWait(), Within(d)   the longest wait, counted from arrival
//	Before(t)             the wall-clock instant before which to be admitted
//	Reserve(d)            the time that must remain before ctx's deadline on admission
//
// [Tightest] combines limits. Combining only tightens: no limit can loosen
// another one, so the order of limits does not matter.
//
// # Timeouts
//
// The nesting of a timeout and an admission decides whether the timeout includes
// the wait. With bulk.Guard as the admission:
//
//	bulk.Guard(b, deadline.Timeout(d, fn))   d counts from admission
//	deadline.Timeout(d, bulk.Guard(b, fn))   d counts from the call and includes the wait
//
// # Non-goals
//
// The package admits nothing and waits for nothing. Package bulk does so, and
// other code can do so with the methods of Limit. A timeout does not stop a
// function that ignores its ctx. There is no clock to replace: the package uses
// package time, and tests of time can use testing/synctest.
package deadline
