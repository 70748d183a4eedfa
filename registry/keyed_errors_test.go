package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// rejections returns an error of each kind with which a Keyed rejects, and the
// Keyed: a new one for each kind.
func rejections(t *testing.T) map[string]func() (*registry.Keyed[string], error) {
	reject := func(maxKeys int, prepare func(*registry.Keyed[string]), ctx context.Context, key string, limits ...deadline.Limit) func() (*registry.Keyed[string], error) {
		return func() (*registry.Keyed[string], error) {
			k := mustKeyed[string](t, 1, maxKeys)
			prepare(k)
			_, err := registry.RunKey(ctx, k, key, nothing, limits...)
			mustBe(t, err, bulk.ErrNotStarted)
			return k, err
		}
	}
	none := func(*registry.Keyed[string]) {}
	held := func(k *registry.Keyed[string]) { hold(t, k, "a") }
	closed := func(k *registry.Keyed[string]) { touch(t, k, "a"); k.Close() }
	evicted := func(k *registry.Keyed[string]) { touch(t, k, "a"); k.Evict("a") }
	return map[string]func() (*registry.Keyed[string], error){
		"saturated":                reject(1, held, t.Context(), "a"),
		"expired, known key":       reject(1, held, t.Context(), "a", deadline.Before(past)),
		"expired, new key":         reject(1, none, t.Context(), "a", deadline.Before(past)),
		"canceled, known key":      reject(1, held, done(t), "a"),
		"canceled, new key":        reject(1, none, done(t), "a"),
		"canceled, evicted key":    reject(1, evicted, done(t), "a"),
		"closed, known key":        reject(1, closed, t.Context(), "a"),
		"closed, new key":          reject(1, closed, t.Context(), "b"),
		"too many keys":            reject(1, held, t.Context(), "b"),
		"too many keys, saturated": reject(1, held, t.Context(), "b", deadline.NoWait()),
	}
}

func TestKeyedNotStartedIsTrueForRejectionsByThatKeyedOnly(t *testing.T) {
	for name, reject := range rejections(t) {
		k, err := reject()
		twin := mustKeyed[string](t, 1, 1) // with the same label
		for _, err := range []error{err, fmt.Errorf("search: %w", err), errors.Join(errWhy, err), fmt.Errorf("%w, %w", errWhy, err)} {
			if !k.NotStarted(err) {
				t.Errorf("%s: %v: the Keyed did start it", name, err)
			}
			if twin.NotStarted(err) {
				t.Errorf("%s: %v: another Keyed rejected it", name, err)
			}
		}
		k.EvictIdle()
		if !k.NotStarted(err) {
			t.Errorf("%s: forgotten with the key", name)
		}
		b := bulk.Must(bulk.New("tenants", 1))
		if bulk.NotStarted(err, b) {
			t.Errorf("%s: another bulkhead rejected it", name)
		}
	}
	k := mustKeyed[string](t, 1, 1)
	for _, err := range []error{nil, errWhy, bulk.ErrNotStarted, registry.ErrTooManyKeys, &bulk.AdmissionError{Label: "tenants"}, &registry.TooManyKeysError{Label: "tenants", MaxKeys: 1}} {
		if k.NotStarted(err) {
			t.Errorf("%v is a rejection", err)
		}
	}
}

// The cause of a canceled operation can be the rejection of another one.
func TestKeyedNotStartedLooksAtTheOutermostRejection(t *testing.T) {
	for name, reject := range rejections(t) {
		inner, cause := reject()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		outer := mustKeyed[string](t, 1, 1)
		for _, key := range []string{"new", "known"} {
			_, err := registry.RunKey(ctx, outer, key, nothing)
			mustBe(t, err, bulk.ErrCanceled)
			if !outer.NotStarted(err) || inner.NotStarted(err) {
				t.Errorf("%s: %v is not by the outer Keyed", name, err)
			}
			touch(t, outer, "known")
		}
	}
}

// runsIn returns the ways to run fn under the key "a".
func runsIn(k *registry.Keyed[string]) map[string]func(context.Context, func(context.Context) (int, error)) error {
	return map[string]func(context.Context, func(context.Context) (int, error)) error{
		"RunKey": func(ctx context.Context, fn func(context.Context) (int, error)) error {
			_, err := registry.RunKey(ctx, k, "a", fn)
			return err
		},
		"GuardKey": func(ctx context.Context, fn func(context.Context) (int, error)) error {
			same := func(key string) string { return key }
			_, err := registry.GuardKey(k, same, func(ctx context.Context, _ string) (int, error) { return fn(ctx) })(ctx, "a")
			return err
		},
	}
}

// wraps are the ways in which an operation can return a rejection.
var wraps = []func(error) error{
	func(err error) error { return err },
	func(err error) error { return fmt.Errorf("nested: %w", err) },
	func(err error) error { return errors.Join(errWhy, err) },
}

// An operation can use other keys of its Keyed, and return their rejections.
func TestAnOperationThatRanNeverReturnsARejectionByItsKeyed(t *testing.T) {
	for key, c := range map[string]struct {
		ctx    context.Context
		reason error
	}{
		"a": {t.Context(), bulk.ErrSaturated}, // a nested call under the same key
		"b": {t.Context(), bulk.ErrSaturated},
		"c": {t.Context(), registry.ErrTooManyKeys},
		"d": {done(t), bulk.ErrCanceled},
	} {
		for _, wrap := range wraps {
			k := mustKeyed[string](t, 1, 2)
			hold(t, k, "b")
			for name, run := range runsIn(k) {
				var inner error
				err := run(t.Context(), func(context.Context) (int, error) {
					_, inner = registry.RunKey(c.ctx, k, key, nothing)
					mustBe(t, inner, c.reason, bulk.ErrNotStarted)
					return 0, wrap(inner)
				})
				if k.NotStarted(err) || err.Error() != wrap(inner).Error() {
					t.Errorf("%s, key %s: got %v", name, key, err)
				}
				mustNotBe(t, err, c.reason, bulk.ErrNotStarted, bulk.ErrOverload)
				if e := (*bulk.AdmissionError)(nil); errors.As(err, &e) {
					t.Errorf("%s, key %s: %v is an AdmissionError", name, key, err)
				}
			}
		}
	}
}

func TestAnOperationThatRanReturnsARejectionByAnotherKeyedUnchanged(t *testing.T) {
	for kind, reject := range rejections(t) {
		other, rejection := reject()
		for name, run := range runsIn(mustKeyed[string](t, 1, 1)) {
			err := run(t.Context(), func(context.Context) (int, error) { return 0, rejection })
			if err != rejection || !other.NotStarted(err) {
				t.Errorf("%s, %s: got %v", name, kind, err)
			}
		}
	}
	// Nor is the rejection by a Keyed mistaken for that by another one.
	one, two := mustKeyed[string](t, 1, 1), mustKeyed[string](t, 1, 1)
	hold(t, one, "a")
	hold(t, two, "a")
	_, cause := registry.RunKey(t.Context(), one, "b", nothing)
	_, rejection := registry.RunKey(t.Context(), two, "b", nothing)
	mustBe(t, errors.Join(cause, rejection), registry.ErrTooManyKeys)
	for name, run := range runsIn(mustKeyed[string](t, 1, 1)) {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := run(ctx, func(context.Context) (int, error) {
			cancel(cause)
			return 0, rejection
		})
		if err != rejection {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// errgroup cancels a group of calls with the rejection of one of them. The
// operations that ran return that cause.
func TestAnOperationThatRanNeverReturnsTheRejectionThatCanceledIt(t *testing.T) {
	for key, reason := range map[string]error{"a": bulk.ErrSaturated, "b": registry.ErrTooManyKeys} {
		for _, wrap := range wraps {
			k := mustKeyed[string](t, 1, 1)
			for name, run := range runsIn(k) {
				ctx, cancel := context.WithCancelCause(t.Context())
				var cause error
				err := run(ctx, func(ctx context.Context) (int, error) {
					_, cause = registry.RunKey(t.Context(), k, key, nothing)
					mustBe(t, cause, reason, bulk.ErrNotStarted)
					cancel(wrap(cause))
					return 0, context.Cause(ctx)
				})
				if k.NotStarted(err) || err.Error() != wrap(cause).Error() {
					t.Errorf("%s: got %v", name, err)
				}
				mustNotBe(t, err, reason, bulk.ErrNotStarted, bulk.ErrOverload)
				if e := (*bulk.AdmissionError)(nil); errors.As(err, &e) {
					t.Errorf("%s: %v is an AdmissionError", name, err)
				}
			}
		}
	}
}
