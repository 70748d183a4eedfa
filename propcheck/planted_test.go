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
type losesSlotOnPanic struct{ forwarding }

func (s losesSlotOnPanic) Do(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
	slot, err := s.Acquire(ctx, limits...)
	if err != nil {
		return err
	}
	err = fn(ctx)
	slot.Release()
	return err
}

// The limits of the call are dropped.
type forgetsLimits struct{ forwarding }

func (s forgetsLimits) Acquire(ctx context.Context, _ ...deadline.Limit) (bulk.Slot, error) {
	return s.Bulkhead.Acquire(ctx)
}

// The caller's ctx is dropped.
type forgetsContext struct{ forwarding }

func (s forgetsContext) Do(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
	return bulk.Do(context.WithoutCancel(ctx), s.Bulkhead, fn, limits...)
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
type refusesToShrink struct{ forwarding }

func (s refusesToShrink) Resize(parallelism int) error {
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
	wrap  func(forwarding) Subject
	tells string // a pattern that the report matches
}{
	{"loses a slot on panic", func(f forwarding) Subject { return losesSlotOnPanic{f} }, `fn panicked|goroutine ended`},
	{"forgets limits", func(f forwarding) Subject { return forgetsLimits{f} }, `Acquire\(`},
	{"forgets the context", func(f forwarding) Subject { return forgetsContext{f} }, `Do\(`},
	{"overtakes", func(f forwarding) Subject { return overtakes{f} }, `saturated`},
	{"translates a reason", func(f forwarding) Subject { return translatesReason{f} }, `no AdmissionError: context deadline exceeded`},
	{"misses an event", func(f forwarding) Subject { return missesEvent{f} }, `handler \d+ was not given event \d+ \(released\)`},
	{"delivers late", func(f forwarding) Subject { return deliversLate{f} }, `handler \d+`},
	{"caches Status", func(f forwarding) Subject { return cachesStatus{f, new(bulk.Status)} }, `Status`},
	{"shuts nothing", func(f forwarding) Subject { return shutsNothing{f} }, `Shutdown`},
	{"hides the DrainError", func(f forwarding) Subject { return hidesDrainError{f} }, `an error of another kind: context`},
	{"refuses to shrink", func(f forwarding) Subject { return refusesToShrink{f} }, `Resize\(`},
	{"panics", func(f forwarding) Subject { return panicsInResize{f} }, `Resize\(.*\) panicked: `},
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
