package result

// Map returns a success with the value f(v) if r is a success with the value v.
// If r is a failure, Map does not call f, and returns a failure with the same
// error and the zero value of U.
//
// If r is a success and f is nil, Map panics. A panic in f propagates.
func Map[T, U any](r Result[T], f func(T) U) Result[U] {
	if r.err != nil {
		return Result[U]{err: r.err}
	}
	return Ok(f(r.value))
}

// Then returns Of(f(v)) if r is a success with the value v. If r is a failure,
// Then does not call f, and returns a failure with the same error and the zero
// value of U.
//
// If r is a success and f is nil, Then panics. A panic in f propagates.
func Then[T, U any](r Result[T], f func(T) (U, error)) Result[U] {
	if r.err != nil {
		return Result[U]{err: r.err}
	}
	return Of(f(r.value))
}
