package result_test

import (
	"io"
	"testing"

	"github.com/bulklink/bulklink-go/result"
)

// Where the results go, so that the compiler can't leave the calls out.
var (
	kept      result.Result[string]
	keptValue string
	keptErr   error
)

// No t.Parallel here: testing.AllocsPerRun counts for the whole process.
func TestOneResultAllocatesNothing(t *testing.T) {
	ok, failed := result.Ok("value"), result.Err[string](io.EOF)
	for _, c := range []struct {
		why string
		f   func()
	}{
		{"results are made for each item", func() {
			kept = result.Ok("value")
			kept = result.Err[string](io.EOF)
			kept = result.Of("value", io.EOF)
		}},
		{"results are read for each item", func() {
			keptValue, keptErr = ok.Get()
			keptValue, keptErr = failed.Or("fallback"), failed.Err()
		}},
		{"results are carried on with for each item", func() {
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
