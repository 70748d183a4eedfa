// Package moving has the Go snippets of the pages in docs/moving, so that they are
// compiled and tested. A test checks that each snippet is here.
package moving

import "context"

// Order and Receipt are the types that the snippets use.
type (
	Order struct {
		ID int // of the order
	}
	Receipt struct {
		ID int // of the order that was paid
	}
)

// charge stands for a call of a bank.
var charge = func(_ context.Context, o Order) (Receipt, error) { return Receipt(o), nil }

// loadSummary is a cheap operation, and buildReport an expensive one.
var (
	loadSummary = func(context.Context) (string, error) { return "summary", nil }
	buildReport = func(context.Context) (string, error) { return "report", nil }
)
