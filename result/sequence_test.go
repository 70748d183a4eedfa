package result_test

import (
	"errors"
	"io"
	"iter"
	"slices"
	"testing"

	"github.com/bulklink/bulklink-go/result"
)

var errOther = errors.New("other")

// counted yields rs and adds to taken the number of Results yielded.
func counted(rs []result.Result[int], taken *int) iter.Seq[result.Result[int]] {
	return func(yield func(result.Result[int]) bool) {
		for _, r := range rs {
			*taken++
			if !yield(r) {
				return
			}
		}
	}
}

func TestCollectStopsAtTheFirstErrorAndSplitTakesAll(t *testing.T) {
	list := func(rs ...result.Result[int]) []result.Result[int] { return rs }
	eof, other := result.Err[int](io.EOF), result.Err[int](errOther)
	for _, c := range []struct {
		why       string
		rs        []result.Result[int]
		collected []int
		err       error
		taken     int // by Collect
		values    []int
		errs      []error
	}{
		{"an empty sequence", nil, nil, nil, 0, nil, nil},
		{"only successes", list(result.Ok(1), result.Ok(2)), []int{1, 2}, nil, 2, []int{1, 2}, nil},
		{"the zero Result counts as a success", list(result.Result[int]{}, result.Ok(2)), []int{0, 2}, nil, 2, []int{0, 2}, nil},
		{"Collect stops at the first failure", list(result.Ok(1), eof, result.Ok(3)), []int{1}, io.EOF, 2, []int{1, 3}, []error{io.EOF}},
		{"Collect returns the first of several errors", list(result.Ok(1), other, eof), []int{1}, errOther, 2, []int{1}, []error{errOther, io.EOF}},
		{"the first Result is a failure", list(eof, result.Ok(2)), nil, io.EOF, 1, []int{2}, []error{io.EOF}},
		{"the last Result is a failure", list(result.Ok(1), result.Ok(2), eof), []int{1, 2}, io.EOF, 3, []int{1, 2}, []error{io.EOF}},
		{"only failures", list(eof, eof), nil, io.EOF, 1, nil, []error{io.EOF, io.EOF}},
		{"the value of a failure is dropped", list(result.Ok(1), result.Of(2, io.EOF), result.Ok(3)), []int{1}, io.EOF, 2, []int{1, 3}, []error{io.EOF}},
	} {
		row(t, c.why, func(t *testing.T) {
			taken := 0
			values, err := result.Collect(counted(c.rs, &taken))
			if !slices.Equal(values, c.collected) || err != c.err {
				t.Errorf("Collect = %v, %v, want %v, %v", values, err, c.collected, c.err)
			}
			if (values == nil) != (c.collected == nil) {
				t.Errorf("Collect's slice is nil: %v", values == nil)
			}
			if taken != c.taken {
				t.Errorf("Collect took %d, want %d", taken, c.taken)
			}

			taken = 0
			values, errs := result.Split(counted(c.rs, &taken))
			if !slices.Equal(values, c.values) || !slices.Equal(errs, c.errs) {
				t.Errorf("Split = %v, %v, want %v, %v", values, errs, c.values, c.errs)
			}
			if (values == nil) != (c.values == nil) || (errs == nil) != (c.errs == nil) {
				t.Errorf("Split's slices are nil: %v, %v", values == nil, errs == nil)
			}
			if taken != len(c.rs) {
				t.Errorf("Split took %d, want %d", taken, len(c.rs))
			}
		})
	}
}

func TestCollectStopsAnEndlessSequence(t *testing.T) {
	endless := func(yield func(result.Result[int]) bool) {
		for n := 0; ; n++ {
			r := result.Ok(n)
			if n == 3 {
				r = result.Err[int](io.EOF)
			}
			if !yield(r) {
				return
			}
		}
	}
	values, err := result.Collect(endless)
	if !slices.Equal(values, []int{0, 1, 2}) || err != io.EOF {
		t.Errorf("got %v, %v", values, err)
	}
}
