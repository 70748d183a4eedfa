package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// taken returns how many statuses of b were taken before this call.
func taken(b *bulk.Bulkhead) uint64 { return b.Status().Index - 1 }

func TestNothingRunsAndNothingIsReadWhileNobodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2))
		before := runtime.NumGoroutine()
		h := Handler(b)
		pass(time.Hour)
		if n := taken(b); n != 0 {
			t.Errorf("%d statuses before the first viewer", n)
		}
		_, leave1 := open(t, h, "/events")
		_, leave2 := open(t, h, "/events")
		start := taken(b)
		pass(10 * time.Second)
		if n := taken(b) - start - 1; n < 9 || n > 11 {
			t.Errorf("%d statuses in ten seconds with two viewers, want one a second", n)
		}
		leave1()
		leave2()
		synctest.Wait()
		start = taken(b)
		pass(time.Hour)
		if n := taken(b) - start - 1; n != 0 {
			t.Errorf("%d statuses after the last viewer left", n)
		}
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, before the first viewer %d", after, before)
		}
	})
}

func TestHistoryOutlivesAReloadAndIsForgottenAfterFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Handler(bulk.Must(bulk.New("payments", 2))).(*dashboard)
		_, leave := open(t, h, "/events")
		pass(30 * time.Second)
		leave()
		pass(time.Second)
		_, leave = open(t, h, "/events")
		if got := string(h.sampler.histories("", []string{fmt.Sprint(h.sampler.order[0].id)})); strings.Count(got, ",") < 7*30 {
			t.Errorf("the history is gone after a reload: %s", got)
		}
		leave()
		pass(historySeconds*time.Second + time.Second)
		h.sampler.mu.Lock()
		defer h.sampler.mu.Unlock()
		if n := len(h.sampler.tracks); n != 0 {
			t.Errorf("%d tracks are kept", n)
		}
	})
}

func TestBurstBetweenTwoSamplesIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(2)))
		s, leave := open(t, Handler(b), "/events")
		defer leave()
		pass(2 * time.Second)
		s.messages(t)
		pass(300 * time.Millisecond) // between two samples
		for range 7 {
			go bulk.Do(context.Background(), b, func(context.Context) error {
				time.Sleep(10 * time.Millisecond)
				return nil
			})
		}
		pass(time.Second)
		got := s.messages(t)
		if len(got) != 1 || len(got[0].Rows) != 1 {
			t.Fatalf("got %+v, want one message with one row", got)
		}
		p := got[0].Rows[0].Point
		if p[seriesArrivals] != 7.0 || p[seriesRejected] != 3.0 || p[seriesInUse] != 2.0 || p[seriesWaiting] != 2.0 || p[seriesP99] == nil {
			t.Errorf("point %v: want 7 arrivals, 3 rejected, 2 slots, 2 waiting and a wait", p)
		}
		if now := texts(got[0].Rows[0].Fields); now["arrivals"] == "" || now["rejected"] == "" {
			t.Errorf("texts %v", now)
		}
		pass(time.Second)
		if p := s.messages(t)[0].Rows[0].Point; p[seriesArrivals] != 0.0 || p[seriesInUse] != 0.0 {
			t.Errorf("point after the burst: %v", p)
		}
	})
}

func TestIdleBulkheadIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2))
		s, leave := open(t, Handler(b), "/events")
		defer leave()
		pass(90 * time.Second)
		s.messages(t)
		pass(5 * time.Second)
		for _, m := range s.messages(t) {
			if len(m.Rows) != 0 {
				t.Errorf("row of an idle bulkhead: %+v", m.Rows)
			}
		}
	})
}

func TestCreatedAndRemovedBulkheadsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		s, leave := open(t, Handler(reg), "/events")
		defer leave()
		if got := s.messages(t); len(got) != 2 || got[0].Name != "hello" || got[1].Name != "state" {
			t.Fatalf("first messages: %+v", got)
		}
		b, _ := reg.Create("payments", 2)
		pass(1500 * time.Millisecond)
		got := s.messages(t)
		if last := got[len(got)-1]; len(last.Rows) != 1 || last.Rows[0].Label != "payments" {
			t.Fatalf("after Create: %+v", got)
		}
		if err := reg.Remove(t.Context(), "payments"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		got = s.messages(t)
		if last := got[len(got)-1]; len(last.Gone) != 1 || last.Gone[0] != b.Status().ID {
			t.Errorf("after Remove: %+v", got)
		}
	})
}

func TestChangeOfSeverityIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1))
		s, leave := open(t, Handler(b), "/events")
		defer leave()
		pass(2 * time.Second)
		s.messages(t)
		for range 30 {
			b.TryAcquire()
		}
		pass(time.Second)
		got := s.messages(t)
		if len(got) != 1 || len(got[0].Said) != 1 || !strings.HasPrefix(got[0].Said[0], "payments is critical: rejections") {
			t.Errorf("got %+v", got)
		}
		if len(got[0].Cards) != 1 || got[0].Cards[0].Findings[0].Title != "Rejections" || len(got[0].Cards[0].Findings[0].Actions) == 0 {
			t.Errorf("cards %+v", got[0].Cards)
		}
	})
}

func TestMomentaryFindingIsANoticeUntilItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1))
		h := Handler(b).(*dashboard)
		_, leave := open(t, h, "/events")
		defer leave()
		severity := func() bulk.Severity {
			h.sampler.mu.Lock()
			defer h.sampler.mu.Unlock()
			return h.sampler.order[0].severity()
		}
		pass(10 * time.Second)
		slot, _ := b.TryAcquire()
		for i, want := range []bulk.Severity{bulk.SeverityNotice, bulk.SeverityNotice, bulk.SeverityWarning} {
			if pass(time.Second); severity() != want {
				t.Errorf("%v after %d samples with all slots in use, want %v", severity(), i+1, want)
			}
		}
		slot.Release()
		if pass(5 * time.Second); severity() == bulk.SeverityOK {
			t.Error("the finding does not linger")
		}
		if pass(6 * time.Second); severity() != bulk.SeverityOK {
			t.Errorf("%v long after the finding was found", severity())
		}
	})
}

func TestViewerThatDoesNotReadIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2))
		h := Handler(b).(*dashboard)
		blocked := &stream{header: http.Header{}, blocked: make(chan struct{})}
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "/events", nil)
		done := make(chan struct{})
		go func() {
			h.ServeHTTP(blocked, r)
			close(done)
		}()
		reading, leave := open(t, h, "/events")
		defer leave()
		pass(20 * time.Second)
		if n := len(reading.messages(t)); n < 15 {
			t.Errorf("the viewer that reads got %d messages", n)
		}
		h.sampler.mu.Lock()
		viewers := len(h.sampler.viewers)
		h.sampler.mu.Unlock()
		if viewers != 1 {
			t.Errorf("%d viewers, want only the one that reads", viewers)
		}
		close(blocked.blocked)
		<-done
	})
}

func TestNumberOfViewersIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Handler(bulk.Must(bulk.New("payments", 2)))
		for range maxViewers {
			_, leave := open(t, h, "/events")
			defer leave()
		}
		s, leave := open(t, h, "/events")
		leave()
		if got := s.text.String(); !strings.HasPrefix(got, "too many live pages are open") {
			t.Errorf("got %q", got)
		}
	})
}

func TestPageOfOneBulkheadGetsOnlyThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := bulk.Must(bulk.New("a", 2)), bulk.Must(bulk.New("b", 2))
		id := b.Status().ID
		s, leave := open(t, Handler(a, b), fmt.Sprintf("/events?id=%d", id))
		defer leave()
		if err := b.Resize(5); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		for _, m := range s.messages(t)[1:] {
			if len(m.Rows) != 1 || m.Rows[0].ID != id || len(m.Cards) != 1 || m.Cards[0].ID != id {
				t.Fatalf("got %+v", m)
			}
			if m.Name == "sample" && (len(m.Cards[0].Changes) != 1 || m.Cards[0].Changes[0].Text != "slots 2 → 5") {
				t.Errorf("changes %+v", m.Cards[0].Changes)
			}
		}
	})
}

func TestBusiestKeysAreSentEveryFewSecondsToThePageOfTheirKeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, err := registry.NewKeyed[string]("tenants", 2, 10)
		if err != nil {
			t.Fatal(err)
		}
		h := Handler(Keyed(k, ShowKeys()))
		list, leaveList := open(t, h, "/events")
		defer leaveList()
		one, leaveOne := open(t, h, fmt.Sprintf("/events?id=%d", k.Status().ID))
		defer leaveOne()
		pass(5 * time.Second)
		one.messages(t)
		if _, err := k.Acquire(t.Context(), "customer-1"); err != nil {
			t.Fatal(err)
		}
		pass(12 * time.Second)
		sent := 0
		var last [][]string
		for _, m := range one.messages(t) {
			if m.Keys != nil {
				sent++
				last = m.Keys
			}
		}
		want := [][]string{{"customer-1", "1 / 2", "0", "1", "0", "–"}}
		if diff := cmp.Diff(want, last); diff != "" {
			t.Error(diff)
		}
		if sent < 3 || sent > 5 {
			t.Errorf("keys were sent %d times in 12 s, want every 3 s", sent)
		}
		for _, m := range list.messages(t) {
			if m.Keys != nil {
				t.Fatalf("the list got keys: %v", m.Keys)
			}
		}
	})
}

func TestFiguresNameTheirWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2))
		h := Handler(b).(*dashboard)
		windows := func() string {
			h.sampler.refresh()
			h.sampler.mu.Lock()
			defer h.sampler.mu.Unlock()
			v := h.sampler.order[0].view
			return fmt.Sprintf("%s | %s | %s", v.fields[fieldShort], v.fields[fieldLong], v.windowText())
		}
		want := func(after time.Duration, want string) {
			t.Helper()
			pass(after)
			if got := windows(); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		want(24*time.Hour, "whole life | whole life | whole life")
		want(300*time.Millisecond, "last 0.3 s | last 0.3 s | last 0.3 s")
		want(500*time.Millisecond, "last 0.8 s | last 0.8 s | last 0.8 s")
		want(15200*time.Millisecond, "last 16 s | last 16 s | last 16 s")
		_, leave := open(t, h, "/events")
		defer leave()
		want(30*time.Second, "last 10 s | last 46 s | last 10 s; columns marked 1 min: last 46 s")
		want(time.Minute, "last 10 s | last minute | last 10 s; columns marked 1 min: last minute")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/?format=html&id="+fmt.Sprint(b.Status().ID), nil))
		for _, want := range []string{`<h4 data-f="short">last 10 s</h4>`, `<h4 data-f="long">last minute</h4>`, `<h4>now</h4>`, `<h4>whole life</h4>`} {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("no %q in the page", want)
			}
		}
	})
}

func TestFindingOfThePastSaysHowLongAgoItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1))
		h := Handler(b).(*dashboard)
		_, leave := open(t, h, "/events")
		defer leave()
		problems := func() string {
			h.sampler.mu.Lock()
			defer h.sampler.mu.Unlock()
			return h.sampler.order[0].view.fields[fieldProblems]
		}
		pass(10 * time.Second)
		slot, _ := b.TryAcquire()
		if pass(time.Second); problems() != "execution full" {
			t.Errorf("%q while all slots are in use", problems())
		}
		slot.Release()
		if pass(3 * time.Second); problems() != "execution full 3s ago" {
			t.Errorf("%q three seconds later", problems())
		}
	})
}
