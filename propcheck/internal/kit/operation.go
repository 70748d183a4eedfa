package kit

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// Exit is a way in which the function of an operation ends.
type Exit string

// The ways.
const (
	Returns Exit = "fn returns"          // without an error
	Fails   Exit = "fn returns an error" // any error
	Panics  Exit = "fn panics"           // with an error
	Exits   Exit = "the goroutine ends"  // by runtime.Goexit
)

// Ending is what the function of an operation is told: how it ends.
type Ending struct {
	Exit  Exit
	Value int
	Err   error // if it fails or panics
	own   error // the part of Err that is no rejection
}

// DrawEnding chooses how the function of an operation ends. Its error may contain one
// of others that is not nil.
func DrawEnding(d *Dice, id int, others ...error) Ending {
	e := Ending{Exit: Pick(d, Returns, Fails, Returns, Panics, Exits), Value: id}
	if e.Exit == Fails || e.Exit == Panics {
		e.own = fmt.Errorf("failure of #%d", id)
		e.Err = e.own
		if other := Pick(d, others...); other != nil {
			e.Err = fmt.Errorf("%w: %w", e.own, other)
		}
	}
	return e
}

// Operation is one call of a subject, on a goroutine of its own.
type Operation struct {
	ID     int
	Ctx    context.Context
	Limits []deadline.Limit
	End    chan Ending // tells its function to end; closed when the sequence is over
	Moved  func()      // called when its function is called, and when the call is over

	// How far it has come: written on its goroutine, read when it can't move.
	Calls    int             // of its function
	FnCtx    context.Context // given to its function
	Told     Ending
	Slot     bulk.Slot // acquired by it
	Over     bool      // the call has returned, or its goroutine ends
	Returned bool
	Value    int
	Err      error
	Panic    any
}

// Serve makes the call, from its beginning to its end.
func (o *Operation) Serve(call func() (int, error)) {
	defer func() {
		o.Panic, o.Over = recover(), true
		o.Moved()
	}()
	o.Value, o.Err = call()
	o.Returned = true
}

// Body is the function of the operation: it ends as it is told.
func (o *Operation) Body(ctx context.Context) (int, error) {
	o.Calls++
	o.FnCtx = ctx
	o.Moved()
	o.Told = <-o.End
	switch o.Told.Exit {
	case Panics:
		panic(o.Told.Err)
	case Exits:
		runtime.Goexit()
	}
	return o.Told.Value, o.Told.Err
}

// ErrOnly calls do with a function that is Body, but returns only an error.
func (o *Operation) ErrOnly(do func(fn func(context.Context) error) error) (value int, err error) {
	err = do(func(ctx context.Context) (err error) {
		value, err = o.Body(ctx)
		return err
	})
	return value, err
}

// Hold calls Body while the operation has the slot that it acquired, and releases it
// twice, which is releasing it once.
func (o *Operation) Hold(slot bulk.Slot, err error) (int, error) {
	if o.Slot = slot; err != nil {
		return 0, err
	}
	defer slot.Release()
	defer slot.Release()
	return o.Body(o.Ctx)
}

// How returns how the call ended, which is how its function should have ended.
func (o *Operation) How() Exit {
	switch {
	case o.Returned && o.Err == nil:
		return Returns
	case o.Returned:
		return Fails
	case o.Panic != nil:
		return Panics
	}
	return Exits
}

// WrongResult says what is wrong with what came out of a call whose function was
// called: its value, panic or error. The error is the one of the function, perhaps
// wrapped if the call is not exact. If the error of the function contains a rejection
// that is to be hidden (see [bulk.NotStarted]), one with the same text comes out that
// matches all but the sentinels and *AdmissionError.
func (o *Operation) WrongResult(exact, mustHide, mayHide bool) string {
	want := o.Told
	var e *bulk.AdmissionError
	switch {
	case o.Panic != nil && o.Panic != any(want.Err):
		return "another panic"
	case !o.Returned:
		return ""
	case o.Value != want.Value || !errors.Is(o.Err, want.own):
		return "not the same"
	case !exact || o.Err == want.Err && !mustHide:
		return ""
	case !mayHide || o.Err.Error() != want.Err.Error() || errors.As(o.Err, &e):
		return "another error"
	}
	return WrongSentinels(o.Err, 0)
}
