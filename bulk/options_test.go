package bulk_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
	"github.com/google/go-cmp/cmp"
)

// failing returns an option that fails.
func failing(err error) bulk.Option { return func(*bulk.Config) error { return err } }

var errOwn = errors.New("the file of limits does not exist")

// manyError is an error with several causes, or none, and a message of its own.
type manyError struct{ causes []error }

func (*manyError) Error() string     { return "the preset is out of date" }
func (e *manyError) Unwrap() []error { return e.causes }

// New returns all problems in one error, and no bulkhead.
func TestNewReportsEveryProblem(t *testing.T) {
	handler := func(bulk.Event) {}
	var rows table
	for _, c := range []struct {
		name, why   string
		label       string
		parallelism int
		opts        []bulk.Option
		want        []problem
		matches     []error
	}{
		{"no problem", "a label and a parallelism are enough", "x", 1, nil, nil, nil},
		{"the largest values", "there is no upper bound", "x", math.MaxInt,
			[]bulk.Option{bulk.WaitingRoom(math.MaxInt), bulk.WaitLimit(math.MaxInt64)}, nil, nil},
		{"zero values", "0 is the default and can be given", "x", 1, []bulk.Option{bulk.WaitingRoom(0), bulk.WaitLimit(0)}, nil, nil},
		{"an unusual label", "any label that is not blank is allowed", "\xff\n\" 🚢", 1, nil, nil, nil},

		{"no label", "messages would not name the bulkhead", "", 1, nil, []problem{{"label", ""}}, nil},
		{"a label of spaces", "messages would not name the bulkhead", " \t\n\u00a0", 1, nil, []problem{{"label", " \t\n\u00a0"}}, nil},
		{"parallelism 0", "no operation could ever run", "x", 0, nil, []problem{{"parallelism", 0}}, nil},
		{"negative parallelism", "it is not a number of slots", "x", -1, nil, []problem{{"parallelism", -1}}, nil},
		{"the smallest parallelism", "it is at the end of the range", "x", math.MinInt, nil, []problem{{"parallelism", math.MinInt}}, nil},
		{"negative waiting room", "it is not a number of places", "x", 1, []bulk.Option{bulk.WaitingRoom(-1)}, []problem{{"waiting_room", -1}}, nil},
		{"the smallest waiting room", "it is at the end of the range", "x", 1, []bulk.Option{bulk.WaitingRoom(math.MinInt)}, []problem{{"waiting_room", math.MinInt}}, nil},
		{"negative wait limit", "it is not a duration of a wait", "x", 1,
			[]bulk.Option{bulk.WaitLimit(-1)}, []problem{{"wait_limit", -time.Nanosecond}}, nil},
		{"the smallest wait limit", "it is at the end of the range", "x", 1,
			[]bulk.Option{bulk.WaitLimit(math.MinInt64)}, []problem{{"wait_limit", time.Duration(math.MinInt64)}}, nil},
		{"a nil option", "it is an error, not a panic", "x", 1, []bulk.Option{nil}, []problem{{"option", nil}}, []error{option.ErrNil}},
		{"a nil option in a preset", "the preset does not hide it", "x", 1,
			[]bulk.Option{option.Join(bulk.WaitingRoom(1), nil)}, []problem{{"option", nil}}, []error{option.ErrNil}},
		{"a nil handler", "it cannot be called", "x", 1, []bulk.Option{bulk.OnEvent(nil)}, []problem{{"handler", nil}}, nil},
		{"a nil handler of panics", "the default applies if the option is not given", "x", 1,
			[]bulk.Option{bulk.OnHandlerPanic(nil)}, []problem{{"handler", nil}}, nil},
		{"an option that fails", "users write options of their own", "x", 1, []bulk.Option{failing(errOwn)}, []problem{{"option", nil}}, []error{errOwn}},
		{"an option that fails with a wrapped error", "the wrapped error still matches", "x", 1,
			[]bulk.Option{failing(fmt.Errorf("reading: %w", errOwn))}, []problem{{"option", nil}}, []error{errOwn}},
		{"an option that fails with a ConfigError", "it is one already", "x", 1,
			[]bulk.Option{failing(&bulk.ConfigError{Field: "wait_limit", Value: "soon", Problem: "must be a duration"})},
			[]problem{{"wait_limit", "soon"}}, nil},
		{"an option that fails twice", "each is one problem", "x", 1,
			[]bulk.Option{failing(errors.Join(errOwn, option.ErrNil))}, []problem{{"option", nil}, {"option", nil}}, []error{errOwn, option.ErrNil}},

		{"the later value counts, if it is good", "only the value in use is checked", "x", 1,
			[]bulk.Option{bulk.WaitingRoom(-1), bulk.WaitLimit(-1), bulk.WaitingRoom(1), bulk.WaitLimit(1)}, nil, nil},
		{"the later value counts, if it is bad", "only the value in use is checked", "x", 1,
			[]bulk.Option{bulk.WaitingRoom(1), bulk.WaitingRoom(-2)}, []problem{{"waiting_room", -2}}, nil},
		{"two nil options", "each is one problem", "x", 1, []bulk.Option{nil, nil}, []problem{{"option", nil}, {"option", nil}}, nil},
		{"all problems together", "users see all of them in one attempt", " ", -3,
			[]bulk.Option{nil, bulk.OnEvent(handler), bulk.WaitingRoom(-5), bulk.OnEvent(nil),
				option.Join(bulk.OnHandlerPanic(nil), failing(errOwn), option.Join[bulk.Config](nil)), bulk.WaitLimit(-time.Second)},
			[]problem{{"label", " "}, {"option", nil}, {"handler", nil}, {"handler", nil}, {"option", nil}, {"option", nil},
				{"parallelism", -3}, {"waiting_room", -5}, {"wait_limit", -time.Second}},
			[]error{errOwn, option.ErrNil}},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			b, err := bulk.New(c.label, c.parallelism, c.opts...)
			if diff := cmp.Diff(c.want, problems(t, err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if (b == nil) != (err != nil) {
				t.Errorf("either a bulkhead or an error: %v, %v", b, err)
			}
			for _, leaf := range leaves(err) {
				if e := leaf.(*bulk.ConfigError); e.Label != strings.TrimSpace(c.label) {
					t.Errorf("the label of %q is %q", e, e.Label)
				}
			}
			if errors.Is(err, bulk.ErrConfig) != (err != nil) {
				t.Errorf("ErrConfig: %v", err)
			}
			for _, target := range append(c.matches, leaves(err)...) {
				if !errors.Is(err, target) {
					t.Errorf("%q does not match %q", err, target)
				}
			}
			for _, other := range []error{bulk.ErrNotStarted, bulk.ErrOverload, bulk.ErrSaturated, bulk.ErrExpired, bulk.ErrClosed, bulk.ErrOversized, bulk.ErrCanceled} {
				if errors.Is(err, other) {
					t.Errorf("%q matches %q, but no operation was rejected", err, other)
				}
			}
			if b != nil && b.Label() != c.label {
				t.Errorf("label %q", b.Label())
			}
		})
	}
}

// An error with several causes and a message of its own is one problem. Only the
// result of errors.Join is a list of problems.
func TestAnOptionsErrorWithSeveralCausesStaysWhole(t *testing.T) {
	for _, causes := range [][]error{nil, {errOwn}, {errOwn, option.ErrNil}} {
		own := &manyError{causes}
		b, err := bulk.New("x", 1, failing(own))
		if b != nil || err == nil {
			t.Errorf("%d causes: the error was lost", len(causes))
			continue
		}
		var e *bulk.ConfigError
		if !errors.As(err, &e) || e.Field != "option" || !errors.Is(err, bulk.ErrConfig) {
			t.Errorf("%d causes: %v", len(causes), err)
		}
		var found *manyError
		if !errors.As(err, &found) || found != own || !errors.Is(err, own) || !strings.Contains(err.Error(), own.Error()) {
			t.Errorf("%d causes: %q does not match the option's own error", len(causes), err)
		}
		for _, cause := range causes {
			if !errors.Is(err, cause) {
				t.Errorf("%d causes: %q does not match %q", len(causes), err, cause)
			}
		}
	}
}

// Messages have the given and the allowed values.
func TestConfigErrorMessages(t *testing.T) {
	_, bad := bulk.New(" \n", 0, bulk.WaitingRoom(-7), bulk.WaitLimit(-90*time.Second), bulk.OnEvent(nil), failing(errOwn), nil)
	_, slots := mustNew(t, 1).AcquireN(t.Context(), -4)
	all := errors.Join(bad, slots)
	for field, says := range map[string][]string{
		"label":        {`" \n"`, "must not be empty or only spaces"},
		"parallelism":  {" 0:", "at least 1"},
		"waiting_room": {"-7", "0", "or more"},
		"wait_limit":   {"-1m30s", "0", "or more"},
		"handler":      {"nil", "must not be nil"},
		"option":       {errOwn.Error()},
		"slots":        {"-4", "at least 1"},
	} {
		var texts []string
		for _, leaf := range leaves(all) {
			if e := leaf.(*bulk.ConfigError); e.Field == field {
				texts = append(texts, e.Error())
			}
		}
		if text := strings.Join(texts, "\n"); !containsAll(text, says) {
			t.Errorf("%s: %q should contain %q", field, text, says)
		}
	}
	if !strings.Contains(bad.Error(), "nil option") {
		t.Errorf("%q does not say that an option is nil", bad)
	}
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// In a program with twenty bulkheads, the message must name the one.
func TestConfigErrorNamesTheBulkhead(t *testing.T) {
	b := mustNew(t, 1)
	_, created := bulk.New("payments", 0)
	_, option := bulk.New("payments", 1, bulk.OnEvent(nil))
	_, blank := bulk.New(" ", 0)
	_, odd := bulk.New("a\nb", 0)
	_, slots := b.AcquireN(t.Context(), 0)
	other := &bulk.ConfigError{Label: "search", Field: "option", Value: 1, Problem: "must be 2"}
	_, named := bulk.New("payments", 1, failing(other))
	var rows table
	for _, c := range []struct {
		name, why string
		err       error
		want      string
	}{
		{"New", "its label is known", created, `bulkhead "payments": parallelism 0: must be at least 1`},
		{"an option", "it is applied to this bulkhead", option, `bulkhead "payments": handler <nil>: must not be nil`},
		{"an option whose error has a label", "the label of the option is kept", named, `bulkhead "search": option 1: must be 2`},
		{"Resize", "the bulkhead is known", b.Resize(-1), `bulkhead "test": parallelism -1: must be 0 (paused) or more`},
		{"SetCapacity", "the bulkhead is known", b.SetCapacity(bulk.Capacity{Parallelism: 1, WaitLimit: -1}), `bulkhead "test": wait_limit -1ns: must be 0 (no limit) or more`},
		{"Validate", "the capacity belongs to no bulkhead", bulk.Capacity{Parallelism: -1}.Validate(), `bulk: parallelism -1: must be 0 (paused) or more`},
		{"a blank label", "it names no bulkhead", blank, "bulk: label \" \": must not be empty or only spaces\nbulk: parallelism 0: must be at least 1"},
		{"a label with a line end", "it must not forge a line", odd, `bulkhead "a\nb": parallelism 0: must be at least 1`},
		{"slots", "the bulkhead is known", slots, `bulkhead "test": slots 0: must be at least 1`},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			if c.err == nil || c.err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", c.err, c.want)
			}
		})
	}
}

// An option may return the same error for several bulkheads: New does not put
// a label into it.
func TestAnOptionsConfigErrorIsNotChanged(t *testing.T) {
	shared := &bulk.ConfigError{Field: "wait_limit", Value: "soon", Problem: "must be a duration"}
	for _, label := range []string{"payments", "search"} {
		_, err := bulk.New(label, 1, failing(shared))
		var e *bulk.ConfigError
		if !errors.As(err, &e) || e.Label != label || e.Field != "wait_limit" || !errors.Is(err, shared) {
			t.Errorf("%s: %v", label, err)
		}
	}
	if shared.Label != "" {
		t.Errorf("the option's error was changed: %+v", shared)
	}
}

// A ConfigError matches ErrConfig and the error of its option, no other.
func TestConfigErrorMatchesNothingElse(t *testing.T) {
	_, err := bulk.New("x", 0)
	for _, target := range []error{option.ErrNil, errOwn, &bulk.ConfigError{Field: "parallelism", Value: 0}} {
		if errors.Is(err, target) {
			t.Errorf("%q matches %q", err, target)
		}
	}
	var coded codeError
	_, err = bulk.New("x", 1, failing(codeError{7}))
	if !errors.As(err, &coded) || coded.code != 7 {
		t.Errorf("the code of %q is lost", err)
	}
	_, err = bulk.New("x", 1, failing(listError{"not", "comparable"}))
	if errors.Is(err, listError{"not", "comparable"}) || !errors.Is(err, bulk.ErrConfig) {
		t.Errorf("%q", err)
	}
	var list listError
	if !errors.As(err, &list) || len(list) != 2 {
		t.Errorf("the list of %q is lost", err)
	}
}

// Options are applied in order. Handlers are added to those before.
func TestLaterOptionsOverrideEarlierOnes(t *testing.T) {
	var called []string
	on := func(name string) bulk.Option { return bulk.OnEvent(func(bulk.Event) { called = append(called, name) }) }
	onPanic := func(name string) bulk.Option {
		return bulk.OnHandlerPanic(func(bulk.Event, any) { called = append(called, name) })
	}
	preset := option.Join(bulk.WaitingRoom(5), bulk.WaitLimit(time.Second), on("preset"))
	b := mustNew(t, 3, on("first"), onPanic("replaced"), preset, bulk.WaitLimit(time.Minute), on("last"),
		bulk.OnEvent(func(bulk.Event) { panic("on purpose") }), onPanic("panic"))
	want := bulk.Capacity{Parallelism: 3, WaitingRoom: 5, WaitLimit: time.Minute}
	if got := b.Capacity(); got != want {
		t.Errorf("capacity %+v, want %+v", got, want)
	}
	if s, ok := b.TryAcquire(); !ok || s == (bulk.Slot{}) {
		t.Error("no slot")
	}
	if diff := cmp.Diff([]string{"first", "preset", "last", "panic"}, called); diff != "" {
		t.Errorf("called (-want +got):\n%s", diff)
	}
}

func TestAPresetSharesNothingBetweenBulkheads(t *testing.T) {
	var events recorder
	preset := option.Join(bulk.WaitingRoom(5), bulk.OnEvent(events.handle), option.When(false, bulk.WaitLimit(-1)))
	a, b, plain := mustNew(t, 1, preset), mustNew(t, 2, preset, bulk.WaitingRoom(6)), mustNew(t, 3)
	if a.Capacity().WaitingRoom != 5 || b.Capacity().WaitingRoom != 6 || plain.Capacity() != (bulk.Capacity{Parallelism: 3}) {
		t.Errorf("%+v %+v %+v", a.Capacity(), b.Capacity(), plain.Capacity())
	}
	a.TryAcquire()
	plain.TryAcquire()
	events.mustBe(t, bulk.EventAdmitted)
	b.TryAcquire()
	events.mustBe(t, bulk.EventAdmitted)
}

func TestValidateReportsEveryProblemOfACapacity(t *testing.T) {
	var rows table
	for _, c := range []struct {
		name, why string
		capacity  bulk.Capacity
		want      []problem
	}{
		{"the smallest", "one slot is enough", bulk.Capacity{Parallelism: 1}, nil},
		{"the largest", "there is no upper bound", bulk.Capacity{Parallelism: math.MaxInt, WaitingRoom: math.MaxInt, WaitLimit: math.MaxInt64}, nil},
		{"the zero Capacity", "it is paused", bulk.Capacity{}, nil},
		{"delay control", "both of it", bulk.Capacity{Parallelism: 1, DelayTarget: 1, DelayInterval: 1}, nil},
		{"delay target alone", "it means nothing alone", bulk.Capacity{Parallelism: 1, DelayTarget: 1}, []problem{{"delay_interval", time.Duration(0)}}},
		{"delay interval alone", "it means nothing alone", bulk.Capacity{Parallelism: 1, DelayInterval: 1}, []problem{{"delay_target", time.Duration(0)}}},
		{"delay control below 0", "each by itself", bulk.Capacity{Parallelism: 1, DelayTarget: -1, DelayInterval: -2}, []problem{{"delay_target", -time.Nanosecond}, {"delay_interval", -2 * time.Nanosecond}}},
		{"parallelism alone", "each field is checked by itself", bulk.Capacity{Parallelism: -1}, []problem{{"parallelism", -1}}},
		{"waiting room alone", "each field is checked by itself", bulk.Capacity{Parallelism: 1, WaitingRoom: -1}, []problem{{"waiting_room", -1}}},
		{"wait limit alone", "each field is checked by itself", bulk.Capacity{Parallelism: 1, WaitLimit: -1}, []problem{{"wait_limit", -time.Nanosecond}}},
		{"all three", "all problems are in one error", bulk.Capacity{Parallelism: math.MinInt, WaitingRoom: math.MinInt, WaitLimit: math.MinInt64},
			[]problem{{"parallelism", math.MinInt}, {"waiting_room", math.MinInt}, {"wait_limit", time.Duration(math.MinInt64)}}},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			err := c.capacity.Validate()
			if diff := cmp.Diff(c.want, problems(t, err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if (err == nil) != (c.want == nil) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestMust(t *testing.T) {
	b := mustNew(t, 1)
	if bulk.Must(b, nil) != b {
		t.Error("Must returned another bulkhead")
	}
	if got := mustPanic(t, func() { bulk.Must(b, errOwn) }); got != error(errOwn) {
		t.Errorf("panicked with %v", got)
	}
	err, _ := mustPanic(t, func() { bulk.Must(bulk.New("", 0)) }).(error)
	if len(leaves(err)) != 2 || !errors.Is(err, bulk.ErrConfig) {
		t.Errorf("panicked with %v", err)
	}
}
