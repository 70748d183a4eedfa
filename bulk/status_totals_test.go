package bulk_test

import (
	"math"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestPlusCountsAsOneBulkheadAndChangesNoOperand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := func(bs ...*bulk.Bulkhead) { // one wait in each, one after the other
			for i, b := range bs {
				slots := fill(t, b)
				p := park(t, b, 1)
				time.Sleep(time.Duration(i+1) * time.Second)
				slots[0].Release()
				p.mustHold(t)
				p.slot.Release()
				if _, ok := b.TryAcquire(); !ok {
					t.Fatal("not free")
				}
				if _, ok := b.TryAcquire(); ok {
					t.Fatal("not full")
				}
			}
		}
		alone := func() *bulk.Bulkhead { return mustNew(t, 1, bulk.WaitingRoom(1)) }
		a, b, c, idle := alone(), alone(), alone(), alone()
		wait(a, b, c)
		before := a.Status()
		sum := before.Totals.Plus(idle.Status().Totals, b.Status().Totals, c.Status().Totals)
		if sum.Admitted != 9 || sum.AdmittedFromQueue != 3 || sum.Queued != 3 || sum.Saturated != 3 || sum.Finished != 6 {
			t.Errorf("%+v", sum)
		}
		if sum.Wait != 6*time.Second || sum.LongestWait != 3*time.Second || sum.Waits.Count() != 3 {
			t.Errorf("waits of %v, longest %v, count %d", sum.Wait, sum.LongestWait, sum.Waits.Count())
		}
		if sum.Holds.Samples != 3 || sum.Holds.Sum != 6*time.Second {
			t.Errorf("holds %+v", sum.Holds)
		}
		if !before.Totals.Waits.Equal(a.Status().Totals.Waits) || before.Totals.Waits.Count() != 1 {
			t.Error("Plus changed an operand")
		}
		if zero := (bulk.Totals{}).Plus(); zero != (bulk.Totals{}) {
			t.Errorf("the sum of no totals is %+v", zero)
		}
		if same := (bulk.Totals{}).Plus(before.Totals); !same.Waits.Equal(before.Totals.Waits) || same.Admitted != before.Totals.Admitted {
			t.Errorf("0 + a is %+v", same)
		}
		for _, b := range []*bulk.Bulkhead{a, b, c} {
			b.Close()
		}
	})
}

// The test also covers fields that are added to Totals later.
func TestPlusAddsEveryFieldAndSaturates(t *testing.T) {
	var n bulk.Totals
	counts := reflect.ValueOf(&n).Elem()
	for i := range counts.NumField() {
		if f := counts.Field(i); f.CanUint() {
			f.SetUint(uint64(i + 1))
		}
	}
	n.Wait, n.LongestWait = math.MaxInt64-1, time.Hour
	n.Holds.Samples, n.Holds.Sum = 7, math.MaxInt64-1
	sum := n.Plus(n)
	for i := range counts.NumField() {
		f := reflect.ValueOf(sum).Field(i)
		if name := counts.Type().Field(i).Name; f.CanUint() && f.Uint() != 2*uint64(i+1) {
			t.Errorf("%s: %d + %d is %d", name, i+1, i+1, f.Uint())
		}
	}
	if sum.Wait != math.MaxInt64 || sum.LongestWait != time.Hour || sum.Holds.Samples != 14 || sum.Holds.Sum != math.MaxInt64 {
		t.Errorf("%+v", sum)
	}
}
