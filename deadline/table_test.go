package deadline_test

import "testing"

// row runs one row of a table as a subtest that is named for the reason why the
// row is there. A row without a reason is refused.
func row(t *testing.T, why string, test func(t *testing.T)) {
	t.Helper()
	if why == "" {
		t.Fatal("a row of the table does not say why it is there")
	}
	t.Run(why, test)
}
