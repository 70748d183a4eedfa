package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// maxForm bounds the body of a request that changes something, in bytes.
const maxForm = 8 << 10

// problem is why a change is not made.
type problem struct {
	status  int
	heading string
	text    string
}

// serveChange answers the form of AllowChanges in two steps: a page that shows the capacity
// before and after the change, and the change itself.
func (d *dashboard) serveChange(w http.ResponseWriter, r *http.Request) {
	if d.authorize == nil {
		fail(w, http.StatusNotFound, "There is no such page.")
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		fail(w, http.StatusMethodNotAllowed, "A change is sent with POST.")
		return
	}
	if err := d.crossOrigin.Check(r); err != nil {
		fail(w, http.StatusForbidden, "The request comes from another site.")
		return
	}
	if !d.authorize(r) {
		fail(w, http.StatusForbidden, "You may not change capacities.")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		fail(w, status, "The form cannot be read.")
		return
	}
	if from := r.PostForm.Get("instance"); from != "" && from != d.instance {
		writeProblem(w, confirmation{}, problem{http.StatusConflict, "The program has started again", "Nothing was changed. The number in the form can be that of another bulkhead now."})
		return
	}
	d.sampler.refresh()
	id, _ := strconv.ParseUint(r.PostForm.Get("id"), 10, 64)
	t, ok := d.sampler.find(id)
	if !ok {
		writeProblem(w, confirmation{}, problem{http.StatusNotFound, "Not found", "There is no bulkhead with this number. Numbers change when the process starts again."})
		return
	}
	now := d.sampler.current(t)
	label := safetext.Printable(now.status.Label) // t.label() needs the lock of the sampler
	page := confirmation{ID: id, Label: label, Title: "Change – " + label}
	if now.target == nil {
		writeProblem(w, page, problem{http.StatusForbidden, "Read-only", "The capacity of this member cannot be changed here."})
		return
	}
	was, to, bad := readChange(r.PostForm, now)
	if bad != nil {
		writeProblem(w, page, *bad)
		return
	}
	if r.PostForm.Get("step") != "apply" {
		page.compare(now, was, to)
		page.Hidden = append(page.Hidden, figure{"instance", d.instance})
		writeTemplate(w, http.StatusOK, "confirm", page)
		return
	}
	if bad := d.apply(r, t, now, was, to); bad != nil {
		writeProblem(w, page, *bad)
		return
	}
	w.Header().Set("Location", "./?id="+strconv.FormatUint(id, 10))
	w.WriteHeader(http.StatusSeeOther)
}

// apply makes the change unless the capacity is not the confirmed one any more.
func (d *dashboard) apply(r *http.Request, t *track, now *reading, was, to bulk.Capacity) *problem {
	var found bulk.Capacity
	set := now.owned(was, to)
	err := now.target.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		if found = c; c != was {
			return c
		}
		c = to
		if set != nil { // the owner sets it
			c.Parallelism = was.Parallelism
		}
		return c
	})
	if err == nil && found == was && set != nil {
		err = set(to.Parallelism)
	}
	switch {
	case errors.Is(err, bulk.ErrClosed):
		return &problem{http.StatusConflict, "Closed", "The bulkhead is closed. Nothing was changed."}
	case err != nil:
		return &problem{http.StatusBadRequest, "Not allowed", err.Error()}
	case found != was:
		return changedMeanwhile(was, found)
	}
	if d.onChange != nil {
		d.onChange(Change{Request: r, At: time.Now(), ID: t.id, Label: now.status.Label, From: was, To: to})
	}
	d.sampler.sample()
	return nil
}

// owned returns what sets the parallelism in place of the bulkhead, nil if that is not
// changed or the bulkhead does.
func (r *reading) owned(was, to bulk.Capacity) (set func(int) error) {
	for _, o := range r.owners {
		if o.set != nil && was.Parallelism != to.Parallelism {
			set = o.set
		}
	}
	return set
}

func changedMeanwhile(was, found bulk.Capacity) *problem {
	return &problem{http.StatusConflict, "The capacity has changed meanwhile",
		"Nothing was changed. Since you opened the form: " + changeOf(was, found) + ". Go back and decide again."}
}

// readChange reads the form: the capacity that was shown, and the one that is wanted.
func readChange(form url.Values, now *reading) (was, to bulk.Capacity, bad *problem) {
	invalid := func(text string) *problem { return &problem{http.StatusBadRequest, "Not allowed", text} }
	if err := json.Unmarshal([]byte(form.Get("was")), &was); err != nil || form.Get("was") == "" {
		return was, to, invalid("The form has no capacity that was shown.")
	}
	if found := now.capacity(); found != was && form.Get("step") != "apply" {
		return was, to, changedMeanwhile(was, found)
	}
	to = was
	switch form.Get("step") {
	case "pause":
		to.Parallelism = 0
		return was, to, nil
	case "review", "resume", "apply":
	default:
		return was, to, invalid("step must be review, pause, resume or apply.")
	}
	var errs []error
	number := func(name string, into *int) {
		text := strings.TrimSpace(form.Get(name))
		n, err := strconv.Atoi(text)
		if name == "parallelism" && strings.EqualFold(text, "unlimited") {
			n, err = bulk.Unlimited, nil
		}
		if err != nil {
			errs = append(errs, &bulk.ConfigError{Field: name, Value: safetext.Excerpt(text), Problem: "must be a whole number"})
			return
		}
		*into = n
	}
	duration := func(name string, into *time.Duration) {
		text := strings.TrimSpace(form.Get(name))
		if text == "" || text == "0" {
			*into = 0
			return
		}
		limit, err := time.ParseDuration(text)
		if err != nil {
			errs = append(errs, &bulk.ConfigError{Field: name, Value: safetext.Excerpt(text), Problem: `must be a duration such as "250ms", or "0s" for none`})
			return
		}
		*into = limit
	}
	number("parallelism", &to.Parallelism)
	number("waiting_room", &to.WaitingRoom)
	duration("wait_limit", &to.WaitLimit)
	duration("delay_target", &to.DelayTarget)
	duration("delay_interval", &to.DelayInterval)
	if err := errors.Join(append(errs, to.Validate())...); err != nil {
		return was, to, invalid(err.Error())
	}
	if form.Get("step") == "resume" && to.Parallelism == 0 {
		return was, to, invalid("To resume, enter the number of slots.")
	}
	return was, to, nil
}

// confirmation is what the page of the second step shows.
type confirmation struct {
	ID                    uint64
	Label, Title, Heading string
	Lines                 []comparison
	Effects               []string
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
	if was == to {
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
	for _, o := range now.owners {
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

// changeForm is the form on the page of one bulkhead.
type changeForm struct {
	ID                                    uint64
	Instance                              string // the form is rejected by another process
	Was                                   string // JSON of the capacity that is shown
	Parallelism                           string
	WaitingRoom                           int
	WaitLimit, DelayTarget, DelayInterval time.Duration
	Paused                                bool
	Resume                                string // the parallelism before the pause, if it is known
}

// form returns the form for t, filled with its capacity. While it is paused, the
// parallelism is the one before, if that was seen.
func (s *sampler) form(t *track) *changeForm {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := t.now.capacity()
	f := &changeForm{
		ID: t.id, Was: string(mustJSON(c)), Parallelism: parallelismInput(c.Parallelism), WaitingRoom: c.WaitingRoom,
		WaitLimit: c.WaitLimit, DelayTarget: c.DelayTarget, DelayInterval: c.DelayInterval, Paused: c.Parallelism == 0,
	}
	if f.Paused && len(t.resized) > 0 && t.resized[0].From.Parallelism > 0 {
		f.Resume = parallelismInput(t.resized[0].From.Parallelism)
		f.Parallelism = f.Resume
	}
	return f
}

// parallelismInput returns a parallelism as the form reads it.
func parallelismInput(n int) string {
	if n == bulk.Unlimited {
		return "unlimited"
	}
	return strconv.Itoa(n)
}
