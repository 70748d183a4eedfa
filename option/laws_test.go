package option_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/option"
)

// outcome is the observable result of applying options: the recorded steps, and
// the errors in order.
type outcome struct {
	steps []int
	errs  []string
}

func (o outcome) equal(p outcome) bool {
	return slices.Equal(o.steps, p.steps) && slices.Equal(o.errs, p.errs)
}

func apply(opts ...step) outcome {
	var c trail
	err := option.Apply(&c, opts...)
	return outcome{c.steps, leaves(err)}
}

// leaves flattens joined errors into their texts. The laws do not depend on how
// deeply errors are nested or on the position of a nil option.
func leaves(err error) []string {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if errors.Is(err, option.ErrNil) {
			err = option.ErrNil
		}
		return []string{err.Error()}
	}
	var texts []string
	for _, e := range joined.Unwrap() {
		texts = append(texts, leaves(e)...)
	}
	return texts
}

// planned is an option with its expected outcome.
type planned struct {
	opt  step
	want outcome
}

func plans() *rapid.Generator[planned] {
	return rapid.Custom(func(t *rapid.T) planned {
		n := rapid.IntRange(0, 9).Draw(t, "n")
		switch rapid.SampledFrom([]string{"succeeds", "fails", "is nil"}).Draw(t, "option") {
		case "fails":
			text := fmt.Sprint("error ", n)
			return planned{recordAndFail(n, errors.New(text)), outcome{[]int{n}, []string{text}}}
		case "is nil":
			return planned{nil, outcome{errs: []string{option.ErrNil.Error()}}}
		}
		return planned{record(n), outcome{steps: []int{n}}}
	})
}

func lists() *rapid.Generator[[]step] {
	return rapid.Map(rapid.SliceOfN(plans(), 0, 6), options)
}

func options(plans []planned) []step {
	var opts []step
	for _, p := range plans {
		opts = append(opts, p.opt)
	}
	return opts
}

func TestLawApplyAppliesAllInOrderAndJoinsAllErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := rapid.SliceOf(plans()).Draw(t, "plan")
		var want outcome
		for _, p := range plan {
			want.steps = append(want.steps, p.want.steps...)
			want.errs = append(want.errs, p.want.errs...)
		}
		if got := apply(options(plan)...); !got.equal(want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestLawOneApplyEqualsTwoInSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := lists().Draw(t, "a"), lists().Draw(t, "b")
		var c trail
		first, second := option.Apply(&c, a...), option.Apply(&c, b...)
		inTwo := outcome{c.steps, append(leaves(first), leaves(second)...)}
		if inOne := apply(slices.Concat(a, b)...); !inOne.equal(inTwo) {
			t.Errorf("one Apply %+v, two Applies %+v", inOne, inTwo)
		}
	})
}

func TestLawJoinIsAssociative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := lists().Draw(t, "a"), lists().Draw(t, "b"), lists().Draw(t, "c")
		want := apply(slices.Concat(a, b, c)...)
		for _, g := range []struct {
			grouping string
			opts     []step
		}{
			{"[abc]", []step{option.Join(slices.Concat(a, b, c)...)}},
			{"a[b]c", slices.Concat(a, []step{option.Join(b...)}, c)},
			{"[[a][b]][c]", []step{option.Join(option.Join(a...), option.Join(b...)), option.Join(c...)}},
			{"[a][[b][c]]", []step{option.Join(a...), option.Join(option.Join(b...), option.Join(c...))}},
		} {
			if got := apply(g.opts...); !got.equal(want) {
				t.Errorf("%s: got %+v, want %+v", g.grouping, got, want)
			}
		}
	})
}

func TestLawEmptyJoinIsNeutral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opts := lists().Draw(t, "options")
		at := rapid.IntRange(0, len(opts)).Draw(t, "at")
		more := slices.Insert(slices.Clone(opts), at, option.Join[trail]())
		if got, want := apply(more...), apply(opts...); !got.equal(want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestLawWhenAppliesTheOptionOnlyIfTheConditionHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opt := plans().Draw(t, "option").opt
		cond := rapid.Bool().Draw(t, "condition")
		want := apply()
		if cond {
			want = apply(opt)
		}
		if got := apply(option.When(cond, opt)); !got.equal(want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestLawWhenDistributesOverJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opts := lists().Draw(t, "options")
		cond := rapid.Bool().Draw(t, "condition")
		var each []step
		for _, opt := range opts {
			each = append(each, option.When(cond, opt))
		}
		if got, want := apply(each...), apply(option.When(cond, option.Join(opts...))); !got.equal(want) {
			t.Errorf("each %+v, joined %+v", got, want)
		}
	})
}
