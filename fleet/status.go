package fleet

import (
	"time"
)

// Status is a snapshot of a member, with what it knows of the others. What it knows of
// them is as old as the last record that it has read.
//
// The text form is String. The JSON form has the names of the field tags. Names are
// stable: fields may be added, but none is removed or changes its meaning. Durations are
// integer nanoseconds, with names that end in _ns.
type Status struct {
	// Budget, Name and ID identify the member. The ID is used by no other member, also not
	// after a restart.
	Budget string `json:"budget"`
	Name   string `json:"name"`
	ID     string `json:"id"`
	// Label is that of the bulkhead.
	Label string `json:"label"`
	// At is the time of the snapshot.
	At time.Time `json:"at"`
	// State is what the member does.
	State State `json:"state"`
	// Total is the total that counts: the smallest one that a member was told.
	Total int `json:"total"`
	// OwnTotal is the total that this member was told.
	OwnTotal int `json:"own_total"`
	// Share is the number of slots that the record has for this member.
	Share int `json:"share"`
	// Parallelism is what the member set last: at most the share, except with OnLost(Safe)
	// and OnLost(Keep) while the lease is lost.
	Parallelism int `json:"parallelism"`
	// Limit is that of SetLimit, and Followed that of Follow: bulk.Unlimited without one.
	Limit    int `json:"limit"`
	Followed int `json:"followed"`
	// Drain is the number of slots that were in use above the share at the last write.
	Drain int `json:"drain"`
	// Load is the number of slots that the member could use on average, and Demand the
	// same at its peak, as published last, with a headroom of a tenth and at least 1. These
	// are the slots in use or, while operations wait, all slots and one more for each
	// operation that waits; and more if operations were rejected.
	Load   int `json:"load"`
	Demand int `json:"demand"`
	// Free is the number of slots of the budget that no member has.
	Free int `json:"free"`
	// Lease is the time until the lease ends, unless it is renewed. It is 0 without one.
	Lease time.Duration `json:"lease_ns"`
	// Members has what the record says of all members, sorted by name.
	Members []Peer `json:"members"`
	// Last is the last change of the parallelism, the zero Change if there was none.
	Last Change `json:"last,omitzero"`
	// Writes counts writes of the record that this member made.
	Writes uint64 `json:"writes"`
	// Conflicts counts writes that were not made because another member had written
	// before. The member read the record and tried again.
	Conflicts uint64 `json:"conflicts"`
	// Failures counts requests that the store answered with another error, or not.
	Failures uint64 `json:"failures"`
	// Losses counts how often the lease was lost.
	Losses uint64 `json:"losses"`
	// LastError is the error of the last request that failed, empty after a write that
	// succeeded.
	LastError string `json:"last_error,omitempty"`
}

// Peer is what the record says of a member.
type Peer struct {
	// Name and ID identify it.
	Name string `json:"name"`
	ID   string `json:"id"`
	// Self reports whether it is the member whose status this is.
	Self bool `json:"self,omitempty"`
	// Leaving reports whether it gets no more slots because it is about to leave.
	Leaving bool `json:"leaving,omitempty"`
	// Share is the number of slots that it may use.
	Share int `json:"share"`
	// Drain is the number of slots that it used above its share at its last write.
	Drain int `json:"drain"`
	// Load is the number of slots that it could use on average, and Demand the same at
	// its peak.
	Load   int `json:"load"`
	Demand int `json:"demand"`
	// Total is the total of the budget that it was told.
	Total int `json:"total"`
	// Age is for how long this member has seen no renewal of the lease.
	Age time.Duration `json:"age_ns"`
}
