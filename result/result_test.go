package result_test

import (
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/bulklink/bulklink-go/result"
)

func TestGetErrAndOrFollowTheError(t *testing.T) {
	var nilPointer *fs.PathError // a nil pointer in an error is not a nil error
	for _, c := range []struct {
		why   string
		r     result.Result[int]
		value int
		err   error
		or    int // Or(9)
	}{
		{"the zero Result is a success", result.Result[int]{}, 0, nil, 0},
		{"Ok holds the value", result.Ok(7), 7, nil, 7},
		{"Or returns the zero value of a success, not the fallback", result.Ok(0), 0, nil, 0},
		{"Err holds the error and no value", result.Err[int](io.EOF), 0, io.EOF, 9},
		{"Of a value and a nil error is a success", result.Of(7, nil), 7, nil, 7},
		{"Of an error is a failure", result.Of(0, io.EOF), 0, io.EOF, 9},
		{"Of a value and an error is a failure that keeps the value", result.Of(7, io.EOF), 7, io.EOF, 9},
		{"Err accepts an error that holds a nil pointer", result.Err[int](nilPointer), 0, nilPointer, 9},
		{"Of an error that holds a nil pointer is a failure", result.Of(7, error(nilPointer)), 7, nilPointer, 9},
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

func TestErrPanicsOnANilError(t *testing.T) {
	defer func() {
		if got, want := recover(), "result: Err: nil error (use Of if the error may be nil)"; got != want {
			t.Errorf("panicked with %v, want %q", got, want)
		}
	}()
	result.Err[int](nil)
}

func TestMapAndThenApplyTheFunctionToSuccessesOnly(t *testing.T) {
	length := func(s string) int { return len(s) }
	for _, c := range []struct {
		why  string
		got  result.Result[int]
		want result.Result[int]
	}{
		{"Map applies the function to a value", result.Map(result.Ok("four"), length), result.Ok(4)},
		{"Map applies the function to the zero Result", result.Map(result.Result[string]{}, length), result.Ok(0)},
		{"Map keeps the error of a failure", result.Map(result.Err[string](io.EOF), length), result.Err[int](io.EOF)},
		{"Map drops the value of a failure", result.Map(result.Of("four", io.EOF), length), result.Err[int](io.EOF)},
		{"Map of a failure accepts a nil function", result.Map[string, int](result.Err[string](io.EOF), nil), result.Err[int](io.EOF)},

		{"Then applies the function to a value", result.Then(result.Ok("four"), call(4, nil)), result.Ok(4)},
		{"Then returns the error of the function", result.Then(result.Ok("four"), call(0, io.EOF)), result.Err[int](io.EOF)},
		{"Then keeps both the value and the error of the function", result.Then(result.Ok("four"), call(4, io.EOF)), result.Of(4, io.EOF)},
		{"Then keeps the error of a failure", result.Then(result.Err[string](io.EOF), call(4, nil)), result.Err[int](io.EOF)},
		{"Then drops the value of a failure", result.Then(result.Of("four", io.EOF), call(4, nil)), result.Err[int](io.EOF)},
		{"Then of a failure accepts a nil function", result.Then[string, int](result.Err[string](io.EOF), nil), result.Err[int](io.EOF)},
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

func TestMapAndThenCallTheFunctionOnceForSuccessesOnly(t *testing.T) {
	for _, c := range []struct {
		why  string
		r    result.Result[int]
		want int
	}{
		{"one call for a success", result.Ok(1), 1},
		{"no call for a failure", result.Err[int](io.EOF), 0},
		{"no call for a failure that holds a value", result.Of(1, io.EOF), 0},
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

func TestMapAndThenOfASuccessPanicOnANilFunction(t *testing.T) {
	for _, c := range []struct {
		why string
		f   func()
	}{
		{"Map", func() { result.Map[int, int](result.Ok(1), nil) }},
		{"Then", func() { result.Then[int, int](result.Ok(1), nil) }},
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

func TestMapKeepsTheIdentityOfTheError(t *testing.T) {
	cause := &fs.PathError{Op: "open", Path: "nowhere", Err: fs.ErrNotExist}
	r := result.Map(result.Map(result.Err[int](cause), func(n int) int { return n }), func(int) string { return "" })
	var got *fs.PathError
	if !errors.As(r.Err(), &got) || got != cause || !errors.Is(r.Err(), fs.ErrNotExist) {
		t.Errorf("got the error %v", r.Err())
	}
}
