package result_test

import (
	"errors"
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

// A Result goes where only one value fits, such as a channel.
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

func ExampleOk() {
	fmt.Println(result.Ok("value").Get())
	fmt.Println(result.Ok(0) == result.Result[int]{})
	// Output:
	// value <nil>
	// true
}

func ExampleErr() {
	fmt.Println(result.Err[int](io.EOF).Get())
	// Output:
	// 0 EOF
}

// Of keeps both a value and an error, as a read that ends early returns them.
func ExampleOf() {
	buf := make([]byte, 8)
	r := result.Of(io.ReadFull(strings.NewReader("short"), buf))
	fmt.Println(r.Get())
	// Output:
	// 5 unexpected EOF
}

func ExampleResult_Get() {
	n, err := result.Of(strconv.Atoi("7")).Get()
	fmt.Println(n, err)
	// Output:
	// 7 <nil>
}

func ExampleResult_Err() {
	r := result.Of(strconv.Atoi("seven"))
	fmt.Println(errors.Is(r.Err(), strconv.ErrSyntax))
	fmt.Println(result.Ok(7).Err())
	// Output:
	// true
	// <nil>
}

func ExampleResult_Or() {
	fmt.Println(result.Of(strconv.Atoi("7")).Or(1))
	fmt.Println(result.Of(strconv.Atoi("seven")).Or(1))
	// Output:
	// 7
	// 1
}

func ExampleMap() {
	double := func(n int) int { return 2 * n }
	fmt.Println(result.Map(result.Of(strconv.Atoi("7")), double).Get())
	fmt.Println(result.Map(result.Of(strconv.Atoi("seven")), double).Err())
	// Output:
	// 14 <nil>
	// strconv.Atoi: parsing "seven": invalid syntax
}

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

func ExampleCollect() {
	rs := []result.Result[int]{result.Ok(1), result.Err[int](io.EOF), result.Ok(3)}
	fmt.Println(result.Collect(slices.Values(rs)))
	// Output:
	// [1] EOF
}

// Iterators over inputs and results, such as bulk.Map returns, are collected
// without the inputs.
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

func ExampleSplit() {
	rs := []result.Result[int]{result.Ok(1), result.Err[int](io.EOF), result.Ok(3)}
	values, errs := result.Split(slices.Values(rs))
	fmt.Println(values, errors.Join(errs...))
	// Output:
	// [1 3] EOF
}
