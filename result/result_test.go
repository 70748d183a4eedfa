package result_test

import (
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/bulklink/bulklink-go/result"
)

func TestResult(t *testing.T) {
	var nilPointer *fs.PathError // a nil pointer in an error is not a nil error
	for _, c := range []struct {
		why   string
		r     result.Result[int]
		value int
		err   error
		or    int // Or(9)
	}{
		{"the zero Result is a success", result.Result[int]{}, 0, nil, 0},
		{"a success has its value", result.Ok(7), 7, nil, 7},
		{"a success with the zero value does not fall back", result.Ok(0), 0, nil, 0},
		{"a failure has its error and no value", result.Err[int](io.EOF), 0, io.EOF, 9},
		{"a call with a value is a success", result.Of(7, nil), 7, nil, 7},
		{"a call with an error is a failure", result.Of(0, io.EOF), 0, io.EOF, 9},
		{"a call with both is a failure that keeps the value, and falls back", result.Of(7, io.EOF), 7, io.EOF, 9},
		{"an error that is a nil pointer is an error", result.Err[int](nilPointer), 0, nilPointer, 9},
		{"so it is when it comes from a call", result.Of(7, error(nilPointer)), 7, nilPointer, 9},
	} {
		row(t, c.why, func(t *testing.T) {
			if value, err := c.r.Get(); value != c.value || err != c.err {
				t.Errorf("Get() = %v, %v, want %v, %v", value, err, c.value, c.err)
			}
			if err := c.r.Err(); err != c.err {
				t.Errorf("Err() = %v, want %v", err, c.err)
			}
			if got := c.r.Or(9); got != c.or {
				t.Errorf("Or(9) = %v, want %v", got, c.or)
			}
		})
	}
}

func TestErrRefusesNil(t *testing.T) {
	defer func() {
		if got, want := recover(), "result: Err: nil error"; got != want {
			t.Errorf("panicked with %v, want %q", got, want)
		}
	}()
	result.Err[int](nil)
}

func TestMapAndThen(t *testing.T) {
	length := func(s string) int { return len(s) }
	for _, c := range []struct {
		why  string
		got  result.Result[int]
		want result.Result[int]
	}{
		{"Map carries on with a value", result.Map(result.Ok("four"), length), result.Ok(4)},
		{"Map carries on with the zero Result", result.Map(result.Result[string]{}, length), result.Ok(0)},
		{"an error passes Map by", result.Map(result.Err[string](io.EOF), length), result.Err[int](io.EOF)},
		{"Map drops a value that came with an error", result.Map(result.Of("four", io.EOF), length), result.Err[int](io.EOF)},
		{"a failure does not need a function to Map", result.Map[string, int](result.Err[string](io.EOF), nil), result.Err[int](io.EOF)},

		{"Then carries on with a value", result.Then(result.Ok("four"), call(4, nil)), result.Ok(4)},
		{"Then can fail", result.Then(result.Ok("four"), call(0, io.EOF)), result.Err[int](io.EOF)},
		{"Then keeps both that its function returns", result.Then(result.Ok("four"), call(4, io.EOF)), result.Of(4, io.EOF)},
		{"an error passes Then by", result.Then(result.Err[string](io.EOF), call(4, nil)), result.Err[int](io.EOF)},
		{"Then drops a value that came with an error before", result.Then(result.Of("four", io.EOF), call(4, nil)), result.Err[int](io.EOF)},
		{"a failure does not need a function to Then", result.Then[string, int](result.Err[string](io.EOF), nil), result.Err[int](io.EOF)},
	} {
		row(t, c.why, func(t *testing.T) {
			if c.got != c.want {
				t.Errorf("got %+v, want %+v", c.got, c.want)
			}
		})
	}
}

// call returns a function that returns value and err.
func call(value int, err error) func(string) (int, error) {
	return func(string) (int, error) { return value, err }
}

func TestMapAndThenCallOnceOrNever(t *testing.T) {
	for _, c := range []struct {
		why  string
		r    result.Result[int]
		want int
	}{
		{"a success is carried on with once", result.Ok(1), 1},
		{"a failure is not carried on with", result.Err[int](io.EOF), 0},
		{"a failure with a value is not either", result.Of(1, io.EOF), 0},
	} {
		row(t, c.why, func(t *testing.T) {
			mapped, then := 0, 0
			result.Map(c.r, func(int) int { mapped++; return 0 })
			result.Then(c.r, func(int) (int, error) { then++; return 0, nil })
			if mapped != c.want || then != c.want {
				t.Errorf("Map called %d times, Then %d times, want %d", mapped, then, c.want)
			}
		})
	}
}

func TestNilFunctionsPanicWhenTheyAreNeeded(t *testing.T) {
	for _, c := range []struct {
		why string
		f   func()
	}{
		{"Map of a success needs a function", func() { result.Map[int, int](result.Ok(1), nil) }},
		{"Then of a success needs a function", func() { result.Then[int, int](result.Ok(1), nil) }},
	} {
		row(t, c.why, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			c.f()
		})
	}
}

func TestTheErrorStaysTheSameAllTheWay(t *testing.T) {
	cause := &fs.PathError{Op: "open", Path: "nowhere", Err: fs.ErrNotExist}
	r := result.Map(result.Map(result.Err[int](cause), func(n int) int { return n }), func(int) string { return "" })
	var got *fs.PathError
	if !errors.As(r.Err(), &got) || got != cause || !errors.Is(r.Err(), fs.ErrNotExist) {
		t.Errorf("the error became %v", r.Err())
	}
}
