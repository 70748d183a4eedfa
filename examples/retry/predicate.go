package main

import (
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// The policy: at most four attempts, with a growing pause between them. Each library
// randomizes the pauses, so that callers that failed together do not retry together.
const (
	attempts   = 4
	firstPause = 20 * time.Millisecond
	maxPause   = time.Second
)

// errTemporary marks a failure of the operation that may pass. In your program, use
// the status code, type or method that your client has for it. Do not check errors
// for a method Temporary() bool: context.DeadlineExceeded has it and returns true.
var errTemporary = errors.New("temporary")

// worthRetrying reports whether err, the error of a call guarded by b, is worth another
// attempt.
//
//	saturated, expired    yes: the load may pass (bulk.ErrOverload)
//	closed                no: the program shuts down
//	oversized             no: it will never fit
//	canceled              no: the caller has left
//	error of fn           if it is marked with errTemporary
//
// bulk.NotStarted decides whether b rejected the call. errors.Is is not enough: an
// operation that ran can return the rejection of another bulkhead that it uses, which
// also matches bulk.ErrNotStarted and bulk.ErrOverload. Part of its work may be done,
// and another attempt would do that part twice.
//
// The order of the checks matters: a canceled call also matches the cause of its ctx,
// which can be marked as temporary.
func worthRetrying(err error, b *bulk.Bulkhead) bool {
	if bulk.NotStarted(err, b) {
		return errors.Is(err, bulk.ErrOverload)
	}
	return errors.Is(err, errTemporary)
}
