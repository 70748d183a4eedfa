package fleet

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func noneQuiet(row) bool { return false }

// rows makes a record of members with these demands.
func rows(total int, demands ...int) *record {
	r := &record{}
	for i, d := range demands {
		r.Rows = append(r.Rows, row{ID: string(rune('a' + i)), Demand: d, Min: 1, Total: total, Turn: uint64(i), Lapse: 1000})
	}
	return r
}

func TestDivisionIsFairByDemand(t *testing.T) {
	for _, c := range []struct {
		name    string
		total   int
		demands []int
		want    []int // slots wanted
		target  []int // with the rest
	}{
		{"the example of Doorman", 120, []int{1000, 50, 10}, []int{60, 50, 10}, []int{60, 50, 10}},
		{"all want more", 10, []int{100, 100, 100}, []int{4, 3, 3}, []int{4, 3, 3}},
		{"none wants anything", 10, []int{0, 0, 0}, []int{1, 1, 1}, []int{4, 3, 3}},
		{"one is idle", 10, []int{0, 100}, []int{1, 9}, []int{1, 9}},
		{"the rest is divided evenly", 20, []int{2, 6}, []int{2, 6}, []int{8, 12}},
		{"fewer slots than members", 2, []int{5, 0, 5, 5}, []int{1, 0, 1, 0}, []int{1, 0, 1, 0}},
		{"fewer slots than members, but most are idle", 2, []int{0, 0, 5}, []int{0, 0, 2}, []int{0, 0, 2}},
		{"no members", 5, nil, []int{}, []int{}},
	} {
		d := divide(rows(c.total, c.demands...), noneQuiet)
		if !slices.Equal(d.want, c.want) || !slices.Equal(d.target, c.target) {
			t.Errorf("%s: want %v and target %v, not %v and %v", c.name, c.want, c.target, d.want, d.target)
		}
	}
}

func TestLoadsComeBeforePeaks(t *testing.T) {
	r := rows(30, 40, 8, 8, 8, 8)
	for i, load := range []int{35, 4, 4, 4, 3} {
		r.Rows[i].Load = load
	}
	if d, want := divide(r, noneQuiet), []int{15, 4, 4, 4, 3}; !slices.Equal(d.want, want) {
		t.Errorf("want %v, not %v", want, d.want)
	}
	old := rows(30, 40, 40, 40)
	old.Rows[0].Load = 40
	if d, want := divide(old, noneQuiet), []int{10, 10, 10}; !slices.Equal(d.want, want) {
		t.Errorf("beside rows without a load: want %v, not %v", want, d.want)
	}
	r.Rows[0].Load, r.Rows[0].Demand = 7, 7 // what the loads leave is for the peaks
	if d, want := divide(r, noneQuiet), []int{7, 6, 6, 6, 5}; !slices.Equal(d.want, want) {
		t.Errorf("want %v, not %v", want, d.want)
	}
}

func TestQuietMembersKeepWhatTheyHave(t *testing.T) {
	r := rows(20, 20, 20, 20)
	r.Rows[1].Share, r.Rows[1].Drain = 3, 1
	d := divide(r, func(r row) bool { return r.ID == "b" })
	if want := []int{8, 4, 8}; !slices.Equal(d.target, want) {
		t.Errorf("target %v, want %v", d.target, want)
	}
}

func TestSmallestTotalCounts(t *testing.T) {
	r := rows(20, 9, 9)
	r.Rows[1].Total = 7
	if r.total() != 7 {
		t.Errorf("total %d, want 7", r.total())
	}
}

// drawRecord draws any record whose charges may exceed the total.
func drawRecord(t *rapid.T) *record {
	r := &record{Version: recordVersion, Epoch: "e", Count: 1}
	total := rapid.IntRange(1, 50).Draw(t, "total")
	for i := range rapid.IntRange(0, 12).Draw(t, "members") {
		small := rapid.OneOf(rapid.Just(0), rapid.IntRange(0, 12))
		r.Rows = append(r.Rows, row{
			ID: string(rune('a' + i)), Total: total, Lapse: 1, Turn: uint64(rapid.IntRange(0, 3).Draw(t, "turn")),
			Share: small.Draw(t, "share"), Drain: small.Draw(t, "drain"), Load: small.Draw(t, "load"), Demand: small.Draw(t, "demand"), Min: rapid.IntRange(0, 3).Draw(t, "min"),
		})
	}
	return r
}

func TestDivisionGivesOutExactlyTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		if len(r.Rows) == 0 {
			return
		}
		mute := rapid.SliceOfN(rapid.Bool(), len(r.Rows), len(r.Rows)).Draw(t, "quiet")
		quiet := func(row row) bool { return mute[r.index(row.ID)] }
		d := divide(r, quiet)
		sum, wanted, kept, active := 0, 0, 0, 0
		for i, row := range r.Rows {
			sum += d.target[i]
			if quiet(row) {
				kept += d.target[i]
				continue
			}
			active++
			wanted += d.want[i]
			if d.want[i] > max(row.Demand, row.Min) || d.target[i] < d.want[i] {
				t.Errorf("%d: want %d, target %d, demand %d", i, d.want[i], d.target[i], row.Demand)
			}
		}
		if room := max(0, r.total()-kept); active > 0 && sum-kept != room {
			t.Errorf("%d of %d slots given out", sum-kept, room)
		}
		for i, a := range r.Rows {
			for j, b := range r.Rows {
				// No row has more than another one whose load is not met, but for its minimum
				// and the slot that cannot be divided. For demands the same holds, but a row may
				// have its load.
				least := max(b.Min, d.want[i]+1)
				if d.want[i] >= a.load() {
					least = max(least, b.load())
				}
				if !quiet(a) && !quiet(b) && d.want[i] < a.Demand && d.want[j] > least {
					t.Errorf("%d has %d of %d, %d has %d", i, d.want[i], a.Demand, j, d.want[j])
				}
			}
		}
	})
}

func TestRaiseStaysWithinTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		before := r.clone()
		d := divide(r, noneQuiet)
		d.raise(r)
		for i, row := range r.Rows {
			if row.Share < before.Rows[i].Share {
				t.Errorf("%d fell from %d to %d", i, before.Rows[i].Share, row.Share)
			}
			if row.Share > before.Rows[i].Share && row.charge() > d.target[i] {
				t.Errorf("%d rose to %d, target %d", i, row.charge(), d.target[i])
			}
		}
		if r.charged() > max(r.total(), before.charged()) {
			t.Errorf("%d of %d are charged, %d before", r.charged(), r.total(), before.charged())
		}
		if before.charged() < r.total() && len(r.Rows) > 0 && r.charged() < r.total() {
			for i, row := range r.Rows {
				if row.charge() < d.target[i] {
					t.Errorf("%d has %d, target %d, although %d are free", i, row.charge(), d.target[i], r.total()-r.charged())
				}
			}
		}
	})
}

func TestRecordCanBeReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		back, err := decode(r.encode())
		if err != nil {
			t.Fatal(err)
		}
		if string(back.encode()) != string(r.encode()) {
			t.Errorf("%s became %s", r.encode(), back.encode())
		}
	})
}

func TestUnusableRecordIsAnError(t *testing.T) {
	for _, text := range []string{
		``, `{`, `[]`, `{"v":2,"epoch":"e"}`,
		`{"v":1,"members":[{"id":"","total":1,"lapse_ms":1}]}`,
		`{"v":1,"members":[{"id":"a","total":1,"lapse_ms":1},{"id":"a","total":1,"lapse_ms":1}]}`,
		`{"v":1,"members":[{"id":"a","total":0,"lapse_ms":1}]}`,
		`{"v":1,"members":[{"id":"a","total":1000001,"lapse_ms":1}]}`,
		`{"v":1,"members":[{"id":"a","total":1,"lapse_ms":0}]}`,
		`{"v":1,"members":[{"id":"a","total":1,"lapse_ms":9223372036854775807}]}`,
		`{"v":1,"members":[{"id":"a","total":1,"lapse_ms":1,"share":-1}]}`,
		`{"v":1,"members":[{"id":"a","total":1,"lapse_ms":1,"drain":-1}]}`,
		`{"v":1,"members":[{"id":"a","total":1,"lapse_ms":1,"demand":1000001}]}`,
		`{"v":1,"members":[{"id":"a","total":1,"lapse_ms":1,"load":-1}]}`,
		`{"v":1,"members":[{"id":"a","total":1,"lapse_ms":1,"min":-1}]}`,
	} {
		if r, err := decode([]byte(text)); err == nil {
			t.Errorf("%s is read as %+v", text, r)
		}
	}
}
