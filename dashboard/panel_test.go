package dashboard

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/internal/safetext"
	"github.com/bulklink/bulklink-go/sizing"
	"github.com/google/go-cmp/cmp"
)

// panelSources returns sources of the three kinds. Two are around one bulkhead. The fleet is around another,
// because two owners of a parallelism contradict each other.
func panelSources(t *testing.T, name string) (b *bulk.Bulkhead, all []Source, call func() error) {
	t.Helper()
	b = bulk.Must(bulk.New(name, 2))
	l, err := adaptive.New(b, 1, 20)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sizing.NewShadow(b, bulk.Capacity{Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	other := bulk.Must(bulk.New("shared", 1))
	var store fleet.Memory
	if err := fleet.Create(t.Context(), &store, "budget"); err != nil {
		t.Fatal(err)
	}
	m, err := fleet.Join(t.Context(), &store, "budget", 7, other, fleet.Name("pod-1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = m.Leave(context.Background())
		_ = l.Close()
		_ = s.Close()
	})
	guarded := bulk.GuardDo(b, adaptive.MeasureDo(l, func(context.Context) error {
		time.Sleep(10 * time.Millisecond)
		return nil
	}))
	return b, []Source{b, Adaptive(l), Shadow(s), Fleet(m)}, func() error { return guarded(t.Context()) }
}

func TestPanelsAreInEveryFormAndWithTheirBulkhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all, _ := panelSources(t, "payments")
		h := Handler(all...)
		pass(time.Minute)
		for _, format := range []string{"text", "json"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/?format="+format, nil))
			for _, want := range []string{"Adaptive limit", "Baseline", "Shadow with 1 slot", "Holds drawn", "Fleet budget, member pod-1", "Own share", "Own demand", "granted"} {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s: no %q in %s", format, want, w.Body)
				}
			}
		}
		d := h.(*dashboard)
		if n := len(d.sampler.order); n != 2 {
			t.Fatalf("%d bulkheads, want 2", n)
		}
		for _, tr := range d.sampler.order {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/?format=html&id="+string(mustJSON(tr.id)), nil))
			if !strings.Contains(w.Body.String(), `<section class="panel">`) {
				t.Errorf("no panel of %s in the page", tr.label())
			}
		}
	})
}

func TestPanelIsLiveWithTheLastDecisionsOfTheLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, all, call := panelSources(t, "payments")
		s, leave := open(t, Handler(all...), "/events?id="+string(mustJSON(b.Status().ID)))
		defer leave()
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		for range 4 {
			go func() {
				for ctx.Err() == nil {
					if call() != nil { // rejected
						time.Sleep(5 * time.Millisecond)
					}
				}
			}()
		}
		pass(21 * time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		messages := strings.Split(s.text.String(), "event: sample")
		last := messages[len(messages)-1]
		if n := strings.Count(last, `"reason":`); n < 2 || n > maxDecisions {
			t.Errorf("%d decisions, want 2 to %d: %s", n, maxDecisions, last)
		}
		for _, want := range []string{"Goodput", "Latency", "(real "} {
			if !strings.Contains(last, want) {
				t.Errorf("no %q in %s", want, last)
			}
		}
	})
}

func TestHostileNamesInPanelsAreHarmless(t *testing.T) {
	for _, evil := range []string{`<script>alert(1)</script>`, "\u202eevil", "a\nb", "\xff\xfe", strings.Repeat("x", 10_000)} {
		p := panelSource{name: evil, bulkhead: bulk.Must(bulk.New("payments", 1)), read: func() panel {
			return panel{Title: safetext.Printable(evil), Figures: []figure{{"shares of others", peers([]fleet.Peer{{Name: evil, Share: 3}})}}}
		}}
		for _, format := range []string{"html", "text", "json"} {
			h := Handler(&p)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/?format="+format, nil))
			target := "/?format=" + format + "&id=" + string(mustJSON(p.bulkhead.Status().ID))
			h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
			text := w.Body.String()
			for _, bad := range []string{"\u202e", "a\nb", "\xff", strings.Repeat("x", 200)} {
				if strings.Contains(text, bad) {
					t.Errorf("%s of %.20q has %.20q", format, evil, bad)
				}
			}
			if format == "html" && strings.Contains(text, "<script>alert") {
				t.Error("the page has the script")
			}
		}
	}
}

// A limiter decides once a second. If it stays where it is, the list would show nothing
// but that after five seconds.
func TestDecisionThatRepeatsTheLastOneReplacesIt(t *testing.T) {
	var d decisions
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	steps := []string{"1 → 2", "stays at 2", "stays at 2", "2 → 3", "stays at 3", "stays at 3", "stays at 3"}
	var got []decision
	for i, text := range steps {
		got = d.add(at.Add(time.Duration(i)*time.Second), text, "")
	}
	want := []decision{
		{At: at.Add(6 * time.Second), Clock: "00:00:06 UTC", Text: "stays at 3"},
		{At: at.Add(3 * time.Second), Clock: "00:00:03 UTC", Text: "2 → 3"},
		{At: at.Add(2 * time.Second), Clock: "00:00:02 UTC", Text: "stays at 2"},
		{At: at, Clock: "00:00:00 UTC", Text: "1 → 2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
