package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
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
