package result_test

import (
	"io"
	"testing"

	"github.com/bulklink/bulklink-go/result"
)

// The results are stored here, so that the compiler cannot omit the calls.
var (
	kept      result.Result[string]
	keptValue string
	keptErr   error
)

// No t.Parallel: testing.AllocsPerRun counts the allocations of the whole process.
func TestResultsAllocateNothing(t *testing.T) {
	ok, failed := result.Ok("value"), result.Err[string](io.EOF)
	for _, c := range []struct {
		why string
		f   func()
	}{
		{"creating a Result", func() {
			kept = result.Ok("value")
			kept = result.Err[string](io.EOF)
			kept = result.Of("value", io.EOF)
		}},
		{"reading a Result", func() {
			keptValue, keptErr = ok.Get()
			keptValue, keptErr = failed.Or("fallback"), failed.Err()
		}},
		{"applying a function to a Result", func() {
			kept = result.Map(ok, func(s string) string { return s })
			kept = result.Then(failed, func(s string) (string, error) { return s, nil })
		}},
	} {
		row(t, c.why, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, c.f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
