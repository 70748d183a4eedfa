package result

// Result holds what a function returned: a value, or an error, as one value to
// send through a channel, keep in a slice or yield from an iterator.
//
// A Result with an error is a failure; any other one is a success. The error
// alone decides. A failure can hold a value too (see [Of]), because functions
// may return both, as a read that ends early does.
//
// The zero Result is a success with the zero value of T: it equals Ok of that.
// A Result may be copied, and used by any number of goroutines at once; it is
// as safe to share as its value is. All methods cost no more than copying the
// value, and allocate nothing.
type Result[T any] struct {
	value T
	err   error
}

// Ok returns a success with the value v.
func Ok[T any](v T) Result[T] {
	return Result[T]{value: v}
}

// Err returns a failure with the error err and the zero value of T. It panics
// if err is nil: a failure without an error would pass for a success. For an
// error that may be nil there is [Of].
func Err[T any](err error) Result[T] {
	if err == nil {
		panic("result: Err: nil error")
	}
	return Result[T]{err: err}
}

// Of returns the Result of a call, result.Of(f()). It keeps both v and err, as
// they are. The Result is a failure if err is not nil.
func Of[T any](v T, err error) Result[T] {
	return Result[T]{value: v, err: err}
}

// Get returns the value and the error, just as they were given to [Ok], [Err]
// or [Of]. For a failure the value is the one that came with the error, most
// often the zero value.
func (r Result[T]) Get() (T, error) {
	return r.value, r.err
}

// Err returns the error of a failure, and nil for a success.
func (r Result[T]) Err() error {
	return r.err
}

// Or returns the value of a success, and fallback for a failure, also for one
// that holds a value.
func (r Result[T]) Or(fallback T) T {
	if r.err != nil {
		return fallback
	}
	return r.value
}
