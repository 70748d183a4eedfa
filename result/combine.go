package result

// Map returns a success with f of the value of r. If r is a failure, f is not
// called, and the result is a failure with the same error and no value.
//
// A nil f panics when it would be called. A panic in f goes on up.
func Map[T, U any](r Result[T], f func(T) U) Result[U] {
	if r.err != nil {
		return Result[U]{err: r.err}
	}
	return Ok(f(r.value))
}

// Then returns the Result of calling f with the value of r, with all that f
// returned, as [Of] does. If r is a failure, f is not called, and the result is
// a failure with the same error and no value.
//
// A nil f panics when it would be called. A panic in f goes on up.
func Then[T, U any](r Result[T], f func(T) (U, error)) Result[U] {
	if r.err != nil {
		return Result[U]{err: r.err}
	}
	return Of(f(r.value))
}
