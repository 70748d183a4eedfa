package dashboard

import (
	"net/http"

	"github.com/bulklink/bulklink-go/bulk"
)

// rebase returns found with what is different between was and to. It reports a conflict if
// found is not the capacity that was shown.
//
// A pause, and each change of a bulkhead with an owner, conflicts only if a setting that it
// changes has changed. The parallelism is never in conflict then: a pause means the same
// with any parallelism, and an owner changes the parallelism all the time. A confirmed
// change that ends the pause of another viewer is also in conflict: see endsPause.
func (r *reading) rebase(found, was, to bulk.Capacity) (made bulk.Capacity, conflict bool) {
	pause := was
	pause.Parallelism = 0
	if to != pause && len(r.active()) == 0 {
		return to, found != was
	}
	made = found
	if to.Parallelism != was.Parallelism {
		made.Parallelism = to.Parallelism
	}
	conflict = merge3(&made.WaitingRoom, was.WaitingRoom, to.WaitingRoom)
	conflict = merge3(&made.WaitLimit, was.WaitLimit, to.WaitLimit) || conflict
	conflict = merge3(&made.DelayTarget, was.DelayTarget, to.DelayTarget) || conflict
	conflict = merge3(&made.DelayInterval, was.DelayInterval, to.DelayInterval) || conflict
	return made, conflict
}

// endsPause reports whether the change sets the slots of a bulkhead that was paused after
// its capacity was shown. The page of the confirmation did not say that the change ends the
// pause.
func endsPause(found, was, to bulk.Capacity) bool {
	return found.Parallelism == 0 && was.Parallelism != 0 && to.Parallelism != was.Parallelism && to.Parallelism != 0
}

// merge3 sets a setting to its new value if that is another one than was shown. It reports
// a conflict if the setting has neither value.
func merge3[T comparable](setting *T, was, to T) (conflict bool) {
	if was == to {
		return false
	}
	conflict = *setting != was && *setting != to
	*setting = to
	return conflict
}

// owned returns what sets the parallelism in place of the bulkhead, nil if that is not
// changed or the bulkhead does.
func (r *reading) owned(was, to bulk.Capacity) (set func(int) error) {
	for _, o := range r.active() {
		if o.set != nil && was.Parallelism != to.Parallelism {
			set = o.set
		}
	}
	return set
}

// active returns the owners that still set the parallelism.
func (r *reading) active() (active []owner) {
	for _, o := range r.owners {
		if !o.gone() {
			active = append(active, o)
		}
	}
	return active
}

func changedMeanwhile(was, found bulk.Capacity) *problem {
	return &problem{http.StatusConflict, "The capacity has changed meanwhile",
		"Nothing was changed. Since you opened the form: " + changeOf(was, found) + ". Go back and decide again."}
}
