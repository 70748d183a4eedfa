// Package moving is the code of the pages in docs/moving: each Go snippet there
// stands here, where it is compiled and tested. A test compares them.
package moving

import "context"

// Order and Receipt are what the snippets are about.
type (
	Order   struct{ ID int }
	Receipt struct{ ID int }
)

// charge asks the bank.
var charge = func(_ context.Context, o Order) (Receipt, error) { return Receipt(o), nil }

// loadSummary and buildReport are cheap and expensive.
var (
	loadSummary = func(context.Context) (string, error) { return "summary", nil }
	buildReport = func(context.Context) (string, error) { return "report", nil }
)
