package dashboard

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
)

// confirmation is what the page of the second step shows.
type confirmation struct {
	ID                    uint64
	Label, Title, Heading string
	Lines                 []comparison
	Effects               []string
	Different             bool // there is something to confirm
	Hidden                []figure
	Problem               []string
}

// comparison is a setting before and after the change.
type comparison struct{ Name, Before, After string }

// Changed reports whether the change concerns the setting.
func (c comparison) Changed() bool { return c.Before != c.After }

func writeProblem(w http.ResponseWriter, page confirmation, p problem) {
	page.Heading, page.Problem = p.heading, strings.Split(p.text, "\n")
	if page.Title == "" {
		page.Title = p.heading
	}
	writeTemplate(w, p.status, "confirm", page)
}

// compare fills the page that shows the change.
func (c *confirmation) compare(now *reading, was, to bulk.Capacity) {
	c.Heading = "Change the capacity of " + c.Label + "?"
	if c.Different = was != to; !c.Different {
		c.Heading = "Nothing is different"
	}
	c.Lines = []comparison{
		{"Slots", formatParallelism(was.Parallelism), formatParallelism(to.Parallelism)},
		{"Waiting room", formatCount(was.WaitingRoom), formatCount(to.WaitingRoom)},
		{"Wait limit", limitText(was.WaitLimit), limitText(to.WaitLimit)},
		{"Delay target", limitText(was.DelayTarget), limitText(to.DelayTarget)},
		{"Delay interval", limitText(was.DelayInterval), limitText(to.DelayInterval)},
	}
	c.Effects = effects(now, was, to)
	c.Hidden = []figure{
		{"id", strconv.FormatUint(c.ID, 10)}, {"was", string(mustJSON(was))},
		{"parallelism", parallelismInput(to.Parallelism)}, {"waiting_room", strconv.Itoa(to.WaitingRoom)},
		{"wait_limit", to.WaitLimit.String()}, {"delay_target", to.DelayTarget.String()}, {"delay_interval", to.DelayInterval.String()},
	}
}

// effects says what the change does immediately, and what it does not do.
func effects(now *reading, was, to bulk.Capacity) (texts []string) {
	add := func(cond bool, format string, args ...any) {
		if cond {
			texts = append(texts, fmt.Sprintf(format, args...))
		}
	}
	s := now.status
	add(now.keyed != nil, "This is the capacity of each key, of all keys that there are and of those to come.")
	add(to.Parallelism == 0 && was.Parallelism != 0, "No operation is admitted until the number of slots is raised again.")
	add(to.Parallelism < was.Parallelism, "Operations in flight are not interrupted: %d slots are in use now.", s.InUse)
	add(to.Parallelism > was.Parallelism && s.Waiting > 0, "Of the %d waiting operations, those that fit are admitted immediately.", s.Waiting)
	owned := now.owned(was, to) != nil
	add(to.Parallelism > was.Parallelism && !owned, "The dependency gets more concurrent calls. Check that it can take them.")
	for _, o := range now.active() {
		if to.Parallelism != was.Parallelism {
			text := o.effect(to.Parallelism)
			add(text != "", "%s", text)
		}
	}
	add(to.WaitingRoom < was.WaitingRoom, "No waiting operation is rejected. The smaller waiting room takes effect as they leave.")
	add(to.WaitLimit != was.WaitLimit || to.DelayTarget != was.DelayTarget || to.DelayInterval != was.DelayInterval,
		"The limits on waiting apply to operations that arrive later.")
	return texts
}
