package fleet

import (
	"fmt"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
)

// State is what a member does.
type State uint8

const (
	Joining  State = iota + 1 // it has had no lease yet
	Learning                  // the record is new: no share grows until the members have reported what they have
	Holding                   // it has a lease and its share
	Lost                      // its lease has ended: see OnLost
	Leaving                   // Leave was called, or the bulkhead was closed
	Gone                      // it has given its share back
)

var states = enumText{"joining", "learning", "holding", "lost", "leaving", "gone"}

// String returns the state as one lower-case word.
func (s State) String() string { return states.name("state", uint8(s)) }

// MarshalText returns the word of String. The error for an unknown state is a
// [*bulk.ConfigError].
func (s State) MarshalText() ([]byte, error) { return states.marshal("state", uint8(s)) }

// UnmarshalText accepts the words of String. The error for any other word is a
// [*bulk.ConfigError], and s is unchanged.
func (s *State) UnmarshalText(text []byte) error { return states.unmarshal("state", text, (*uint8)(s)) }

// Reason is why a member changed the parallelism.
type Reason uint8

const (
	Joined    Reason = iota + 1 // a member begins without a share
	Granted                     // slots were free, and the record has them for this member now
	Reclaimed                   // another member lacks slots, or the total was lowered
	Limited                     // SetLimit
	LeaseLost                   // the lease has ended: see OnLost
	Left                        // Leave was called
	Restored                    // other code had changed it
)

var reasons = enumText{"joined", "granted", "reclaimed", "limited", "lease_lost", "left", "restored"}

// String returns the reason as one lower-case word.
func (r Reason) String() string { return reasons.name("reason", uint8(r)) }

// MarshalText returns the word of String. The error for an unknown reason is a
// [*bulk.ConfigError].
func (r Reason) MarshalText() ([]byte, error) { return reasons.marshal("reason", uint8(r)) }

// UnmarshalText accepts the words of String. The error for any other word is a
// [*bulk.ConfigError], and r is unchanged.
func (r *Reason) UnmarshalText(text []byte) error {
	return reasons.unmarshal("reason", text, (*uint8)(r))
}

// enumText has the texts of an enumeration whose values start at 1.
type enumText []string

func (t enumText) name(of string, v uint8) string {
	if v == 0 || int(v) > len(t) {
		return fmt.Sprintf("%s(%d)", of, v)
	}
	return t[v-1]
}

func (t enumText) marshal(field string, v uint8) ([]byte, error) {
	if v == 0 || int(v) > len(t) {
		return nil, &bulk.ConfigError{Field: field, Value: v, Problem: fmt.Sprintf("must be from 1 to %d", len(t))}
	}
	return []byte(t[v-1]), nil
}

func (t enumText) unmarshal(field string, text []byte, v *uint8) error {
	for i, s := range t {
		if s == string(text) {
			*v = uint8(i + 1)
			return nil
		}
	}
	return &bulk.ConfigError{Field: field, Value: string(text), Problem: "must be one of " + strings.Join(t, ", ")}
}
