// Package kit is what the machines of propcheck have in common: how a sequence of
// random steps is made, told and counted. There is one machine for bulkheads, one for
// registries and one for keys, and all of them are made of the same parts:
//
//	           Dice                 the random choices of one step
//	            │ choose
//	            ▼
//	         command                one thing to do; in registries and keys, a method of the machine
//	    ┌───────┴────────┐
//	    ▼                ▼
//	 Subject           state        what there should be by the contract, made of Models
//	 operations          │          calls of the subject, each on a goroutine of its own
//	 listeners           │          event handlers
//	    │                │ orders   in bulkheads: several states, if several things happen at one instant
//	    ▼                ▼
//	what is seen ═?═ what should be seen
//	    └───────┬────────┘
//	            ▼
//	      Story, Coverage           what happened, for a person; and which corners were reached
//
// These are the ten nouns of the package, and each is one type:
//
//	Subject    is checked: a bulkhead, a registry, or bulkheads per key (an interface in the package of each machine)
//	Model      is the contract of one bulkhead as plain code (package model)
//	Machine    does the same things to a Subject and to a state, and compares
//	Dice       has the choices of one step, drawn before it is known what they mean
//	command    is one thing to be done to the Subject, with its effect on a state
//	operation  is one call of the Subject, and how far it has come
//	listener   is one event handler, and the events that it was given
//	state      is where the Models stand, with how far each operation should have come
//	Story      is what happened in one sequence
//	Coverage   counts the corners that were reached, over all sequences
package kit

import (
	"fmt"
	"runtime/debug"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Machine does the same things to a subject and to its model.
type Machine interface {
	Step(d *Dice) // does one thing, or several at one instant, and compares
	Finish()      // lets everything end, and compares
	End()         // frees the goroutines that are still blocked, also after a failure: a bubble must be left empty
}

// NewMachine makes a machine, for one sequence.
type NewMachine = func(d *Dice, s *Story) Machine

// Coverage is told which corners a sequence reaches; nil is fine.
type Coverage func(corner string)

// Hit tells that a corner was reached.
func (c Coverage) Hit(format string, args ...any) {
	if c != nil {
		c(fmt.Sprintf(format, args...))
	}
}

// Check runs as many sequences as -rapid.checks says. A failure is told as the
// shortest story that was found; one that comes from a race may not come again,
// and is told all the same.
func Check(t *testing.T, make NewMachine) {
	t.Helper()
	rapid.Check(t, property(t, make))
}

// Fuzz runs the sequence that choices stand for.
func Fuzz(t *testing.T, choices []byte, make NewMachine) {
	rapid.MakeFuzz(property(t, make))(t, choices)
}

// property is what holds for every sequence.
func property(t *testing.T, make NewMachine) func(*rapid.T) {
	var mu sync.Mutex
	var shortest *Story
	t.Cleanup(func() {
		if t.Failed() && shortest != nil {
			t.Logf("The shortest sequence that fails:\n%v", shortest)
		}
	})
	return func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			var s Story
			do := func(f func()) {
				s.guard(f)
				if s.failed {
					mu.Lock()
					if shortest == nil || s.steps <= shortest.steps {
						shortest = &s
					}
					mu.Unlock()
					// All failures have the same text and come from the same place:
					// so rapid takes them for one, and makes the sequence shorter.
					t.Fatal("the subject breaks the contract")
				}
			}
			var m Machine
			d := dice.Draw(t, "setup")
			do(func() { m = make(d, &s) })
			defer func() { m.End() }()
			t.Repeat(map[string]func(*rapid.T){"step": func(t *rapid.T) {
				d := dice.Draw(t, "step")
				do(func() { m.Step(d) })
			}})
			do(m.Finish)
		})
	}
}

// Dice is what one step chooses, drawn before it is known what the step means as
// things stand. So a sequence means nearly the same when a part of it is left
// out, and failures can be made short: toward dice that all show 0.
type Dice struct {
	faces [36]uint8
	next  int
}

var dice = rapid.Custom(func(t *rapid.T) *Dice {
	d := new(Dice)
	for i := range d.faces {
		d.faces[i] = face.Draw(t, "")
	}
	return d
})

var face = rapid.Uint8Range(0, 63)

// GoString is for the log of rapid.
func (d *Dice) GoString() string { return "see the story" }

// Int returns the next number below n. When all dice have been read it is 0.
func (d *Dice) Int(n int) int {
	if d.next == len(d.faces) {
		return 0
	}
	d.next++
	return int(d.faces[d.next-1]) % n
}

// OneIn is true once in n times; dice that all show 0 say false.
func (d *Dice) OneIn(n int) bool { return d.Int(n) == n-1 }

// Pick returns one of a list that is not empty. Failures shrink to the first.
func Pick[E any](d *Dice, list ...E) E { return list[d.Int(len(list))] }

// Story is what happened in one sequence. It is put into words only when it is
// told.
type Story struct {
	lines  []line
	steps  int
	told   int // the last step of which a line was told
	failed bool
}

type line struct {
	step   int // 0: not the beginning of a step
	format string
	args   []any
}

// stop ends a step that has failed.
type stop struct{}

// Step begins a step; what it does is told with Did.
func (s *Story) Step() { s.steps++ }

// Did tells what is done. The first line of a step gets its number.
func (s *Story) Did(format string, args ...any) {
	l := line{format: format, args: args}
	if s.told < s.steps {
		s.told, l.step = s.steps, s.steps
	}
	s.lines = append(s.lines, l)
}

// Came adds an effect of the step.
func (s *Story) Came(format string, args ...any) {
	s.lines = append(s.lines, line{format: "     " + format, args: args})
}

// Fail ends the sequence: these are the last lines of its story.
func (s *Story) Fail(problems ...string) {
	if !s.failed {
		s.lines = append(s.lines, line{format: "Then the subject breaks the contract:"})
		for _, p := range problems {
			s.lines = append(s.lines, line{format: "     %s", args: []any{p}})
		}
	}
	s.failed = true
	panic(stop{})
}

// Must fails unless ok.
func (s *Story) Must(ok bool, format string, args ...any) {
	if !ok {
		s.Fail(fmt.Sprintf(format, args...))
	}
}

// Same fails unless two values are equal, and says in which fields they differ.
func (s *Story) Same(what string, got, want any) {
	if problems := Differences(what, got, want); len(problems) > 0 {
		s.Fail(problems...)
	}
}

// guard runs f up to a failure. A mistake of the machine is one as well.
func (s *Story) guard(f func()) {
	defer func() {
		if r := recover(); r != nil && r != any(stop{}) {
			s.Did("panic: %v\n%s", r, debug.Stack())
			s.failed = true
		}
	}()
	f()
}

func (s *Story) String() string {
	text := ""
	for _, l := range s.lines {
		number := "    "
		if l.step > 0 {
			number = fmt.Sprintf("%3d.", l.step)
		}
		text += number + " " + fmt.Sprintf(l.format, l.args...) + "\n"
	}
	return text
}
