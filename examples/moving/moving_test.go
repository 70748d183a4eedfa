package moving

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"golang.org/x/sync/semaphore"
)

// lines returns text without indentation and empty lines, so that an indented snippet is
// found too.
func lines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func TestEverySnippetOfThePagesIsInThisPackage(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code []string
	for _, name := range sources {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, lines(string(text)))
	}
	pages, err := filepath.Glob("../../docs/moving/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "```go\n")[1:] {
			snippet, _, _ := strings.Cut(part, "```")
			ok := false
			for _, c := range code {
				ok = ok || strings.Contains(c, lines(snippet))
			}
			if !ok {
				t.Errorf("%s has a snippet that is not in this package:\n%s", page, snippet)
			}
			found++
		}
	}
	if len(pages) < 10 || found < 24 {
		t.Errorf("%d pages with %d snippets", len(pages), found)
	}
}

func TestAllVariantsReturnTheResult(t *testing.T) {
	ctx, order := t.Context(), Order{7}
	for name, payment := range map[string]func(context.Context, Order) (Receipt, error){
		"channel": payThroughGate, "Bulklink": pay, "Bulklink without waiting": payNow, "failsafe": payWithFailsafe, "like failsafe": payOrTryLater, "decorated": sendPayment,
	} {
		if r, err := payment(ctx, order); r.ID != 7 || err != nil {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	if r, ok, err := payThroughGateNow(ctx, order); r.ID != 7 || !ok || err != nil {
		t.Error(r, ok, err)
	}
	for name, f := range map[string]func(context.Context) (string, error){"semaphore": reportWithSemaphore, "Bulklink": report} {
		if s, err := f(ctx); s != "report" || err != nil {
			t.Errorf("%s: %q, %v", name, s, err)
		}
	}
	if s, ok, err := summaryIfThereIsRoom(ctx); s != "summary" || !ok || err != nil {
		t.Error(s, ok, err)
	}
	if err := errors.Join(errBackend, payInEveryWay(ctx, order)); err != nil {
		t.Error(err)
	}
	if s, err := recovered(guardedSummary(ctx)); s != "summary" || err != nil {
		t.Error(s, err)
	}
	if s, err := summaryWithin(ctx, time.Second); s != "summary" || err != nil {
		t.Error(s, err)
	}
	if s, err := lifeOf(ctx, bulk.Must(bulk.New("short", 1))); s.Capacity.Parallelism != 20 || err != nil {
		t.Error(s, err)
	}
}

// The tests below check the differences that the pages describe.

func TestFullBulkheadIsReportedAsOverload(t *testing.T) {
	slots, _ := search.TryAcquireN(100)
	defer slots.Release()
	synctest.Test(t, func(t *testing.T) {
		if s, err := summaryWithin(t.Context(), time.Second); s != "no summary" || err != nil {
			t.Error(s, err)
		}
	})
	all, _ := payments.TryAcquireN(10)
	defer all.Release()
	if _, err := payNow(t.Context(), Order{}); !errors.Is(err, bulk.ErrSaturated) {
		t.Error(err)
	}
	if s, err := recovered("", func() error { _, err := payNow(t.Context(), Order{}); return err }()); s != "a summary of yesterday" || err != nil {
		t.Error(s, err)
	}
	synctest.Test(t, func(t *testing.T) {
		if _, err := payOrTryLater(t.Context(), Order{}); !errors.Is(err, errTryLater) {
			t.Error(err)
		}
	})
}

// The fallbacks are for overload only, not for canceled calls.
func TestCancellationIsNotOverload(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := summaryWithin(ended, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", s, err)
	}
	if s, err := recovered(guardedSummary(ended)); !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", s, err)
	}
}

func TestChannelCanAdmitADoneContext(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	admitted := 0
	for range 1000 {
		if _, err := payThroughGate(ended, Order{}); err == nil {
			admitted++
		}
		if _, err := pay(ended, Order{}); !errors.Is(err, bulk.ErrCanceled) {
			t.Fatal(err)
		}
	}
	if admitted == 0 {
		t.Error("the channel never admitted a done context in 1000 calls")
	}
}

func TestSemaphoreLetsOversizedRequestsWaitUntilTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		if err := semaphore.NewWeighted(10).Acquire(ctx, 11); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		b := bulk.Must(bulk.New("reports", 10))
		if _, err := b.AcquireN(t.Context(), 11); !errors.Is(err, bulk.ErrOversized) {
			t.Error(err)
		}
	})
}

func TestReleasingASemaphoreTwicePanics(t *testing.T) {
	s := semaphore.NewWeighted(1)
	if !s.TryAcquire(1) {
		t.Fatal("the semaphore is not free")
	}
	s.Release(1)
	defer func() {
		if recover() == nil {
			t.Error("the second release did not panic")
		}
	}()
	slot, _ := reports.TryAcquire()
	slot.Release()
	slot.Release() // does nothing
	s.Release(1)
}

func TestFailsafeDoesNotReleaseThePermitAfterAPanic(t *testing.T) {
	p := bulkhead.New[int](1)
	b := bulk.Must(bulk.New("one", 1))
	panicking := func() (int, error) { panic("bug") }
	for _, f := range []func(){
		func() { _, _ = failsafe.With(p).Get(panicking) },
		func() { _, _ = bulk.Run(t.Context(), b, func(context.Context) (int, error) { return panicking() }) },
	} {
		func() {
			defer func() { _ = recover() }()
			f()
		}()
	}
	if p.TryAcquirePermit() {
		t.Error("failsafe-go has fixed this: update docs/moving/failsafe.md")
	}
	if _, ok := b.TryAcquire(); !ok {
		t.Error("Bulklink did not release the slot")
	}
}

func TestOtherDifferencesInTheTables(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := semaphore.NewWeighted(1).Acquire(ended, 1); err == nil {
		t.Error("x/sync/semaphore admits a done context")
	}
	if err := semaphore.NewWeighted(1).Acquire(t.Context(), 0); err != nil {
		t.Errorf("x/sync/semaphore, request for 0: %v", err)
	}
	if _, err := bulk.Must(bulk.New("reports", 1)).AcquireN(t.Context(), 0); err == nil {
		t.Error("Bulklink, request for 0: no error")
	}
	admitted := 0
	for range 1000 {
		p := bulkhead.New[int](1)
		_, _ = failsafe.With(p).WithContext(ended).Get(func() (int, error) { admitted++; return 0, nil })
	}
	if admitted == 0 || admitted == 1000 {
		t.Errorf("failsafe-go admitted a done context %d times in 1000, want some and not all", admitted)
	}
	synctest.Test(t, func(t *testing.T) {
		p := bulkhead.New[int](1)
		released := false
		go func() { p.ReleasePermit(); released = true }()
		synctest.Wait()
		if released {
			t.Error("ReleasePermit of failsafe-go returned although no permit was held")
		}
		p.TryAcquirePermit() // lets ReleasePermit return
		synctest.Wait()
	})
}
