package result

import "iter"

// Collect returns the values of rs in order and a nil error if every Result is a
// success. Otherwise it stops at the first failure, takes nothing more from rs,
// and returns the values before the failure and the error of the failure. A
// value that the failure holds is dropped.
//
// The slice is nil if there are no values. It grows as append grows it.
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
// of the failures, each in order. Every Result contributes one value or one
// error. Values that failures hold are dropped.
//
// The first slice is nil if there are no successes, the second one if there are
// no failures. Both grow as append grows them. Use [errors.Join] to combine the
// errors into one.
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
