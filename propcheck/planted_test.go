package propcheck

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// Wrappers with mistakes that people make. The kit must catch each one, soon,
// and tell it in a few steps.

type forwarding struct{ *bulk.Bulkhead }

// A panic in fn skips the release.
func losesSlotOnPanic(b *bulk.Bulkhead) DoFunc {
	return func(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
		slot, err := b.Acquire(ctx, limits...)
		if err != nil {
			return err
		}
		err = fn(ctx)
		slot.Release()
		return err
	}
}

// The slot is free while fn runs.
func releasesEarly(b *bulk.Bulkhead) DoFunc {
	return func(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
		slot, err := b.Acquire(ctx, limits...)
		slot.Release()
		if err != nil {
			return err
		}
		return fn(ctx)
	}
}

func dropsLimits(b *bulk.Bulkhead) DoFunc {
	return func(ctx context.Context, fn func(context.Context) error, _ ...deadline.Limit) error {
		return bulk.Do(ctx, b, fn)
	}
}

func dropsContext(b *bulk.Bulkhead) DoFunc {
	return func(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
		return bulk.Do(context.WithoutCancel(ctx), b, fn, limits...)
	}
}

func changesContext(b *bulk.Bulkhead) DoFunc {
	return func(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
		return bulk.Do(ctx, b, func(context.Context) error { return fn(context.Background()) }, limits...)
	}
}

// Overload is taken for a reason to run without the bulkhead.
func runsRejected(b *bulk.Bulkhead) DoFunc {
	return func(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
		err := bulk.Do(ctx, b, fn, limits...)
		if bulk.NotStarted(err, b) && errors.Is(err, bulk.ErrSaturated) {
			return fn(ctx)
		}
		return err
	}
}

// A failure is tried again.
func runsTwice(b *bulk.Bulkhead) DoFunc {
	return func(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
		err := bulk.Do(ctx, b, fn, limits...)
		if err != nil && !bulk.NotStarted(err, b) {
			err = bulk.Do(ctx, b, fn, limits...)
		}
		return err
	}
}

func hidesError(b *bulk.Bulkhead) DoFunc {
	return func(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
		err := bulk.Do(ctx, b, fn, limits...)
		if err != nil && !bulk.NotStarted(err, b) {
			return errors.New("failed")
		}
		return err
	}
}

func hidesRejection(b *bulk.Bulkhead) DoFunc {
	return func(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
		err := bulk.Do(ctx, b, fn, limits...)
		if bulk.NotStarted(err, b) {
			return errors.New("try again later")
		}
		return err
	}
}

func recovers(b *bulk.Bulkhead) DoFunc {
	return func(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = errors.New("panic")
			}
		}()
		return bulk.Do(ctx, b, fn, limits...)
	}
}

// The limits of the call are dropped.
type forgetsLimits struct{ forwarding }

func (s forgetsLimits) Acquire(ctx context.Context, _ ...deadline.Limit) (bulk.Slot, error) {
	return s.Bulkhead.Acquire(ctx)
}

// It polls, so those who come later overtake.
type overtakes struct{ forwarding }

func (s overtakes) Acquire(ctx context.Context, limits ...deadline.Limit) (bulk.Slot, error) {
	for {
		slot, err := s.Bulkhead.Acquire(ctx, append(limits, deadline.NoWait())...)
		if !errors.Is(err, bulk.ErrSaturated) || len(limits) > 0 {
			return slot, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
}

// One reason is told as another.
type translatesReason struct{ forwarding }

func (s translatesReason) Acquire(ctx context.Context, limits ...deadline.Limit) (bulk.Slot, error) {
	slot, err := s.Bulkhead.Acquire(ctx, limits...)
	if errors.Is(err, bulk.ErrExpired) {
		err = context.DeadlineExceeded
	}
	return slot, err
}

// A kind of event does not reach the handlers.
type missesEvent struct{ forwarding }

func (s missesEvent) OnEvent(h func(bulk.Event)) func() {
	if h == nil {
		return s.Bulkhead.OnEvent(nil)
	}
	return s.Bulkhead.OnEvent(func(e bulk.Event) {
		if e.Kind != bulk.EventReleased {
			h(e)
		}
	})
}

// Handlers run on goroutines of their own: some time.
type deliversLate struct{ forwarding }

func (s deliversLate) OnEvent(h func(bulk.Event)) func() {
	if h == nil {
		return s.Bulkhead.OnEvent(nil)
	}
	return s.Bulkhead.OnEvent(func(e bulk.Event) {
		go func() {
			time.Sleep(time.Microsecond)
			h(e)
		}()
	})
}

// Two readings share one.
type cachesStatus struct {
	forwarding
	last *bulk.Status
}

func (s cachesStatus) Status() bulk.Status {
	if now := time.Now(); now.Sub(s.last.At) > 0 {
		*s.last = s.Bulkhead.Status()
	}
	return *s.last
}

// Shutdown waits, and leaves it to others to close.
type shutsNothing struct{ forwarding }

func (s shutsNothing) Shutdown(ctx context.Context) error { return s.Wait(ctx) }

// Giving up is told with the bare error of ctx.
type hidesDrainError struct{ forwarding }

func (s hidesDrainError) Wait(ctx context.Context) error {
	if err := s.Bulkhead.Wait(ctx); err != nil {
		return ctx.Err()
	}
	return nil
}

// Shrinking goes through a check that was meant to be helpful.
type neverShrinks struct{ forwarding }

func (s neverShrinks) Resize(parallelism int) error {
	if parallelism > 0 && parallelism < s.Status().InUse {
		return nil
	}
	return s.Bulkhead.Resize(parallelism)
}

// A mistake of the caller is taken for a reason to panic.
type panicsInResize struct{ forwarding }

func (s panicsInResize) Resize(parallelism int) error {
	if err := s.Bulkhead.Resize(parallelism); err != nil {
		panic(err)
	}
	return nil
}

// planted says what each must be caught for.
var planted = []struct {
	name  string
	wrap  func(forwarding) Subject // for TestBulkhead, or else
	do    func(*bulk.Bulkhead) DoFunc
	tells string // a pattern that the report matches
}{

	{name: "forgets limits", wrap: func(f forwarding) Subject { return forgetsLimits{f} }, tells: `Acquire\(`},

	{name: "overtakes", wrap: func(f forwarding) Subject { return overtakes{f} }, tells: `saturated`},
	{name: "translates a reason", wrap: func(f forwarding) Subject { return translatesReason{f} }, tells: `no AdmissionError: context deadline exceeded`},
	{name: "misses an event", wrap: func(f forwarding) Subject { return missesEvent{f} }, tells: `handler \d+ was not given event \d+ \(released\)`},
	{name: "delivers late", wrap: func(f forwarding) Subject { return deliversLate{f} }, tells: `handler \d+`},
	{name: "caches Status", wrap: func(f forwarding) Subject { return cachesStatus{f, new(bulk.Status)} }, tells: `Status`},
	{name: "shuts nothing", wrap: func(f forwarding) Subject { return shutsNothing{f} }, tells: `Shutdown`},
	{name: "hides the DrainError", wrap: func(f forwarding) Subject { return hidesDrainError{f} }, tells: `no AdmissionError: context`},
	{name: "does not shrink", wrap: func(f forwarding) Subject { return neverShrinks{f} }, tells: `Resize\(`},
	{name: "panics", wrap: func(f forwarding) Subject { return panicsInResize{f} }, tells: `Resize\(`},

	{name: "Do loses a slot on panic", do: losesSlotOnPanic, tells: `fn panics|goroutine ends`},
	{name: "Do releases before it runs", do: releasesEarly, tells: `Do\(`},
	{name: "Do drops the limits", do: dropsLimits, tells: `Do\(`},
	{name: "Do drops the context", do: dropsContext, tells: `Do\(ctx`},
	{name: "Do gives fn another context", do: changesContext, tells: `not derived from the caller's`},
	{name: "Do runs what was rejected", do: runsRejected, tells: `by the contract it is rejected`},
	{name: "Do runs twice", do: runsTwice, tells: `fn was called twice`},
	{name: "Do hides the error of fn", do: hidesError, tells: `not the same`},
	{name: "Do hides the rejection", do: hidesRejection, tells: `no AdmissionError`},
	{name: "Do recovers from panics", do: recovers, tells: `fn panics`},
}

// plantedEnv names the wrapper that TestPlantedBug checks.
const plantedEnv = "PROPCHECK_PLANTED"

// TestPlantedBug fails, which is what TestPlantedBugsAreCaught wants to see: it
// runs this test in a process of its own.
func TestPlantedBug(t *testing.T) {
	name := os.Getenv(plantedEnv)
	if name == "" {
		t.Skip("run by TestPlantedBugsAreCaught")
	}
	for _, p := range planted {
		if p.name == name {
			checks(t, 2000)
			if p.do != nil {
				TestDo(t, p.do)
				return
			}
			TestBulkhead(t, func(label string, parallelism int, opts ...bulk.Option) (Subject, error) {
				b, err := bulk.New(label, parallelism, opts...)
				if err != nil {
					return nil, err
				}
				return p.wrap(forwarding{b}), nil
			})
		}
	}
}

func TestPlantedBugsAreCaught(t *testing.T) {
	for _, p := range planted {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			// One seed, and as long as it takes (a second or so) until the story
			// gets no shorter: how short it is must not hang on the machine.
			cmd := exec.Command(os.Args[0], "-test.run=^TestPlantedBug$", "-rapid.seed=1", "-rapid.steps=10", "-rapid.shrinktime=1h")
			cmd.Env = append(os.Environ(), plantedEnv+"="+p.name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("not caught:\n%s", out)
			}
			_, story, ok := strings.Cut(string(out), "The shortest sequence that fails:")
			if !ok {
				t.Fatalf("no story is told:\n%s", out)
			}
			steps := regexp.MustCompile(`(?m)^ +\d+\. `).FindAllString(story, -1)
			if len(steps) > 6 {
				t.Errorf("told in %d steps", len(steps))
			}
			if !regexp.MustCompile(p.tells).MatchString(story) {
				t.Errorf("the report does not say %s", p.tells)
			}
			if t.Failed() || testing.Verbose() {
				t.Logf("%s", out)
			}
		})
	}
}
