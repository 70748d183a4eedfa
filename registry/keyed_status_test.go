package registry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// Fields that a bulkhead's status has too have the same names.
func TestKeyedStatusHasStableJSONWithoutKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := mustKeyed[string](t, 1, 2)
		hold(t, k, "secret")
		_, _ = k.Acquire(t.Context(), "secret")
		s := k.Status()
		s.ID = 7
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		head := `{"id":7,"index":1,"label":"tenants","at":"2000-01-01T00:00:00Z","capacity":{"parallelism":1,"waiting_room":0},"slots":1,"places":0,` +
			`"keys":1,"max_keys":2,"in_flight":1,"in_use":1,"waiting":0,"closed":false,"queueing_ns":0,"oldest_wait_ns":0,"oldest_hold_ns":0,` +
			`"created":1,"evicted":0,"too_many_keys":0,"totals":{"admitted":1,`
		if !strings.HasPrefix(string(text), head) || strings.Contains(string(text), "secret") {
			t.Errorf("%s", text)
		}
		var back registry.KeyedStatus
		if err := json.Unmarshal(text, &back); err != nil || !back.At.Equal(s.At) {
			t.Errorf("read back as %+v, %v", back, err)
		}
		if back.At = s.At; back != s {
			t.Errorf("read back as %+v", back)
		}
		s.Label = "a\u202eb"
		if text, _ := json.Marshal(s); !strings.Contains(string(text), `"a\u202eb"`) {
			t.Errorf("%s", text)
		}
	})
}

// busy returns a Keyed with two keys, of which one is full and has a waiting
// operation. It has rejected a third key.
func busy(t *testing.T) (k *registry.Keyed[string], end func()) {
	k = mustKeyed[string](t, 1, 2, registry.Each(bulk.WaitingRoom(1), bulk.WaitLimit(time.Minute), bulk.TrackHolds()))
	a, b := hold(t, k, "secret a"), hold(t, k, "secret b")
	var g sync.WaitGroup
	g.Go(func() { touch(t, k, "secret a") })
	synctest.Wait()
	time.Sleep(30 * time.Second)
	_, _ = k.Acquire(t.Context(), "secret c")
	_, _ = k.Acquire(t.Context(), "secret a")
	return k, func() { a.Release(); b.Release(); g.Wait() }
}

func TestKeyedStatusAndIntervalAreReadableText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, end := busy(t)
		start := k.Status()
		if got, want := start.String(), `keyed "tenants"
  keys         2 of 2, 2 created, 0 evicted
  too many keys 1 rejected
  each         1 slot, 1 place, 1m0s
  slots        2 of 2 in use, 2 in flight
  waiting      1 of 2
  arrivals     4
  admitted     2
  rejected     1: 1 saturated
  queueing     30s with operations waiting`; got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
		end()
		time.Sleep(10 * time.Second)
		k.Evict("secret a")
		k.Close()
		i, err := k.Status().Since(start)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := i.String(), `keyed "tenants" over 10s, closed
  keys         1 of 2, 0 created, 1 evicted
  each         1 slot, 1 place, 1m0s
  slots        0 of 1 in use, 0 in flight
  waiting      0 of 1
  arrivals     0
  admitted     1, 0.1/s, 1 of them from the queue
  waits        mean 30s, p50 30s, p95 30s, p99 30s
  holds        mean 30s of 2 samples`; got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	})
}

func TestKeyedStatusIsLoggedWithTheNamesOfAStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, end := busy(t)
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key != "tenants" {
				return slog.Attr{}
			}
			return a
		}})).Info("", "k", k.Status())
		want := "k.label=tenants k.closed=false k.in_flight=2 k.in_use=2 k.waiting=1 k.parallelism=1 k.waiting_room=1 k.wait_limit_ns=60000000000 " +
			"k.queueing_ns=30000000000 k.oldest_wait_ns=30000000000 k.oldest_hold_ns=30000000000 k.arrivals=4 k.admitted=2 k.rejected=1 " +
			"k.keys=2 k.max_keys=2 k.created=2 k.evicted=0 k.too_many_keys=1\n"
		if out.String() != want {
			t.Errorf("%s\nwant\n%s", out.String(), want)
		}
		end()
	})
}

func TestStatusesYieldsTheKeysKnownWhenTheLoopBegins(t *testing.T) {
	k := mustKeyed[string](t, 1, 2)
	touch(t, k, "a", "b")
	seen := make(map[string]int)
	for key, s := range k.Statuses() {
		seen[key]++
		touch(t, k, key+" more") // evicts keys: no lock is held
		if s.Totals.Finished != 1 || s.Label != "tenants" {
			t.Errorf("%+v", s)
		}
	}
	if len(seen) != 2 || seen["a"] != 1 || seen["b"] != 1 {
		t.Errorf("%v", seen)
	}
	n := 0
	for range k.Statuses() {
		n++
		break
	}
	if n != 1 {
		t.Error("the loop went on")
	}
}

func TestKeyedIntervalsAddUpAcrossEvictions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := mustKeyed[string](t, 1, 2)
		statuses := []registry.KeyedStatus{k.Status()}
		for _, keys := range [][]string{{"a", "b"}, {"c", "d", "a"}} {
			touch(t, k, keys...)
			time.Sleep(time.Second)
			statuses = append(statuses, k.Status())
		}
		first, err1 := statuses[1].Since(statuses[0])
		second, err2 := statuses[2].Since(statuses[1])
		all, err3 := statuses[2].Since(statuses[0])
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		if first.Totals.Admitted != 2 || second.Totals.Admitted != 3 || all.Totals.Admitted != 5 || all.Duration != 2*time.Second {
			t.Errorf("%+v\n%+v\n%+v", first, second, all)
		}
		if first.Created != 2 || second.Created != 3 || second.Evicted != 3 || all.Created != 5 || all.Evicted != 3 {
			t.Errorf("%+v\n%+v\n%+v", first, second, all)
		}
		if all.ArrivalRate() != 2.5 || all.AdmissionRate() != 2.5 || all.RejectionRate() != 0 || all.RejectedShare() != 0 || all.QueuedShare() != 0 ||
			all.MeanWait() != 0 || all.MeanHold() != 0 || all.OfferedLoad() != 0 {
			t.Error("wrong rates")
		}
		_, err := statuses[0].Since(statuses[1])
		mustBe(t, err, bulk.ErrReversed)
		twin := mustKeyed[string](t, 1, 2)
		_, err = statuses[0].Since(twin.Status())
		mustBe(t, err, bulk.ErrUnrelated)
		if same, err := statuses[1].Since(statuses[1]); err != nil || same.Totals != (bulk.Totals{}) {
			t.Errorf("%+v, %v", same, err)
		}
	})
}

// codes returns the codes of the findings with their severities.
func codes(r bulk.Report) string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, string(f.Code)+" "+f.Severity.String())
	}
	return strings.Join(all, ", ")
}

func TestKeyedReportJudgesAllKeysTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := mustKeyed[string](t, 1, 3)
		mustReport := func(r bulk.Report, want string) {
			t.Helper()
			if got := codes(r); got != want || r.Status.Label != "tenants" {
				t.Errorf("%s, want %s", r, want)
			}
		}
		mustReport(k.Report(), "")
		a, b, c := hold(t, k, "a"), hold(t, k, "b"), hold(t, k, "c")
		r := k.Report() // each of them is full
		mustReport(r, "")
		if !strings.Contains(r.Summary(), "3/3 slots in use") {
			t.Error(r.Summary())
		}
		start := k.Status()
		for range 20 {
			_, _ = k.Acquire(t.Context(), "a")
		}
		mustReport(k.Report(), "rejections critical")
		_, _ = k.Acquire(context.Background(), "secret")
		r = k.Report()
		mustReport(r, "rejections critical, too_many_keys warning")
		if text := r.String(); strings.Contains(text, "secret") || !strings.Contains(text, "1 operation was rejected because 3 keys were in use") {
			t.Error(text)
		}
		time.Sleep(time.Minute)
		i, _ := k.Status().Since(start)
		r = i.Report()
		mustReport(r, "rejections critical, too_many_keys warning")
		if r.Interval == nil || r.Interval.Duration != time.Minute || r.Interval.Totals.Saturated != 20 {
			t.Errorf("%+v", r.Interval)
		}
		calm := k.Status()
		i, _ = k.Status().Since(calm)
		mustReport(i.Report(), "")
		_ = k.Resize(0)
		i, _ = k.Status().Since(calm)
		mustReport(i.Report(), "paused notice")
		k.Close()
		i, _ = k.Status().Since(calm)
		mustReport(i.Report(), "draining notice")
		a.Release()
		b.Release()
		c.Release()
		i, _ = k.Status().Since(calm)
		mustReport(i.Report(), "")
	})
}

func TestKeyedReportFindsTheKeyWithTheLongestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, end := busy(t)
		if got := codes(k.Report()); got != "standing_queue warning, too_many_keys warning" {
			t.Error(got)
		}
		end()
	})
}
