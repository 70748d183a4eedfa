// Package result provides [Result], which holds a value or an error as one
// value.
//
//	numbers := func(yield func(result.Result[int]) bool) {
//		for _, s := range []string{"3", "4", "five"} {
//			if !yield(result.Of(strconv.Atoi(s))) {
//				return
//			}
//		}
//	}
//
//	good, bad := result.Split(numbers)
//	fmt.Println(good, len(bad))
//
// Use it where only one value fits: in channels, slices, maps and iterators.
// [Ok], [Err] and [Of] create a Result, and [Result.Get] returns the value and
// the error again. [Map] and [Then] apply a function to the value of a success.
// [Collect] and [Split] gather a sequence of Results.
//
// # Guarantees
//
//  1. Of(v, err).Get() returns v and err unchanged.
//  2. Map and Then call their function once for a success and never for a
//     failure. They return the error of a failure unchanged.
//  3. Map and Then obey the functor and monad laws. The only exception is a
//     failure that also holds a value: they keep its error and drop its value.
//  4. The error of Collect is the first of the errors of Split, and its values
//     are the ones before that error. If there is no error, both return the
//     same values.
//
// # Non-goals
//
// Result does not replace (T, error): functions should return two values as
// usual. The package has no function that panics if a Result is a failure.
package result
