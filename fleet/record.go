package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// recordVersion is the version of the encoding. A member never changes a record of
// another version.
const recordVersion = 1

// record is what the members of a budget share. Each write adds 1 to Count.
//
// Invariant: each member lowers its own row only, after it has resized its bulkhead.
// Every member may raise any row, as long as the charges stay within the total. A row
// is removed by its member in Leave, or by any member after it was not renewed for
// Lapse.
type record struct {
	Version  int    `json:"v"`
	Epoch    string `json:"epoch"` // another one if the record was made anew
	Count    uint64 `json:"count"`
	Learning bool   `json:"learning,omitempty"` // members may hold slots that are not in the record yet
	Lapse    int64  `json:"lapse_ms,omitempty"` // while it learns: the longest lapse of a member that may hold some
	Rows     []row  `json:"members"`
}

// row is what a record says of one member.
type row struct {
	ID     string `json:"id"` // of this incarnation: never used again
	Name   string `json:"name"`
	Seq    uint64 `json:"seq"` // of the last attempt to write by this member: a change renews the lease
	Share  int    `json:"share"`
	Drain  int    `json:"drain,omitempty"`  // slots in use above Share
	Load   int    `json:"load,omitempty"`   // slots that the member could use on average, with headroom
	Demand int    `json:"demand,omitempty"` // the same at its peak
	Min    int    `json:"min,omitempty"`
	Total  int    `json:"total"`          // that the member was told: the smallest of all counts
	Lapse  int64  `json:"lapse_ms"`       // after it without renewal, the others remove the row
	Turn   uint64 `json:"turn,omitempty"` // the lowest is first where slots cannot be divided

	Leaving bool `json:"leaving,omitempty"` // it gets no more slots
}

// load returns the average demand. It is not known if all operations were rejected, or if
// the row was written by a version that had only the peak: then it is the peak.
func (r row) load() int {
	if r.Load == 0 {
		return r.Demand
	}
	return min(r.Load, r.Demand)
}

// charge returns the slots that the member may be using.
func (r row) charge() int { return r.Share + r.Drain }

// total returns the smallest total of all members, 0 without members.
func (r *record) total() int {
	total := 0
	for _, row := range r.Rows {
		if total == 0 || row.Total < total {
			total = row.Total
		}
	}
	return total
}

// charged returns the sum of the charges.
func (r *record) charged() int {
	sum := 0
	for _, row := range r.Rows {
		sum += row.charge()
	}
	return sum
}

// lapse returns the longest lapse of a member that may hold slots.
func (r *record) lapse() time.Duration {
	longest := r.Lapse
	for _, row := range r.Rows {
		longest = max(longest, row.Lapse)
	}
	return time.Duration(longest) * time.Millisecond
}

// index returns the index of the row with the ID, or -1.
func (r *record) index(id string) int {
	return slices.IndexFunc(r.Rows, func(row row) bool { return row.ID == id })
}

// lastTurn returns the highest turn of all rows.
func (r *record) lastTurn() uint64 {
	var last uint64
	for _, row := range r.Rows {
		last = max(last, row.Turn)
	}
	return last
}

func (r *record) clone() *record {
	c := *r
	c.Rows = slices.Clone(r.Rows)
	return &c
}

func (r *record) encode() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // a record has no value that JSON cannot express
	}
	return text
}

// errRecord is the error for a record that a member cannot use. The member leaves it
// as it is.
var errRecord = errors.New("fleet: unusable record")

const maxLapseMS = int64(2 * maxLapse / time.Millisecond)

func decode(text []byte) (*record, error) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", errRecord, err)
	}
	if r.Version != recordVersion {
		return nil, fmt.Errorf("%w: version %d, want %d", errRecord, r.Version, recordVersion)
	}
	if r.Lapse < 0 || r.Lapse > maxLapseMS {
		return nil, fmt.Errorf("%w: a lapse of %d ms", errRecord, r.Lapse)
	}
	ids := make(map[string]bool, len(r.Rows))
	for _, row := range r.Rows {
		ok := row.ID != "" && !ids[row.ID] && row.Total >= 1 && row.Total <= maxTotal && row.Lapse > 0 && row.Lapse <= maxLapseMS
		for _, n := range []int{row.Share, row.Drain, row.Load, row.Demand, row.Min} {
			ok = ok && n >= 0 && n <= maxTotal
		}
		if !ok {
			return nil, fmt.Errorf("%w: member %q has a value that is not allowed", errRecord, row.ID)
		}
		ids[row.ID] = true
	}
	return &r, nil
}
