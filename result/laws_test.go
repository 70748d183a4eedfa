package result_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/result"
)

func failures() *rapid.Generator[error] {
	return rapid.SampledFrom([]error{io.EOF, io.ErrUnexpectedEOF, errOther})
}

// errs generates nil and non-nil errors.
func errs() *rapid.Generator[error] {
	return rapid.OneOf(rapid.Just[error](nil), failures())
}

// results generates successes, failures, and failures that hold a value.
func results() *rapid.Generator[result.Result[int]] {
	return rapid.OneOf(
		rapid.Map(rapid.Int(), result.Ok[int]),
		rapid.Map(failures(), result.Err[int]),
		rapid.Custom(func(t *rapid.T) result.Result[int] {
			return result.Of(rapid.Int().Draw(t, "value"), errs().Draw(t, "err"))
		}),
	)
}

// functions generates pure functions.
func functions() *rapid.Generator[func(int) int] {
	return rapid.Custom(func(t *rapid.T) func(int) int {
		a, b := rapid.Int().Draw(t, "a"), rapid.Int().Draw(t, "b")
		return func(n int) int { return a*n + b }
	})
}

// calls generates pure functions that fail for some arguments. A failing call
// returns an error alone, or an error and a value.
func calls() *rapid.Generator[func(int) (int, error)] {
	return rapid.Custom(func(t *rapid.T) func(int) (int, error) {
		f := functions().Draw(t, "function")
		err := failures().Draw(t, "error")
		every := rapid.IntRange(1, 3).Draw(t, "fails every")
		both := rapid.Bool().Draw(t, "returns both")
		return func(n int) (int, error) {
			switch {
			case n%every != 0:
				return f(n), nil
			case both:
				return f(n), err
			}
			return 0, err
		}
	})
}

// bare returns r without the value that a failure may hold. Map and Then drop
// that value, so the identity laws hold without it.
func bare(r result.Result[int]) result.Result[int] {
	if err := r.Err(); err != nil {
		return result.Err[int](err)
	}
	return r
}

func TestLawOfAndGetAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, err := rapid.Int().Draw(t, "value"), errs().Draw(t, "error")
		if gotV, gotErr := result.Of(v, err).Get(); gotV != v || gotErr != err {
			t.Errorf("Of(%v, %v).Get() = %v, %v", v, err, gotV, gotErr)
		}
		r := results().Draw(t, "result")
		if got := result.Of(r.Get()); got != r {
			t.Errorf("Of(r.Get()) = %+v, r = %+v", got, r)
		}
	})
}

func TestLawOkAndErrAreSpecialCasesOfOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, err := rapid.Int().Draw(t, "value"), failures().Draw(t, "error")
		if got, want := result.Ok(v), result.Of(v, nil); got != want {
			t.Errorf("Ok(%v) = %+v, want %+v", v, got, want)
		}
		if got, want := result.Err[int](err), result.Of(0, err); got != want {
			t.Errorf("Err(%v) = %+v, want %+v", err, got, want)
		}
	})
}

func TestLawTheErrorAloneMakesAFailure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, fallback := results().Draw(t, "result"), rapid.Int().Draw(t, "fallback")
		v, err := r.Get()
		if r.Err() != err {
			t.Errorf("Err() = %v, Get has %v", r.Err(), err)
		}
		want := v
		if err != nil {
			want = fallback
		}
		if got := r.Or(fallback); got != want {
			t.Errorf("%+v.Or(%v) = %v, want %v", r, fallback, got, want)
		}
	})
}

func TestLawFunctorIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := results().Draw(t, "result")
		if got := result.Map(r, func(n int) int { return n }); got != bare(r) {
			t.Errorf("Map(r, identity) = %+v, r = %+v", got, r)
		}
	})
}

func TestLawFunctorComposition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := results().Draw(t, "result")
		f, g := functions().Draw(t, "f"), functions().Draw(t, "g")
		twoSteps := result.Map(result.Map(r, f), g)
		oneStep := result.Map(r, func(n int) int { return g(f(n)) })
		if twoSteps != oneStep {
			t.Errorf("two steps %+v, one step %+v", twoSteps, oneStep)
		}
	})
}

func TestLawMonadLeftIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, f := rapid.Int().Draw(t, "value"), calls().Draw(t, "f")
		if got, want := result.Then(result.Ok(v), f), result.Of(f(v)); got != want {
			t.Errorf("Then(Ok(%v), f) = %+v, want %+v", v, got, want)
		}
	})
}

func TestLawMonadRightIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := results().Draw(t, "result")
		if got := result.Then(r, func(n int) (int, error) { return result.Ok(n).Get() }); got != bare(r) {
			t.Errorf("Then(r, Ok) = %+v, r = %+v", got, r)
		}
	})
}

func TestLawMonadAssociativity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := results().Draw(t, "result")
		f, g := calls().Draw(t, "f"), calls().Draw(t, "g")
		left := result.Then(result.Then(r, f), g)
		right := result.Then(r, func(n int) (int, error) { return result.Then(result.Of(f(n)), g).Get() })
		if left != right {
			t.Errorf("(r f) g = %+v, r (f g) = %+v", left, right)
		}
	})
}

func TestLawMapIsThenWithoutErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, f := results().Draw(t, "result"), functions().Draw(t, "f")
		then := result.Then(r, func(n int) (int, error) { return f(n), nil })
		if got := result.Map(r, f); got != then {
			t.Errorf("Map %+v, Then %+v", got, then)
		}
	})
}

func TestLawSplitKeepsEachResultInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := rapid.SliceOf(results()).Draw(t, "results")
		values, errs := result.Split(slices.Values(rs))
		if len(values)+len(errs) != len(rs) {
			t.Fatalf("%d values and %d errors of %d results", len(values), len(errs), len(rs))
		}
		for i, r := range rs { // compare in order
			v, err := r.Get()
			if err != nil {
				if errs[0] != err {
					t.Fatalf("result %d: error %v, want %v", i, errs[0], err)
				}
				errs = errs[1:]
				continue
			}
			if values[0] != v {
				t.Fatalf("result %d: value %v, want %v", i, values[0], v)
			}
			values = values[1:]
		}
	})
}

func TestLawCollectIsSplitUpToTheFirstError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := rapid.SliceOf(results()).Draw(t, "results")
		collected, err := result.Collect(slices.Values(rs))
		values, errs := result.Split(slices.Values(rs))
		if len(errs) == 0 {
			if err != nil || !slices.Equal(collected, values) {
				t.Errorf("no errors, but Collect = %v, %v and Split = %v", collected, err, values)
			}
			return
		}
		if err != errs[0] {
			t.Errorf("Collect's error is %v, the first of Split's is %v", err, errs[0])
		}
		first := slices.IndexFunc(rs, func(r result.Result[int]) bool { return r.Err() != nil })
		if !slices.Equal(collected, values[:first]) {
			t.Errorf("Collect = %v, want the %d before the error, %v", collected, first, values[:first])
		}
	})
}

func TestLawCollectReturnsAllValuesOfSuccesses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Int()).Draw(t, "values")
		var rs []result.Result[int]
		for _, v := range values {
			rs = append(rs, result.Ok(v))
		}
		if got, err := result.Collect(slices.Values(rs)); err != nil || !slices.Equal(got, values) {
			t.Errorf("got %v, %v, want %v", got, err, values)
		}
	})
}

func TestLawJoinedErrorsOfSplitMatchEachError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := rapid.SliceOf(results()).Draw(t, "results")
		_, errs := result.Split(slices.Values(rs))
		joined := errors.Join(errs...)
		for _, r := range rs {
			if err := r.Err(); err != nil && !errors.Is(joined, err) {
				t.Errorf("%v does not match %v", joined, err)
			}
		}
	})
}
