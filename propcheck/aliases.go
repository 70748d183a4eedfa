package propcheck

import "github.com/bulklink/bulklink-go/propcheck/model"

// Model is the reference: the contract of a bulkhead as plain code. See package
// model.
type Model = model.Model

type (
	arrival   = model.Arrival
	inRoom    = model.Waiting
	running   = model.Running
	decision  = model.Decision
	rejection = model.Rejection
)
