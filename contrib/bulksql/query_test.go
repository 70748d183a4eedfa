package bulksql_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
)

func TestQueryReturnsAllRows(t *testing.T) {
	d, pool := open(t, 1)
	got, err := bulksql.Query(t.Context(), d, bulksql.Value[int], "SELECT n FROM numbers WHERE n > ? ORDER BY n", 2)
	if err != nil || !slices.Equal(got, []int{3, 4, 5}) {
		t.Errorf("%v, %v", got, err)
	}
	got, err = bulksql.Query(t.Context(), d, bulksql.Value[int], "SELECT n FROM numbers WHERE n > 5")
	if err != nil || len(got) != 0 {
		t.Errorf("no rows: %v, %v", got, err)
	}
	checkFree(t, "after queries", d, pool)
}

func TestQueryRowReturnsTheFirstRowOrErrNoRows(t *testing.T) {
	d, pool := open(t, 1)
	scans := 0
	first, err := bulksql.QueryRow(t.Context(), d, func(rows *sql.Rows) (int, error) {
		scans++
		return bulksql.Value[int](rows)
	}, "SELECT n FROM numbers ORDER BY n DESC")
	if first != 5 || err != nil || scans != 1 {
		t.Errorf("%v, %v after %d scans", first, err, scans)
	}
	if n, err := bulksql.QueryRow(t.Context(), d, bulksql.Value[int], "SELECT n FROM numbers WHERE n > 5"); n != 0 || err != sql.ErrNoRows {
		t.Errorf("no rows: %v, %v", n, err)
	}
	checkFree(t, "after queries", d, pool)
}

func TestEachReadsRowsUntilAnError(t *testing.T) {
	d, pool := open(t, 1)
	enough := errors.New("enough")
	var got []int
	err := bulksql.Each(t.Context(), d, func(rows *sql.Rows) error {
		n, err := bulksql.Value[int](rows)
		if n == 3 {
			return enough
		}
		got = append(got, n)
		return err
	}, "SELECT n FROM numbers ORDER BY n")
	if err != enough || !slices.Equal(got, []int{1, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	checkFree(t, "after an error", d, pool)
}

// Each of the queries fails in a different place. What has been read until then is not
// returned.
func TestFailedQueryReturnsNoRowsAndReleasesItsSlotAndConnection(t *testing.T) {
	d, pool := open(t, 1)
	text := func(*sql.Rows) (int, error) { return 7, errors.New("scan fails") }
	for name, c := range map[string]struct {
		scan        func(*sql.Rows) (int, error)
		query, want string
	}{
		"no such column": {bulksql.Value[int], "SELECT nonsense FROM numbers", "nonsense"},
		"scan":           {text, "SELECT n FROM numbers", "scan fails"},
		"wrong type":     {bulksql.Value[int], "SELECT 'tea' FROM numbers", "converting"},
		"columns":        {bulksql.Value[int], "SELECT n, n FROM numbers", "expected 2"},
		// The error comes with the second row, after rows were read: see sql.Rows.Err.
		"a later row": {bulksql.Value[int], "SELECT abs(v) FROM (SELECT 1 AS v UNION ALL SELECT -9223372036854775808)", "overflow"},
	} {
		rows, err := bulksql.Query(t.Context(), d, c.scan, c.query)
		if rows != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Query: %v, %v", name, rows, err)
		}
		if name != "a later row" {
			row, err := bulksql.QueryRow(t.Context(), d, c.scan, c.query)
			if row != 0 || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: QueryRow: %v, %v", name, row, err)
			}
		}
		checkFree(t, name, d, pool)
	}
	if row, err := bulksql.QueryRow(t.Context(), d, bulksql.Value[int], "SELECT abs(-9223372036854775808)"); row != 0 || err == nil || errors.Is(err, sql.ErrNoRows) {
		t.Errorf("an error in place of the first row: %v, %v", row, err)
	}
	if _, err := bulksql.Exec(t.Context(), d, "nonsense"); err == nil {
		t.Error("Exec: no error")
	}
	checkFree(t, "Exec", d, pool)
}

func TestScanThatDoesNotReturnReleasesItsSlotAndConnection(t *testing.T) {
	d, pool := open(t, 1)
	for name, exit := range exits {
		leave(func() {
			_, _ = bulksql.Query(t.Context(), d, func(*sql.Rows) (int, error) { exit(); return 0, nil }, "SELECT n FROM numbers")
		})
		checkFree(t, name+" in Query", d, pool)
		leave(func() {
			_, _ = bulksql.QueryRow(t.Context(), d, func(*sql.Rows) (int, error) { exit(); return 0, nil }, "SELECT n FROM numbers")
		})
		checkFree(t, name+" in QueryRow", d, pool)
		leave(func() {
			_ = bulksql.Each(t.Context(), d, func(*sql.Rows) error { exit(); return nil }, "SELECT n FROM numbers")
		})
		checkFree(t, name+" in Each", d, pool)
	}
}

// The comments of Each and Query say so: the call is not taken for a nested one.
func TestCallInARowFunctionNeedsASecondSlot(t *testing.T) {
	for slots, want := range map[int]error{1: bulk.ErrSaturated, 2: nil} {
		d, pool := open(t, slots)
		nested := func() {
			t.Helper()
			if _, err := bulksql.QueryRow(t.Context(), d, bulksql.Value[int], "SELECT 1"); !errors.Is(err, want) || errors.Is(err, bulksql.ErrNested) {
				t.Errorf("%d slots: %v, want %v", slots, err, want)
			}
		}
		const query = "SELECT n FROM numbers"
		if err := bulksql.Each(t.Context(), d, func(*sql.Rows) error { nested(); return nil }, query); err != nil {
			t.Error(err)
		}
		if _, err := bulksql.Query(t.Context(), d, func(*sql.Rows) (int, error) { nested(); return 0, nil }, query); err != nil {
			t.Error(err)
		}
		checkFree(t, "at the end", d, pool)
	}
}

// The ctx ends during the query. The slot is not released before the connection is.
func TestCanceledQueryReleasesItsConnectionBeforeItsSlot(t *testing.T) {
	d, pool := open(t, 1)
	for range 10 {
		_, err := bulksql.QueryRow(soon(t), d, bulksql.Value[int], endless)
		if !errors.Is(err, context.DeadlineExceeded) && (err == nil || !strings.Contains(err.Error(), "interrupted")) {
			t.Errorf("while it runs: %v", err)
		}
		checkFree(t, "while it runs", d, pool)

		ctx, cancel := context.WithCancel(t.Context())
		_, err = bulksql.Query(ctx, d, func(rows *sql.Rows) (int, error) {
			cancel()
			return bulksql.Value[int](rows)
		}, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n")
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("between rows: %v", err)
		}
		checkFree(t, "between rows", d, pool)
	}
	if n := count(t, d); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}
