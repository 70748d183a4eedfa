package result_test

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/bulklink/bulklink-go/result"
)

// Keep this in sync with the package documentation.
func Example() {
	numbers := func(yield func(result.Result[int]) bool) {
		for _, s := range []string{"3", "4", "five"} {
			if !yield(result.Of(strconv.Atoi(s))) {
				return
			}
		}
	}

	good, bad := result.Split(numbers)
	fmt.Println(good, len(bad))
	// Output:
	// [3 4] 1
}

// A channel carries one value, so a call's value and error travel as a Result.
func ExampleResult() {
	answers := make(chan result.Result[int], 2)
	answers <- result.Of(strconv.Atoi("42"))
	answers <- result.Of(strconv.Atoi("forty-two"))
	close(answers)
	for r := range answers {
		fmt.Println(r.Get())
	}
	// Output:
	// 42 <nil>
	// 0 strconv.Atoi: parsing "forty-two": invalid syntax
}

// Of keeps both the value and the error. Here the value is the number of bytes
// read before the error.
func ExampleOf() {
	buf := make([]byte, 8)
	r := result.Of(io.ReadFull(strings.NewReader("short"), buf))
	fmt.Println(r.Get())
	fmt.Println(r.Err() == io.ErrUnexpectedEOF)
	// Output:
	// 5 unexpected EOF
	// true
}

// A number that cannot be parsed is replaced by a default.
func ExampleResult_Or() {
	fmt.Println(result.Of(strconv.Atoi("7")).Or(1))
	fmt.Println(result.Of(strconv.Atoi("seven")).Or(1))
	// Output:
	// 7
	// 1
}

// Map applies a function that cannot fail.
func ExampleMap() {
	double := func(n int) int { return 2 * n }
	fmt.Println(result.Map(result.Of(strconv.Atoi("7")), double).Get())
	fmt.Println(result.Map(result.Of(strconv.Atoi("seven")), double).Err())
	// Output:
	// 14 <nil>
	// strconv.Atoi: parsing "seven": invalid syntax
}

// Then applies a function that may fail. It returns the first error of the chain.
func ExampleThen() {
	half := func(n int) (int, error) {
		if n%2 != 0 {
			return 0, fmt.Errorf("%d is odd", n)
		}
		return n / 2, nil
	}
	for _, s := range []string{"8", "7", "seven"} {
		fmt.Println(result.Then(result.Of(strconv.Atoi(s)), half).Get())
	}
	// Output:
	// 4 <nil>
	// 0 7 is odd
	// 0 strconv.Atoi: parsing "seven": invalid syntax
}

// Collect stops at the first error and returns the values before it.
func ExampleCollect() {
	rs := []result.Result[int]{result.Ok(1), result.Err[int](io.EOF), result.Ok(3)}
	fmt.Println(result.Collect(slices.Values(rs)))
	// Output:
	// [1] EOF
}

// bulk.Map yields pairs of an input and a Result. To collect such pairs, yield
// only the Results.
func ExampleCollect_withInputs() {
	parse := func(in ...string) iter.Seq2[string, result.Result[int]] {
		return func(yield func(string, result.Result[int]) bool) {
			for _, s := range in {
				if !yield(s, result.Of(strconv.Atoi(s))) {
					return
				}
			}
		}
	}
	results := func(yield func(result.Result[int]) bool) {
		for _, r := range parse("1", "2", "3") {
			if !yield(r) {
				return
			}
		}
	}
	fmt.Println(result.Collect(results))
	// Output:
	// [1 2 3] <nil>
}
