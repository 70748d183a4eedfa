package main

import (
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// The policy: at most four attempts, with a growing pause between them. Each
// library adds chance to the pauses, so that callers that failed together do not
// come back together.
const (
	attempts   = 4
	firstPause = 20 * time.Millisecond
	maxPause   = time.Second
)

// errTemporary is what the operation itself says about a failure that may pass.
// Use what your client has for it: a status code, a type, a method. Beware of
// asking any error in the chain for Temporary() bool: context.DeadlineExceeded
// has that method, and says yes.
var errTemporary = errors.New("temporary")

// worthRetrying says which errors of a call that b guards are worth another attempt.
//
//	saturated, expired    yes: the load may pass (bulk.ErrOverload)
//	closed                no: the program shuts down
//	oversized             no: it will never fit
//	canceled              no: nobody waits for the answer any more
//	the operation's own   as the operation says
//
// bulk.NotStarted decides whether b rejected the call. errors.Is is not enough: an
// operation that ran can fail with the rejection of another bulkhead that it uses,
// which matches bulk.ErrNotStarted and bulk.ErrOverload as well, and a part of
// its work may have been done. Another attempt would do that part twice.
//
// The order matters: a canceled call also matches the cause of its ctx, and that
// can look like a failure that may pass.
func worthRetrying(err error, b *bulk.Bulkhead) bool {
	if bulk.NotStarted(err, b) {
		return errors.Is(err, bulk.ErrOverload)
	}
	return errors.Is(err, errTemporary)
}
