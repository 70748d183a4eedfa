package main

import (
	"errors"

	"github.com/bulklink/bulklink-go/bulk"
)

// errTemporary is what the operation itself says about a failure that may pass.
// Use what your client has for it: a status code, a type, a method. Beware of
// asking any error in the chain for Temporary() bool: context.DeadlineExceeded
// has that method, and says yes.
var errTemporary = errors.New("temporary")

// worthRetrying says which errors of a guarded call another attempt may mend.
//
//	saturated, expired    yes: the load may pass (bulk.ErrOverload)
//	closed                no: the program shuts down
//	oversized             no: it will never fit
//	canceled             no: nobody waits for the answer any more
//	the operation's own   as the operation says
//
// It comes first who turned away and then what the operation said: a canceled
// admission also matches whatever its ctx was canceled with, and that is no
// reason to try again.
func worthRetrying(err error) bool {
	if errors.Is(err, bulk.ErrNotStarted) {
		return errors.Is(err, bulk.ErrOverload)
	}
	return errors.Is(err, errTemporary)
}
