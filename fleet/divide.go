package fleet

import (
	"cmp"
	"slices"
)

// division is how a total should be divided among the rows of a record, by the index
// of the row.
type division struct {
	want   []int // for the demand and the minimum
	target []int // want, and a part of what is left
}

// divide divides the total of r. Rows that are quiet keep what they have: they have
// not been renewed for a while, so that more slots for them would be idle.
//
// The demands are met max-min fair, as by the algorithm FAIR_SHARE of Doorman
// (github.com/youtube/doorman, doc/algorithms.md): no row gets more than its demand, and
// none gets less than another one except if its demand is less. The minimum comes
// first, then the loads, which are averages, and then the demands, which are peaks: the
// average of a member that is always full is met before the peaks of others. What is left
// is divided evenly, so that a burst finds slots.
func divide(r *record, quiet func(row) bool) division {
	n := len(r.Rows)
	d := division{make([]int, n), make([]int, n)}
	total, minima, active := r.total(), 0, 0
	floor, load, demand, minimum := make([]int, n), make([]int, n), make([]int, n), make([]int, n)
	for i, row := range r.Rows {
		if quiet(row) {
			floor[i] = row.charge()
			total -= floor[i]
			continue
		}
		active++
		minima += row.Min
		load[i], demand[i], minimum[i] = row.load(), row.Demand, min(row.Demand, row.Min)
	}
	for i, row := range r.Rows {
		if minima <= total && !quiet(row) {
			minimum[i] = row.Min // there is enough to reserve it without a demand
		}
	}
	order := r.order()
	reserved := level(total, make([]int, n), minimum, order)
	d.want = level(total, level(total, reserved, load, order), demand, order)
	rest := total
	for _, n := range d.want {
		rest -= n
	}
	for _, i := range order {
		d.target[i] = d.want[i]
		if active > 0 && rest > 0 && !quiet(r.Rows[i]) {
			extra := (rest + active - 1) / active
			d.target[i] += extra
			rest, active = rest-extra, active-1
		}
		if quiet(r.Rows[i]) {
			d.want[i], d.target[i] = floor[i], floor[i]
		}
	}
	return d
}

// order returns the indices of the rows by turn.
func (r *record) order() []int {
	order := make([]int, len(r.Rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(r.Rows[i].Turn, r.Rows[j].Turn), cmp.Compare(r.Rows[i].ID, r.Rows[j].ID))
	})
	return order
}

// level gives each row the same number of slots, but not less than its floor and not more
// than the higher one of its floor and its want, so that the sum is at most total.
// The slots that are left because they cannot be divided go to the first in the order.
func level(total int, floor, want []int, order []int) []int {
	fill := func(level int) ([]int, int) {
		got, sum := make([]int, len(floor)), 0
		for i := range got {
			got[i] = max(floor[i], min(want[i], level))
			sum += got[i]
		}
		return got, sum
	}
	low, high := 0, max(0, total) // the level is in [low, high]
	for low < high {
		middle := (low + high + 1) / 2
		if _, sum := fill(middle); sum <= total {
			low = middle
		} else {
			high = middle - 1
		}
	}
	got, sum := fill(low)
	for _, i := range order {
		if sum < total && got[i] == low && want[i] > low {
			got[i]++
			sum++
		}
	}
	return got
}

// short reports whether the members want more than is free. Only then a member must give
// slots back: otherwise all keep what they have, so that shares are steady.
func (d division) short(r *record) bool {
	missing := 0
	for i, row := range r.Rows {
		missing += max(0, d.want[i]-row.charge())
	}
	free := r.total() - r.charged()
	return free < 0 || missing > free
}

// raise adds the free slots of r to the shares below their targets: first for what is
// wanted, then for the rest.
func (d division) raise(r *record) {
	order := r.order()
	for _, goal := range [][]int{d.want, d.target} {
		free := r.total() - r.charged()
		if free <= 0 {
			return
		}
		missing := make([]int, len(r.Rows))
		for i, row := range r.Rows {
			missing[i] = max(0, goal[i]-row.charge())
		}
		for i, n := range level(free, make([]int, len(missing)), missing, order) {
			r.Rows[i].Share += n
		}
	}
}
