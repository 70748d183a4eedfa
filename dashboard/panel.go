package dashboard

import "time"

// panel is what a part around a bulkhead says about it, in a general form: a controller
// of its capacity, a shadow or a share of a budget. The page shows it with the bulkhead.
type panel struct {
	Title     string     `json:"title"`
	Figures   []figure   `json:"figures,omitempty"`
	Decisions []decision `json:"decisions,omitempty"` // the newest first
}

// figure is a named value.
type figure struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// decision is something that was decided, with its reason.
type decision struct {
	At     time.Time `json:"at"`
	Clock  string    `json:"clock"` // At as the page shows it
	Text   string    `json:"text"`
	Reason string    `json:"reason,omitempty"`
}
