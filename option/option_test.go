package option_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/bulklink/bulklink-go/option"
)

// trail is a configuration that records the options applied to it.
type trail struct{ steps []int }

type step = option.Option[trail]

var (
	errFirst  = errors.New("first")
	errSecond = errors.New("second")
)

// record returns an option that appends n to the trail.
func record(n int) step {
	return func(c *trail) error {
		c.steps = append(c.steps, n)
		return nil
	}
}

// recordAndFail returns an option that appends n to the trail and returns err.
func recordAndFail(n int, err error) step {
	return func(c *trail) error {
		c.steps = append(c.steps, n)
		return err
	}
}

func TestApplyAppliesAllOptionsAndReportsAllErrors(t *testing.T) {
	list := func(opts ...step) []step { return opts }
	for _, c := range []struct {
		why   string
		opts  []step
		steps []int
		errs  []error // err must match each
		text  string
	}{
		{"no options change nothing", nil, nil, nil, ""},
		{"options are applied in order", list(record(1), record(2), record(3)), []int{1, 2, 3}, nil, ""},
		{"an option can be applied twice", list(record(1), record(1)), []int{1, 1}, nil, ""},
		{"an error does not stop the options after it", list(recordAndFail(1, errFirst), record(2)), []int{1, 2}, []error{errFirst}, "first"},
		{"every error is reported, in order", list(recordAndFail(1, errFirst), record(2), recordAndFail(3, errSecond)), []int{1, 2, 3}, []error{errFirst, errSecond}, "first\nsecond"},
		{"a single nil option is reported without a position", list(nil), nil, []error{option.ErrNil}, "option: nil option"},
		{"a nil option does not stop the others, and is reported with its position", list(record(1), nil, record(3)), []int{1, 3}, []error{option.ErrNil}, "option: nil option (2 of 3)"},
		{"each nil option is reported, among other errors", list(nil, recordAndFail(2, errFirst), nil), []int{2}, []error{option.ErrNil, errFirst}, "option: nil option (1 of 3)\nfirst\noption: nil option (3 of 3)"},

		{"a preset is applied at its position", list(record(1), option.Join(record(2), record(3)), record(4)), []int{1, 2, 3, 4}, nil, ""},
		{"a preset applies all its options and reports all errors", list(option.Join(recordAndFail(1, errFirst), nil, recordAndFail(3, errSecond))), []int{1, 3}, []error{errFirst, errSecond, option.ErrNil}, "first\noption: nil option (2 of 3)\nsecond"},
		{"an empty preset changes nothing", list(option.Join[trail]()), nil, nil, ""},
		{"a preset of a nil option is not nil, and reports ErrNil when applied", list(option.Join[trail](nil)), nil, []error{option.ErrNil}, "option: nil option"},
		{"presets can be nested", list(option.Join(option.Join(record(1)), option.Join(record(2), option.Join(record(3))))), []int{1, 2, 3}, nil, ""},

		{"When(true) applies the option", list(option.When(true, record(1))), []int{1}, nil, ""},
		{"When(false) does not apply the option", list(option.When(false, record(1))), nil, nil, ""},
		{"When(false) reports no error of the option", list(option.When(false, recordAndFail(1, errFirst))), nil, nil, ""},
		{"When(false) accepts a nil option", list(option.When[trail](false, nil)), nil, nil, ""},
		{"When(true) reports a nil option", list(option.When[trail](true, nil)), nil, []error{option.ErrNil}, "option: nil option"},
	} {
		row(t, c.why, func(t *testing.T) {
			var got trail
			err := option.Apply(&got, c.opts...)
			if !slices.Equal(got.steps, c.steps) {
				t.Errorf("applied %v, want %v", got.steps, c.steps)
			}
			if (err != nil) != (len(c.errs) > 0) {
				t.Fatalf("error %v, want one that matches %v", err, c.errs)
			}
			for _, want := range c.errs {
				if !errors.Is(err, want) {
					t.Errorf("error %q does not match %q", err, want)
				}
			}
			if err != nil && err.Error() != c.text {
				t.Errorf("error %q, want %q", err, c.text)
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
		{"an empty preset can be called", option.Join[trail](), nil},
		{"a preset of a nil option can be called", option.Join[trail](nil), option.ErrNil},
		{"When(true, nil) can be called", option.When[trail](true, nil), option.ErrNil},
		{"When(false, nil) can be called", option.When[trail](false, nil), nil},
	} {
		row(t, c.why, func(t *testing.T) {
			if c.opt == nil {
				t.Fatal("the option is nil")
			}
			if err := c.opt(&trail{}); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestJoinCopiesTheSlice(t *testing.T) {
	opts := []step{record(1), record(2)}
	preset := option.Join(opts...)
	opts[0], opts[1] = record(3), nil
	var got trail
	if err := option.Apply(&got, preset); err != nil || !slices.Equal(got.steps, []int{1, 2}) {
		t.Errorf("applied %v, error %v", got.steps, err)
	}
}

func TestAPresetCanBeAppliedRepeatedly(t *testing.T) {
	preset := option.Join(record(1), recordAndFail(2, errFirst))
	for range 2 {
		var got trail
		if err := option.Apply(&got, preset); !errors.Is(err, errFirst) || !slices.Equal(got.steps, []int{1, 2}) {
			t.Errorf("applied %v, error %v", got.steps, err)
		}
	}
}

func TestApplyPassesANilConfigurationToTheOptions(t *testing.T) {
	called := false
	err := option.Apply(nil, func(c *trail) error {
		called = true
		if c != nil {
			t.Errorf("the option got %v", c)
		}
		return errFirst
	})
	if !called || !errors.Is(err, errFirst) {
		t.Errorf("called: %v, error %v", called, err)
	}
}

func TestAPanicInAnOptionPropagates(t *testing.T) {
	var got trail
	defer func() {
		if r := recover(); r != "on purpose" || !slices.Equal(got.steps, []int{1}) {
			t.Errorf("recovered %v after %v", r, got.steps)
		}
	}()
	option.Apply(&got, record(1), func(*trail) error { panic("on purpose") }, record(3))
}
