// Package result provides [Result]: a value or an error, as one value.
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
// It is for the places that have room for one value only: channels, slices,
// maps and iterators. Results come from [Ok], [Err] and [Of], and go back to
// the usual two values with [Result.Get]. [Map] and [Then] carry on with a
// success, and [Collect] and [Split] gather many.
//
// # What holds
//
//  1. Of(v, err).Get() is v, err, untouched.
//  2. Map and Then call their function once for a success and never for a
//     failure, whose error passes by unchanged.
//  3. Map and Then obey the functor and monad laws, for all Results but
//     failures that hold a value: of those only the error passes by.
//  4. Collect's error is the first of Split's errors, and its values are those
//     before it. Without an error, both give the same values.
//
// # What this package is not for
//
// Functions should go on to return (T, error): Result is no replacement for
// that, and has no counterpart of panicking on an error.
package result
