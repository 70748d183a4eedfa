package result_test

import "testing"

// row runs one row of a table as a subtest. why is the subtest's name: it states
// the property that the row checks. A row without it fails.
func row(t *testing.T, why string, test func(t *testing.T)) {
	t.Helper()
	if why == "" {
		t.Fatal("a row of the table has no why")
	}
	t.Run(why, test)
}
