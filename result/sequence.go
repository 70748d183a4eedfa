package result

import "iter"

// Collect returns the values of rs in order and a nil error, if all are
// successes. Otherwise it stops at the first failure, takes nothing more from
// rs, and returns the values before it with its error. A value that the failure
// holds is left out.
//
// Without values the slice is nil. It grows as append makes it grow.
func Collect[T any](rs iter.Seq[Result[T]]) ([]T, error) {
	var values []T
	for r := range rs {
		if r.err != nil {
			return values, r.err
		}
		values = append(values, r.value)
	}
	return values, nil
}

// Split takes all of rs and returns the values of the successes and the errors
// of the failures, each in order: one or the other for each Result. Values that
// failures hold are left out.
//
// Without successes the first slice is nil, without failures the second one is.
// They grow as append makes them grow. To have the errors as one, join them
// with [errors.Join].
func Split[T any](rs iter.Seq[Result[T]]) ([]T, []error) {
	var values []T
	var errs []error
	for r := range rs {
		if r.err != nil {
			errs = append(errs, r.err)
			continue
		}
		values = append(values, r.value)
	}
	return values, errs
}
