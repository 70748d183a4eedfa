package registry_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
)

func TestNewKeyedReturnsAllConfigErrors(t *testing.T) {
	failed := errors.New("no file")
	k, err := registry.NewKeyed[string]("", 0, 0,
		registry.IdleAfter(-1), nil, registry.Each(bulk.WaitingRoom(-1), nil),
		registry.Each(func(*bulk.Config) error { return failed }))
	mustBe(t, err, bulk.ErrConfig, option.ErrNil, failed)
	fields := make(map[string]int)
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		var c *bulk.ConfigError
		if !errors.As(err, &c) {
			t.Fatalf("%v is no ConfigError", err)
		}
		fields[c.Field]++
	}
	for field, n := range map[string]int{"label": 1, "parallelism": 1, "max_keys": 1, "idle_after": 1, "waiting_room": 1, "option": 3} {
		if fields[field] != n {
			t.Errorf("%d errors about %s, want %d: %v", fields[field], field, n, err)
		}
	}
	if k != nil {
		t.Error("NewKeyed returned a Keyed with an error")
	}
	_, err = registry.NewKeyed[string]("tenants", 1, -1)
	var c *bulk.ConfigError
	if !errors.As(err, &c) || c.Field != "max_keys" || c.Value != -1 {
		t.Errorf("-1 keys: %v", err)
	}
}

// An option of the caller can return any error.
func TestEachFailedOptionOfAKeyedIsOneConfigErrorWithItsCause(t *testing.T) {
	fail := func(err error) registry.KeyedOption { return func(*registry.KeyedConfig) error { return err } }
	failed, why := errors.New("no file"), errors.New("no such directory")
	bad := &bulk.ConfigError{Field: "idle_after", Value: "soon", Problem: "must be a duration"}
	_, err := registry.NewKeyed[string]("tenants", 1, 1,
		option.Join(fail(failed), option.Join(fail(fmt.Errorf("%w: %w", errWhy, why)), nil)), fail(bad))
	mustBe(t, err, bulk.ErrConfig, failed, errWhy, why, option.ErrNil, bad)
	errs := err.(interface{ Unwrap() []error }).Unwrap()
	if len(errs) != 4 {
		t.Fatalf("%d errors, want 4: %v", len(errs), err)
	}
	for i, want := range []string{
		`bulkhead "tenants": option <nil>: no file`,
		`bulkhead "tenants": option <nil>: the user went away: no such directory`,
		`bulkhead "tenants": option <nil>: option: nil option (2 of 2)`,
		`bulkhead "tenants": idle_after "soon": must be a duration`,
	} {
		var e *bulk.ConfigError
		if !errors.As(errs[i], &e) || e.Label != "tenants" || errs[i].Error() != want {
			t.Errorf("error %d is %v, want %s", i, errs[i], want)
		}
	}
	_, err = registry.NewKeyed[string](" ", 1, 0)
	if text := err.Error(); text != "bulk: label \" \": must not be empty or only spaces\nbulk: max_keys 0: must be at least 1" {
		t.Error(text)
	}
}

func TestOptionThatFailsLaterIsTheErrorOfThatCall(t *testing.T) {
	fail := false
	k := mustKeyed[string](t, 1, 1, registry.Each(func(*bulk.Config) error {
		if fail {
			return errWhy
		}
		return nil
	}))
	touch(t, k, "a")
	fail = true
	touch(t, k, "a")
	_, err := k.Acquire(t.Context(), "b")
	mustBe(t, err, bulk.ErrConfig, errWhy)
	if s := k.Status(); s.Keys != 1 || s.Evicted != 0 {
		t.Errorf("%+v", s)
	}
	check(t, k)
}
