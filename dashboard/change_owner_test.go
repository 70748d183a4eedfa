package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/fleet"
)

// join returns n members of a budget of 20 slots, which have their shares.
func join(t *testing.T, n int) (members []*fleet.Member) {
	t.Helper()
	var store fleet.Memory
	if err := fleet.Create(t.Context(), &store, "budget"); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		m, err := fleet.Join(t.Context(), &store, "budget", 20, bulk.Must(bulk.New(fmt.Sprintf("member %d", i), 1)))
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, m)
	}
	time.Sleep(3 * fleet.DefaultRefresh)
	return members
}

func leave(t *testing.T, m *fleet.Member) {
	t.Helper()
	if err := m.Leave(t.Context()); err != nil {
		t.Error(err)
	}
}

// change sends the form for b as it is now, with pairs of names and values, and confirms it.
func change(h http.Handler, b *bulk.Bulkhead, pairs ...string) *httptest.ResponseRecorder {
	review := post(h, formNow(b, pairs...))
	if review.Code != http.StatusOK {
		return review
	}
	return post(h, confirmed(review.Body.String()))
}

func formNow(b *bulk.Bulkhead, pairs ...string) url.Values {
	was, _ := json.Marshal(b.Capacity())
	values := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return formOf(b.Status().ID, string(was), values)
}

func TestSlotsOfAMemberThatHasLeftAreThoseThatAreEntered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := join(t, 1)[0]
		leave(t, m)
		var audit []dashboard.Change
		b := m.Bulkhead()
		h := dashboard.New(dashboard.Show(b, dashboard.Fleet(m)), dashboard.AllowChanges(allow), dashboard.OnChange(func(c dashboard.Change) { audit = append(audit, c) }))
		if w := change(h, b, "parallelism", "7"); w.Code != http.StatusSeeOther || b.Capacity().Parallelism != 7 {
			t.Errorf("status %d, %v: %s", w.Code, b.Capacity(), w.Body)
		}
		if len(audit) != 1 || audit[0].From.Parallelism != 0 || audit[0].To.Parallelism != 7 {
			t.Errorf("audited %+v", audit)
		}
	})
}

func TestAuditOfAMemberHasTheSlotsThatItGot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := join(t, 1)[0]
		defer leave(t, m)
		var audit []dashboard.Change
		b := m.Bulkhead()
		h := dashboard.New(dashboard.Show(b, dashboard.Fleet(m)), dashboard.AllowChanges(allow), dashboard.OnChange(func(c dashboard.Change) { audit = append(audit, c) }))
		change(h, b, "parallelism", "5")
		if w := change(h, b, "parallelism", "40", "waiting_room", "3"); w.Code != http.StatusSeeOther {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		want := bulk.Capacity{Parallelism: 20, WaitingRoom: 3}
		if len(audit) != 2 || audit[1].From.Parallelism != 5 || audit[1].To != want || b.Capacity() != want {
			t.Errorf("capacity %v, audited %+v", b.Capacity(), audit)
		}
	})
}

// An adaptive limiter can change the parallelism between the form and the confirmation.
func TestChangeIsRejectedOnlyForWhatItChangesIfAnOwnerChangesTheSlots(t *testing.T) {
	for _, c := range []struct {
		why    string
		owner  bool
		change []string
		other  func(*bulk.Capacity) // what other code changes meanwhile
		status int
		want   bulk.Capacity
	}{
		{"pause", true, []string{"step", "pause"}, func(c *bulk.Capacity) { c.Parallelism = 12; c.WaitingRoom = 9 }, 303, bulk.Capacity{WaitingRoom: 9}},
		{"pause without an owner", false, []string{"step", "pause"}, func(c *bulk.Capacity) { c.Parallelism = 12; c.WaitingRoom = 9 }, 303, bulk.Capacity{WaitingRoom: 9}},
		{"slots", true, []string{"parallelism", "4"}, func(c *bulk.Capacity) { c.Parallelism = 12 }, 303, bulk.Capacity{Parallelism: 4}},
		{"slots without an owner", false, []string{"parallelism", "4"}, func(c *bulk.Capacity) { c.Parallelism = 12 }, 409, bulk.Capacity{Parallelism: 12}},
		{"waiting room", true, []string{"waiting_room", "5"}, func(c *bulk.Capacity) { c.Parallelism = 12; c.WaitLimit = time.Second }, 303, bulk.Capacity{Parallelism: 12, WaitingRoom: 5, WaitLimit: time.Second}},
		{"waiting room, which has changed", true, []string{"waiting_room", "5"}, func(c *bulk.Capacity) { c.WaitingRoom = 7 }, 409, bulk.Capacity{Parallelism: 10, WaitingRoom: 7}},
		{"waiting room, which has that size", true, []string{"waiting_room", "5"}, func(c *bulk.Capacity) { c.WaitingRoom = 5 }, 303, bulk.Capacity{Parallelism: 10, WaitingRoom: 5}},
		{"wait limit, which has changed", true, []string{"wait_limit", "1s"}, func(c *bulk.Capacity) { c.WaitLimit = time.Minute }, 409, bulk.Capacity{Parallelism: 10, WaitLimit: time.Minute}},
	} {
		for _, when := range []string{"before the review", "after the review"} {
			b := bulk.Must(bulk.New("payments", 10))
			sources := []dashboard.Source{b}
			if c.owner {
				l, err := adaptive.New(b, 2, 100)
				if err != nil {
					t.Fatal(err)
				}
				sources = append(sources, dashboard.Adaptive(l))
			}
			h := dashboard.New(dashboard.Show(sources...), dashboard.AllowChanges(allow))
			other := func() {
				_ = b.UpdateCapacity(func(capacity bulk.Capacity) bulk.Capacity { c.other(&capacity); return capacity })
			}
			form := formNow(b, c.change...)
			if when == "before the review" {
				other()
			}
			w := post(h, form)
			if when == "after the review" {
				other()
			}
			if w.Code == http.StatusOK {
				w = post(h, confirmed(w.Body.String()))
			}
			if w.Code != c.status || b.Capacity() != c.want {
				t.Errorf("%s, %s: status %d, %v, want %d, %v: %s", c.why, when, w.Code, b.Capacity(), c.status, c.want, w.Body)
			}
		}
	}
}

// The page of the confirmation has not said that the change ends a pause.
func TestConfirmationDoesNotEndAPauseThatItDidNotShow(t *testing.T) {
	for _, slots := range []string{"20", "4", "10"} {
		synctest.Test(t, func(t *testing.T) {
			b := bulk.Must(bulk.New("payments", 10))
			l, err := adaptive.New(b, 2, 100)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			h := dashboard.New(dashboard.Show(b, dashboard.Adaptive(l)), dashboard.AllowChanges(allow))
			form := formNow(b, "parallelism", slots, "waiting_room", "5")
			review := post(h, form)
			_ = b.Resize(0)
			time.Sleep(time.Second) // until the next reading
			w := post(h, confirmed(review.Body.String()))
			if slots == "10" { // the change leaves the slots as they are
				if w.Code != http.StatusSeeOther || b.Capacity() != (bulk.Capacity{WaitingRoom: 5}) {
					t.Errorf("status %d, %v: %s", w.Code, b.Capacity(), w.Body)
				}
				return
			}
			if w.Code != http.StatusConflict || b.Capacity() != (bulk.Capacity{}) || !strings.Contains(w.Body.String(), "slots 10 → 0") {
				t.Errorf("10 → %s: status %d, %v: %s", slots, w.Code, b.Capacity(), w.Body)
			}
			review = post(h, form)
			if text := review.Body.String(); !strings.Contains(text, "<td>0</td><td>"+slots) {
				t.Errorf("no 0 → %s in the new review: %s", slots, text)
			}
			if w := post(h, confirmed(review.Body.String())); w.Code != http.StatusSeeOther || fmt.Sprint(b.Capacity().Parallelism) != slots {
				t.Errorf("0 → %s: status %d, %v: %s", slots, w.Code, b.Capacity(), w.Body)
			}
		})
	}
}

func TestMemberThatLeavesIsSaidToKeepThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := join(t, 1)[0]
		b := m.Bulkhead()
		h := dashboard.New(dashboard.Show(b, dashboard.Fleet(m)), dashboard.AllowChanges(allow))
		slot, ok := b.TryAcquire()
		if !ok {
			t.Fatal("no slot")
		}
		done := make(chan struct{})
		go func() {
			leave(t, m)
			close(done)
		}()
		synctest.Wait()
		if w := post(h, formNow(b, "parallelism", "7")); !strings.Contains(w.Body.String(), "is leaving the fleet") {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		slot.Release()
		<-done
	})
}

var parallelismInput = regexp.MustCompile(`<input name="parallelism" value="([^"]*)"`)

func TestMemberThatIsResumedHasItsFormerLimit(t *testing.T) {
	for _, c := range []struct {
		why    string
		limit  int // set by other code before the pause; 0: none
		pause  func(h http.Handler, m *fleet.Member)
		button string
		want   int // slots when the other member has left
	}{
		{"no limit", 0, pauseOnPage, ">Resume<", 20},
		{"a limit", 15, pauseOnPage, ">Resume with at most 15 slots<", 15},
		{"paused by other code", 15, func(_ http.Handler, m *fleet.Member) { _ = m.SetLimit(0) }, ">Resume with at most 15 slots<", 15},
		{"paused with Resize", 0, func(_ http.Handler, m *fleet.Member) { _ = m.Bulkhead().Resize(0) }, ">Resume<", 20},
	} {
		synctest.Test(t, func(t *testing.T) {
			members := join(t, 2)
			m := members[0]
			defer leave(t, m)
			if c.limit > 0 {
				_ = m.SetLimit(c.limit)
			}
			b := m.Bulkhead()
			h := dashboard.New(dashboard.Show(b, dashboard.Fleet(m)), dashboard.AllowChanges(allow))
			detail := fmt.Sprintf("/?format=html&id=%d", b.Status().ID)
			get(t, h, detail)
			c.pause(h, m)
			time.Sleep(time.Second)
			page := get(t, h, detail).Body.String()
			entered := parallelismInput.FindStringSubmatch(page)
			if entered == nil || !strings.Contains(page, c.button) {
				t.Fatalf("%s: no %q in %s", c.why, c.button, page)
			}
			if w := change(h, b, "step", "resume", "parallelism", entered[1]); w.Code != http.StatusSeeOther || b.Status().Paused() {
				t.Errorf("%s: status %d, %v: %s", c.why, w.Code, b.Capacity(), w.Body)
			}
			leave(t, members[1])
			// The others get only what they need: so ask for all slots.
			ctx, cancel := context.WithTimeout(t.Context(), 10*fleet.DefaultRefresh)
			defer cancel()
			for range 30 {
				go bulk.Do(ctx, b, func(ctx context.Context) error { <-ctx.Done(); return nil })
			}
			time.Sleep(9 * fleet.DefaultRefresh)
			if n := b.Capacity().Parallelism; n != c.want {
				t.Errorf("%s: %d slots, want %d; %v", c.why, n, c.want, m.Status())
			}
			<-ctx.Done()
			synctest.Wait()
		})
	}
}

// Without a viewer nothing is read, and nothing says that the limit has changed.
func TestMemberThatWasPausedUnseenIsResumedWithItsLimitOrANumber(t *testing.T) {
	for _, c := range []struct {
		why           string
		before, after []int // limits that are set before and after Fleet is called; 0 pauses
		entered       string
		button        string
	}{
		{"a limit before", []int{5}, []int{0}, "5", ">Resume with at most 5 slots<"},
		{"a limit after", nil, []int{5, 0}, "0", ">Resume<"},
		{"another limit after", []int{5}, []int{7, 0}, "0", ">Resume<"},
		{"paused before", []int{5, 0}, nil, "0", ">Resume<"},
		{"no limit", nil, []int{0}, "unlimited", ">Resume<"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := join(t, 1)[0]
			defer leave(t, m)
			set := func(limits []int) {
				for _, n := range limits {
					_ = m.SetLimit(n)
					time.Sleep(time.Minute)
				}
			}
			set(c.before)
			b := m.Bulkhead()
			h := dashboard.New(dashboard.Show(b, dashboard.Fleet(m)), dashboard.AllowChanges(allow))
			set(c.after)
			page := get(t, h, fmt.Sprintf("/?format=html&id=%d", b.Status().ID)).Body.String()
			entered := parallelismInput.FindStringSubmatch(page)
			if entered == nil || entered[1] != c.entered || !strings.Contains(page, c.button) {
				t.Fatalf("%s: slots %q, want %q and %q in %s", c.why, entered, c.entered, c.button, page)
			}
			if c.entered != "0" {
				return
			}
			if w := change(h, b, "step", "resume", "parallelism", entered[1]); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "enter the number of slots") {
				t.Errorf("%s: status %d: %s", c.why, w.Code, w.Body)
			}
			if w := change(h, b, "step", "resume", "parallelism", "5"); w.Code != http.StatusSeeOther || b.Capacity().Parallelism != 5 {
				t.Errorf("%s: status %d, %v: %s", c.why, w.Code, b.Capacity(), w.Body)
			}
		})
	}
}

func pauseOnPage(h http.Handler, m *fleet.Member) { change(h, m.Bulkhead(), "step", "pause") }
