package dashboard

import (
	"encoding/json"
	"errors"
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
	was, to, bad := readChange(r.PostForm)
	if bad != nil {
		writeProblem(w, page, *bad)
		return
	}
	if r.PostForm.Get("step") != "apply" {
		found := now.capacity()
		made, conflict := now.rebase(found, was, to)
		if conflict {
			writeProblem(w, page, *changedMeanwhile(was, found))
			return
		}
		was, to = found, made
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

// apply makes the change unless the capacity is not the confirmed one any more. If nothing
// is different, it does nothing.
func (d *dashboard) apply(r *http.Request, t *track, now *reading, was, to bulk.Capacity) *problem {
	if was == to {
		return nil
	}
	var found, made bulk.Capacity
	conflict := false
	set := now.owned(was, to)
	err := now.target.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		found = c
		made, conflict = now.rebase(c, was, to)
		if conflict = conflict || endsPause(c, was, to); conflict {
			return c
		}
		c = made
		if set != nil { // the owner sets it
			c.Parallelism = found.Parallelism
		}
		return c
	})
	if err == nil && !conflict && set != nil {
		err = set(to.Parallelism)
		made = now.target.Capacity() // an owner can allow fewer slots
	}
	switch {
	case errors.Is(err, bulk.ErrClosed):
		return &problem{http.StatusConflict, "Closed", "The bulkhead is closed. Nothing was changed."}
	case err != nil:
		return &problem{http.StatusBadRequest, "Not allowed", err.Error()}
	case conflict:
		return changedMeanwhile(was, found)
	}
	d.sampler.note(t, cause{time.Now(), made.Parallelism, "set with this page"})
	if d.onChange != nil && (made != found || set != nil) {
		d.onChange(Change{Request: r, At: time.Now(), ID: t.id, Label: now.status.Label, From: found, To: made})
	}
	d.sampler.sample()
	return nil
}

// note remembers why the capacity of t was changed.
func (s *sampler) note(t *track, c cause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.made = c
}

// readChange reads the form: the capacity that was shown, and the one that is wanted.
func readChange(form url.Values) (was, to bulk.Capacity, bad *problem) {
	invalid := func(text string) *problem { return &problem{http.StatusBadRequest, "Not allowed", text} }
	if err := json.Unmarshal([]byte(form.Get("was")), &was); err != nil || form.Get("was") == "" {
		return was, to, invalid("The form has no capacity that was shown.")
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
// parallelism is the one before, if that was seen, or the one that an owner wants. If
// neither is known, it is 0, which readChange does not take for the end of a pause.
func (s *sampler) form(t *track) *changeForm {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := t.now.capacity()
	f := &changeForm{
		ID: t.id, Was: string(mustJSON(c)), Parallelism: parallelismInput(c.Parallelism), WaitingRoom: c.WaitingRoom,
		WaitLimit: c.WaitLimit, DelayTarget: c.DelayTarget, DelayInterval: c.DelayInterval, Paused: c.Parallelism == 0,
	}
	if !f.Paused {
		return f
	}
	if len(t.resized) > 0 && t.resized[0].from.Parallelism > 0 {
		f.Resume = parallelismInput(t.resized[0].from.Parallelism)
		f.Parallelism = f.Resume
	}
	for _, o := range t.now.active() {
		if o.resume == nil {
			continue
		}
		n := o.resume()
		f.Parallelism, f.Resume = parallelismInput(n), ""
		if n > 0 && n != bulk.Unlimited {
			f.Resume = "at most " + parallelismInput(n)
		}
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
