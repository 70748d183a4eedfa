package sizing

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestTransitionsComeInOrderAndOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(t, "n")
		first := rapid.Uint64Range(1, 1000).Draw(t, "first")
		seqs := make([]uint64, n)
		for i := range seqs {
			seqs[i] = first + uint64(i)
		}
		seqs = rapid.Permutation(seqs).Draw(t, "delivered")
		var got []uint64
		s := sequence{next: first}
		for _, seq := range seqs {
			s.put(transition{seq: seq}, func(tr transition, late bool) {
				if late {
					t.Fatal("late: ", tr.seq)
				}
				got = append(got, tr.seq)
			})
		}
		slices.Sort(seqs)
		if !slices.Equal(got, seqs) || s.len != 0 || s.next != first+uint64(n) {
			t.Fatal(got, s.len, s.next)
		}
	})
}

// The memory is bounded: what is missing for too long is not waited for.
func TestTransitionIsLateAfterMaxHeldOthers(t *testing.T) {
	for _, missing := range [][]uint64{{5}, {5, 6, 7}, {1}, {5, 9, 12000}} {
		var inOrder, late []uint64
		s := sequence{next: 1}
		do := func(t transition, isLate bool) {
			if isLate {
				late = append(late, t.seq)
			} else {
				inOrder = append(inOrder, t.seq)
			}
		}
		const end = 3 * maxHeld
		for seq := uint64(1); seq <= end; seq++ {
			if !slices.Contains(missing, seq) {
				s.put(transition{seq: seq}, do)
			}
			if len(s.held) > maxHeld || s.len > maxHeld {
				t.Fatalf("%d places, %d held", len(s.held), s.len)
			}
		}
		if s.len > 0 || len(inOrder) != end-len(missing) || !slices.IsSorted(inOrder) {
			t.Errorf("%v missing: %d held, %d in order", missing, s.len, len(inOrder))
		}
		for _, seq := range missing {
			s.put(transition{seq: seq}, do)
		}
		if !slices.Equal(late, missing) {
			t.Errorf("%v late, want %v", late, missing)
		}
	}
	var first []uint64
	s := sequence{next: 1}
	for _, seq := range []uint64{maxHeld, maxHeld + 1} {
		s.put(transition{seq: seq}, func(t transition, late bool) { first = append(first, t.seq) })
	}
	if first != nil || s.next != 2 || s.len != 2 {
		t.Errorf("%v before transition 2", first)
	}
}
