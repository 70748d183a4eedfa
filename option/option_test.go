package option_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/bulklink/bulklink-go/option"
)

// trail is a configuration that remembers which options it was given.
type trail struct{ steps []int }

type step = option.Option[trail]

var (
	errFirst  = errors.New("first")
	errSecond = errors.New("second")
)

// leave returns an option that leaves its number behind.
func leave(n int) step {
	return func(c *trail) error {
		c.steps = append(c.steps, n)
		return nil
	}
}

// leaveAndFail returns an option that leaves its number behind, then fails.
func leaveAndFail(n int, err error) step {
	return func(c *trail) error {
		c.steps = append(c.steps, n)
		return err
	}
}

func TestApply(t *testing.T) {
	list := func(opts ...step) []step { return opts }
	for _, c := range []struct {
		why   string
		opts  []step
		steps []int
		errs  []error // that must match
		text  string
	}{
		{"without options there is nothing to do", nil, nil, nil, ""},
		{"options are applied in order", list(leave(1), leave(2), leave(3)), []int{1, 2, 3}, nil, ""},
		{"an option can be given twice", list(leave(1), leave(1)), []int{1, 1}, nil, ""},
		{"an error does not stop the options after it", list(leaveAndFail(1, errFirst), leave(2)), []int{1, 2}, []error{errFirst}, "first"},
		{"every error is there, in order", list(leaveAndFail(1, errFirst), leave(2), leaveAndFail(3, errSecond)), []int{1, 2, 3}, []error{errFirst, errSecond}, "first\nsecond"},
		{"the only option is nil", list(nil), nil, []error{option.ErrNil}, "option: nil option"},
		{"a nil option does not stop the others, and is named by its place", list(leave(1), nil, leave(3)), []int{1, 3}, []error{option.ErrNil}, "option: nil option (2 of 3)"},
		{"each nil option is reported, among other errors", list(nil, leaveAndFail(2, errFirst), nil), []int{2}, []error{option.ErrNil, errFirst}, "option: nil option (1 of 3)\nfirst\noption: nil option (3 of 3)"},

		{"a preset is applied in its place", list(leave(1), option.Join(leave(2), leave(3)), leave(4)), []int{1, 2, 3, 4}, nil, ""},
		{"a preset applies all and reports all", list(option.Join(leaveAndFail(1, errFirst), nil, leaveAndFail(3, errSecond))), []int{1, 3}, []error{errFirst, errSecond, option.ErrNil}, "first\noption: nil option (2 of 3)\nsecond"},
		{"a preset of nothing does nothing", list(option.Join[trail]()), nil, nil, ""},
		{"a preset of a nil option is no nil option, but fails like one", list(option.Join[trail](nil)), nil, []error{option.ErrNil}, "option: nil option"},
		{"presets nest", list(option.Join(option.Join(leave(1)), option.Join(leave(2), option.Join(leave(3))))), []int{1, 2, 3}, nil, ""},

		{"a condition that holds gives the option", list(option.When(true, leave(1))), []int{1}, nil, ""},
		{"a condition that does not hold gives none", list(option.When(false, leave(1))), nil, nil, ""},
		{"a condition that does not hold hides an error", list(option.When(false, leaveAndFail(1, errFirst))), nil, nil, ""},
		{"a condition that does not hold needs no option", list(option.When[trail](false, nil)), nil, nil, ""},
		{"a condition that holds needs an option", list(option.When[trail](true, nil)), nil, []error{option.ErrNil}, "option: nil option"},
	} {
		row(t, c.why, func(t *testing.T) {
			var got trail
			err := option.Apply(&got, c.opts...)
			if !slices.Equal(got.steps, c.steps) {
				t.Errorf("applied %v, want %v", got.steps, c.steps)
			}
			if (err != nil) != (len(c.errs) > 0) {
				t.Fatalf("the error is %v, want it to match %v", err, c.errs)
			}
			for _, want := range c.errs {
				if !errors.Is(err, want) {
					t.Errorf("the error %q does not match %q", err, want)
				}
			}
			if err != nil && err.Error() != c.text {
				t.Errorf("the error is %q, want %q", err, c.text)
			}
		})
	}
}

func TestJoinAndWhenNeverReturnNil(t *testing.T) {
	for _, c := range []struct {
		why  string
		opt  step
		want error
	}{
		{"a preset of nothing can be called", option.Join[trail](), nil},
		{"a preset of nil can be called", option.Join[trail](nil), option.ErrNil},
		{"a nil option under a condition that holds can be called", option.When[trail](true, nil), option.ErrNil},
		{"a nil option under one that does not can be called", option.When[trail](false, nil), nil},
	} {
		row(t, c.why, func(t *testing.T) {
			if c.opt == nil {
				t.Fatal("the option is nil")
			}
			if err := c.opt(&trail{}); !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
		})
	}
}

func TestJoinKeepsItsOwnSlice(t *testing.T) {
	opts := []step{leave(1), leave(2)}
	preset := option.Join(opts...)
	opts[0], opts[1] = leave(3), nil
	var got trail
	if err := option.Apply(&got, preset); err != nil || !slices.Equal(got.steps, []int{1, 2}) {
		t.Errorf("applied %v with the error %v", got.steps, err)
	}
}

func TestAPresetCanBeAppliedAgain(t *testing.T) {
	preset := option.Join(leave(1), leaveAndFail(2, errFirst))
	for range 2 {
		var got trail
		if err := option.Apply(&got, preset); !errors.Is(err, errFirst) || !slices.Equal(got.steps, []int{1, 2}) {
			t.Errorf("applied %v with the error %v", got.steps, err)
		}
	}
}

func TestApplyHandsANilConfigurationOn(t *testing.T) {
	called := false
	err := option.Apply(nil, func(c *trail) error {
		called = true
		if c != nil {
			t.Errorf("the option got %v", c)
		}
		return errFirst
	})
	if !called || !errors.Is(err, errFirst) {
		t.Errorf("called: %v, the error is %v", called, err)
	}
}

func TestAPanicGoesOnUp(t *testing.T) {
	var got trail
	defer func() {
		if r := recover(); r != "on purpose" || !slices.Equal(got.steps, []int{1}) {
			t.Errorf("recovered %v after %v", r, got.steps)
		}
	}()
	option.Apply(&got, leave(1), func(*trail) error { panic("on purpose") }, leave(3))
}
