package result

// Result holds the value and the error that a function returned, as one value.
// It can be sent through a channel, stored in a slice or yielded by an iterator.
//
// A Result with a non-nil error is a failure; any other Result is a success. A
// failure may also hold a value (see [Of]), because some functions return both.
//
// The zero Result is a success with the zero value of T, and equals
// Ok(zero value). A Result can be copied, and used by several goroutines
// concurrently if its value can. A method call costs as much as copying the
// value, and allocates nothing.
type Result[T any] struct {
	value T
	err   error
}

// Ok returns a success with the value v.
func Ok[T any](v T) Result[T] {
	return Result[T]{value: v}
}

// Err returns a failure with the error err and the zero value of T. It panics
// if err is nil, because the result would be a success. Use [Of] for an error
// that may be nil.
func Err[T any](err error) Result[T] {
	if err == nil {
		panic("result: Err: nil error (use Of if the error may be nil)")
	}
	return Result[T]{err: err}
}

// Of returns the Result of a call, as in result.Of(f()). It keeps v and err
// unchanged. The Result is a failure if err is not nil.
func Of[T any](v T, err error) Result[T] {
	return Result[T]{value: v, err: err}
}

// Get returns the value and the error unchanged, as they were passed to [Ok],
// [Err] or [Of]. The value of a failure is usually the zero value.
func (r Result[T]) Get() (T, error) {
	return r.value, r.err
}

// Err returns the error of a failure, and nil for a success.
func (r Result[T]) Err() error {
	return r.err
}

// Or returns the value of a success, and fallback for a failure, even if the
// failure holds a value.
func (r Result[T]) Or(fallback T) T {
	if r.err != nil {
		return fallback
	}
	return r.value
}
