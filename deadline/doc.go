// Package deadline says how long a call may wait to be admitted, and how long
// a function may take.
//
// A [Limit] bounds the wait before an operation starts. It never cancels an
// operation that has started. [Timeout] bounds the function itself, through
// its ctx.
//
//	ours := deadline.Within(250 * time.Millisecond)   // wait no longer than this,
//	theirs := deadline.Reserve(50 * time.Millisecond) // and leave time to work
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
// There are three kinds of bounds, and a Limit can have one of each:
//
//	NoWait(), Within(d)   a longest wait, counted from arrival
//	Before(t)          a last instant by the wall clock
//	Reserve(d)         a life that ctx must still have when the work starts
//
// [Tightest] puts limits together. Limits only ever tighten: no limit can
// loosen another one, so they can be given in any order, by anybody.
//
// # Timeouts
//
// What a timeout includes depends on what is wrapped in what. With bulk.Guard
// as the admission:
//
//	bulk.Guard(b, deadline.Timeout(d, fn))   the clock starts at admission
//	deadline.Timeout(d, bulk.Guard(b, fn))   the clock counts the wait too
//
// # What this package is not for
//
// It admits nothing and waits for nothing: that is for package bulk, or for
// your own code, through the methods of Limit. It does not stop a function
// that ignores its ctx; nothing in Go can. And it has no clock to replace:
// it uses package time, so tests with time belong in testing/synctest.
package deadline
