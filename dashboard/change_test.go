package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/registry"
)

func allow(*http.Request) bool { return true }

// post sends a form, with pairs of header names and values.
func post(h http.Handler, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/change", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([a-z_]+)" value="([^"]*)">`)

// confirmed returns the hidden inputs of a confirmation page as the form that it sends.
func confirmed(body string) url.Values {
	form := url.Values{"step": {"apply"}}
	for _, m := range hiddenInput.FindAllStringSubmatch(body, -1) {
		form.Set(m[1], strings.ReplaceAll(m[2], "&#34;", `"`))
	}
	return form
}

// formOf returns the form for b as the page shows it.
func formOf(id uint64, was string, c map[string]string) url.Values {
	form := url.Values{"id": {fmt.Sprint(id)}, "was": {was}, "step": {"review"}, "parallelism": {"10"}, "waiting_room": {"0"},
		"wait_limit": {"0s"}, "delay_target": {"0s"}, "delay_interval": {"0s"}}
	for name, value := range c {
		form.Set(name, value)
	}
	return form
}

func TestChangeIsConfirmedMadeAndAudited(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 10))
	var changes []dashboard.Change
	h := dashboard.New(dashboard.Show(b), dashboard.AllowChanges(allow), dashboard.OnChange(func(c dashboard.Change) { changes = append(changes, c) }))
	id := b.Status().ID
	page := get(t, h, fmt.Sprintf("/?format=html&id=%d", id)).Body.String()
	if !strings.Contains(page, "Change the capacity") {
		t.Fatalf("no form: %s", page)
	}
	review := post(h, formOf(id, `{"parallelism":10,"waiting_room":0}`, map[string]string{"parallelism": "4", "waiting_room": "20", "wait_limit": "250ms"}))
	if body := review.Body.String(); review.Code != http.StatusOK || !strings.Contains(body, "<td>10</td><td>4 <span") || !strings.Contains(body, "<td>none</td><td>250ms") {
		t.Fatalf("status %d: %s", review.Code, body)
	}
	if b.Capacity().Parallelism != 10 {
		t.Fatal("changed before the confirmation")
	}
	w := post(h, confirmed(review.Body.String()))
	want := bulk.Capacity{Parallelism: 4, WaitingRoom: 20, WaitLimit: 250e6}
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != fmt.Sprintf("./?id=%d", id) || b.Capacity() != want {
		t.Fatalf("status %d, capacity %v: %s", w.Code, b.Capacity(), w.Body)
	}
	if len(changes) != 1 || changes[0].Label != "payments" || changes[0].From.Parallelism != 10 || changes[0].To != want || changes[0].ID != id || changes[0].Request == nil || changes[0].At.IsZero() {
		t.Errorf("audited %+v", changes)
	}
	if page := get(t, h, fmt.Sprintf("/?format=html&id=%d", id)).Body.String(); !strings.Contains(page, "slots 10 → 4, waiting room 0 → 20, wait limit none → 250ms") {
		t.Errorf("the page does not show the change: %s", page)
	}
}

func TestChangeOfNothingHasNoButtonAndIsNotAudited(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 10))
	h := dashboard.New(dashboard.Show(b), dashboard.AllowChanges(allow), dashboard.OnChange(func(c dashboard.Change) { t.Errorf("audited %+v", c) }))
	review := post(h, formNow(b))
	if body := review.Body.String(); !strings.Contains(body, "Nothing is different") || strings.Contains(body, "Change it now") || !strings.Contains(body, ">Back<") {
		t.Errorf("status %d: %s", review.Code, body)
	}
	if w := post(h, formNow(b, "step", "apply")); w.Code != http.StatusSeeOther {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestPauseAndResume(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 10))
	h := dashboard.New(dashboard.Show(b), dashboard.AllowChanges(allow))
	id := b.Status().ID
	get(t, h, "/")
	review := post(h, formOf(id, `{"parallelism":10,"waiting_room":0}`, map[string]string{"step": "pause"}))
	post(h, confirmed(review.Body.String()))
	if !b.Status().Paused() {
		t.Fatalf("not paused: %s", review.Body)
	}
	page := get(t, h, fmt.Sprintf("/?format=html&id=%d", id)).Body.String()
	if !strings.Contains(page, "Resume with 10 slots") {
		t.Errorf("no resume: %s", page)
	}
	review = post(h, formOf(id, `{"parallelism":0,"waiting_room":0}`, map[string]string{"step": "resume"}))
	post(h, confirmed(review.Body.String()))
	if b.Capacity().Parallelism != 10 {
		t.Errorf("capacity after resume: %v", b.Capacity())
	}
}

func TestSlotsOfAMemberOfAFleetAreItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var store fleet.Memory
		if err := fleet.Create(t.Context(), &store, "budget"); err != nil {
			t.Fatal(err)
		}
		var members []*fleet.Member
		for _, label := range []string{"payments", "others"} {
			m, err := fleet.Join(t.Context(), &store, "budget", 20, bulk.Must(bulk.New(label, 1)))
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, m)
		}
		time.Sleep(3 * fleet.DefaultRefresh)
		b := members[0].Bulkhead()
		h := dashboard.New(dashboard.Show(b, dashboard.Fleet(members[0])), dashboard.AllowChanges(allow))
		change := func(to int, notice string) {
			t.Helper()
			was, _ := json.Marshal(b.Capacity())
			review := post(h, formOf(b.Status().ID, string(was), map[string]string{"parallelism": strconv.Itoa(to)}))
			if !strings.Contains(review.Body.String(), notice) {
				t.Errorf("no %q in %s", notice, review.Body)
			}
			if w := post(h, confirmed(review.Body.String())); w.Code != http.StatusSeeOther {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
		}
		change(40, "now 10 of 20")
		if n, share := b.Capacity().Parallelism, members[0].Status().Share; n != share {
			t.Errorf("%d slots after 40 were entered, and the share is %d", n, share)
		}
		change(3, "limit for the member of the fleet")
		change(0, "Other members that need slots get the share of this one")
		time.Sleep(3 * fleet.DefaultRefresh)
		if !b.Status().Paused() {
			t.Errorf("a pause has ended by itself: %v", b.Capacity())
		}
		for _, m := range members {
			if err := m.Leave(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestConfirmationSaysWhatAnAdaptiveLimiterMakesOfTheSlots(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 10))
	l, err := adaptive.New(b, 2, 100)
	if err != nil {
		t.Fatal(err)
	}
	h := dashboard.New(dashboard.Show(b, dashboard.Adaptive(l)), dashboard.AllowChanges(allow))
	for to, notice := range map[string]string{"5": "sets at most 5 slots", "100": "sets from 2 to 100 slots", "0": "decides nothing until"} {
		review := post(h, formOf(b.Status().ID, `{"parallelism":10,"waiting_room":0}`, map[string]string{"parallelism": to}))
		if !strings.Contains(review.Body.String(), notice) {
			t.Errorf("%s slots: no %q in %s", to, notice, review.Body)
		}
	}
}

func TestConfirmationOfAnOlderCapacityIsRejected(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 10))
	h := dashboard.New(dashboard.Show(b), dashboard.AllowChanges(allow), dashboard.OnChange(func(dashboard.Change) { t.Error("audited") }))
	id := b.Status().ID
	review := post(h, formOf(id, `{"parallelism":10,"waiting_room":0}`, map[string]string{"parallelism": "4"}))
	if err := b.Resize(7); err != nil {
		t.Fatal(err)
	}
	w := post(h, confirmed(review.Body.String()))
	if w.Code != http.StatusConflict || b.Capacity().Parallelism != 7 || !strings.Contains(w.Body.String(), "slots 10 → 7") {
		t.Errorf("status %d, capacity %v: %s", w.Code, b.Capacity(), w.Body)
	}
}

func TestFormOfAnotherProcessIsRejected(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 10))
	before, after := dashboard.New(dashboard.Show(b), dashboard.AllowChanges(allow)), dashboard.New(dashboard.Show(b), dashboard.AllowChanges(allow))
	id := b.Status().ID
	page := get(t, before, fmt.Sprintf("/?format=html&id=%d", id)).Body.String()
	form := formOf(id, `{"parallelism":10,"waiting_room":0}`, map[string]string{"parallelism": "4", "instance": confirmed(page).Get("instance")})
	review := post(before, form)
	if w := post(after, form); w.Code != http.StatusConflict {
		t.Errorf("the form: status %d: %s", w.Code, w.Body)
	}
	if w := post(after, confirmed(review.Body.String())); w.Code != http.StatusConflict || b.Capacity().Parallelism != 10 {
		t.Errorf("the confirmation: status %d, %v: %s", w.Code, b.Capacity(), w.Body)
	}
	if w := post(before, confirmed(review.Body.String())); w.Code != http.StatusSeeOther {
		t.Errorf("the same process: status %d: %s", w.Code, w.Body)
	}
}

func TestChangesThatAreRejected(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 10))
	reg := registry.New()
	k, _ := registry.CreateKeyed[string](reg, "tenants", 10, 10)
	closed := bulk.Must(bulk.New("closed", 10))
	_ = closed.Close()
	h := dashboard.New(dashboard.Show(b, reg, closed), dashboard.AllowChanges(func(r *http.Request) bool { return r.Header.Get("Who") != "nobody" }))
	const was = `{"parallelism":10,"waiting_room":0}`
	id := b.Status().ID
	for _, c := range []struct {
		why    string
		form   url.Values
		header []string
		status int
		text   string
	}{
		{"not authorized", formOf(id, was, nil), []string{"Who", "nobody"}, 403, "You may not change capacities."},
		{"from another site", formOf(id, was, nil), []string{"Sec-Fetch-Site", "cross-site"}, 403, "another site"},
		{"from another origin", formOf(id, was, nil), []string{"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, 403, "another site"},
		{"no such bulkhead", formOf(id+1000, was, nil), nil, 404, "There is no bulkhead"},
		{"a Keyed of a registry", formOf(k.Status().ID, was, nil), nil, 403, "cannot be changed here"},
		{"closed", formOf(closed.Status().ID, was, map[string]string{"step": "apply", "parallelism": "3"}), nil, 409, "is closed"},
		{"no capacity that was shown", formOf(id, "", nil), nil, 400, "no capacity that was shown"},
		{"nonsense as capacity", formOf(id, "{", nil), nil, 400, "no capacity that was shown"},
		{"unknown step", formOf(id, was, map[string]string{"step": "burn"}), nil, 400, "step must be"},
		{"not a number", formOf(id, was, map[string]string{"parallelism": "many"}), nil, 400, "must be a whole number"},
		{"a number that is cut between characters", formOf(id, was, map[string]string{"parallelism": "a" + strings.Repeat("ä", 60)}), nil, 400, `ä&#34;: must be a whole number`},
		{"negative", formOf(id, was, map[string]string{"parallelism": "-1"}), nil, 400, "must be 0 (paused) or more"},
		{"not a duration", formOf(id, was, map[string]string{"wait_limit": "5"}), nil, 400, "must be a duration"},
		{"half of the delay control", formOf(id, was, map[string]string{"delay_target": "5ms"}), nil, 400, "with a delay target"},
		{"resume with 0", formOf(id, was, map[string]string{"step": "resume", "parallelism": "0"}), nil, 400, "enter the number of slots"},
		{"too large", formOf(id, was, map[string]string{"wait_limit": strings.Repeat("9", 10_000)}), nil, 413, "cannot be read"},
	} {
		w := post(h, c.form, c.header...)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) {
			t.Errorf("%s: status %d: %s", c.why, w.Code, w.Body)
		}
	}
	if c := b.Capacity(); c.Parallelism != 10 || c.WaitLimit != 0 {
		t.Errorf("changed to %v", c)
	}
	if w := get(t, h, "/change"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: status %d", w.Code)
	}
	page := get(t, h, fmt.Sprintf("/?format=html&id=%d", id), "Who", "nobody").Body.String()
	if strings.Contains(page, "Change the capacity") {
		t.Error("the form is shown to somebody who may not change")
	}
	if w := post(dashboard.Handler(b), formOf(id, was, nil)); w.Code != http.StatusNotFound {
		t.Errorf("read-only: status %d", w.Code)
	}
}

func TestCapacityOfAKeyedIsThatOfEachKey(t *testing.T) {
	k, _ := registry.NewKeyed[string]("tenants", 3, 10)
	h := dashboard.New(dashboard.Show(dashboard.Keyed(k)), dashboard.AllowChanges(allow))
	review := post(h, formOf(k.Status().ID, `{"parallelism":3,"waiting_room":0}`, map[string]string{"parallelism": "unlimited"}))
	if !strings.Contains(review.Body.String(), "capacity of each key") {
		t.Errorf("review: %s", review.Body)
	}
	if w := post(h, confirmed(review.Body.String())); w.Code != http.StatusSeeOther || k.Capacity().Parallelism != bulk.Unlimited {
		t.Errorf("status %d, capacity %v", w.Code, k.Capacity())
	}
}
