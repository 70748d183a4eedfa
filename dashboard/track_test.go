package dashboard

import (
	"context"
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
	"github.com/bulklink/bulklink-go/fleet"
)

// changes returns the changes of the capacity that the last message has.
func changes(t *testing.T, s *stream) string {
	t.Helper()
	all := s.messages(t)
	var parts []string
	for _, c := range all[len(all)-1].Cards[0].Changes {
		parts = append(parts, c.Text)
	}
	return strings.Join(parts, "; ")
}

func TestChangesOfTheCapacityHaveReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2))
		h := New(Show(b), AllowChanges(func(*http.Request) bool { return true }))
		s, leave := open(t, h, fmt.Sprintf("/events?id=%d", b.Status().ID))
		defer leave()
		pass(1500 * time.Millisecond)
		if err := b.Resize(3); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		was, _ := json.Marshal(b.Capacity())
		form := url.Values{"id": {fmt.Sprint(b.Status().ID)}, "step": {"apply"}, "was": {string(was)}, "parallelism": {"4"}, "waiting_room": {"5"}}
		r := httptest.NewRequest("POST", "/change", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		h.ServeHTTP(httptest.NewRecorder(), r)
		pass(2 * time.Second)
		if err := b.Resize(2); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if got, want := changes(t, s), "slots 4 → 2; slots 3 → 4, waiting room 0 → 5: set with this page; slots 2 → 3"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestChangesByAFleetAndALimiterHaveTheirReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var store fleet.Memory
		if err := fleet.Create(t.Context(), &store, "budget"); err != nil {
			t.Fatal(err)
		}
		m, err := fleet.Join(t.Context(), &store, "budget", 20, bulk.Must(bulk.New("shared", 1)))
		if err != nil {
			t.Fatal(err)
		}
		s, leave := open(t, Handler(Fleet(m)), fmt.Sprintf("/events?id=%d", m.Bulkhead().Status().ID))
		pass(3 * fleet.DefaultRefresh)
		if err := m.SetLimit(7); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		if err := m.Bulkhead().SetCapacity(bulk.Capacity{Parallelism: 7, WaitingRoom: 3}); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		got := changes(t, s)
		if want := "waiting room 0 → 3; slots 20 → 7: fleet: limited"; !strings.HasPrefix(got, want) { // before that it can be granted
			t.Errorf("%s, want %s", got, want)
		}
		leave()
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2))
		l, err := adaptive.New(b, 1, 20)
		if err != nil {
			t.Fatal(err)
		}
		s, leave := open(t, Handler(b, Adaptive(l)), fmt.Sprintf("/events?id=%d", b.Status().ID))
		defer leave()
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		pass(300 * time.Millisecond) // so that decisions and samples are not at the same time
		call := bulk.GuardDo(b, adaptive.MeasureDo(l, func(context.Context) error {
			time.Sleep(10 * time.Millisecond)
			return nil
		}))
		for range 6 {
			go func() {
				for ctx.Err() == nil {
					if call(ctx) != nil {
						time.Sleep(5 * time.Millisecond)
					}
				}
			}()
		}
		pass(11 * time.Second)
		if got := changes(t, s); !strings.Contains(got, ": adaptive limit: growing") || strings.Count(got, "slots ") != strings.Count(got, ": adaptive limit: ") {
			t.Errorf("changes %s", got)
		}
	})
}
