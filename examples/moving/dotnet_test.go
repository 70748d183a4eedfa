package moving

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestExportTakesTwoSlotsAndIsRejectedWhenTheyAreInUse(t *testing.T) {
	if report, err := export(t.Context()); report != "report" || err != nil {
		t.Error(report, err)
	}
	synctest.Test(t, func(t *testing.T) {
		b := exports
		slot, _ := b.TryAcquireN(9)
		rejected := make(chan error, 26)
		for range 26 {
			go func() {
				_, err := export(t.Context())
				rejected <- err
			}()
		}
		synctest.Wait()
		if s := b.Status(); s.Waiting != 25 || len(rejected) != 1 {
			t.Errorf("%d wait, %d are rejected: one of 26 does not fit into the waiting room", s.Waiting, len(rejected))
		}
		if err := <-rejected; !errors.Is(err, errTryLater) {
			t.Error(err)
		}
		slot.Release()
		for range 25 {
			if err := <-rejected; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestARequestTakesASlotOfItsTenantAndOfItsEndpoint(t *testing.T) {
	if errTenants != nil {
		t.Fatal(errTenants)
	}
	before := [2]uint64{tenants.Status().Totals.Finished, exports.Status().Totals.Finished}
	w := httptest.NewRecorder()
	exportRoutes().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/export?tenant=acme", nil))
	if w.Code != http.StatusOK || w.Body.String() != "report" {
		t.Error(w.Code, w.Body)
	}
	after := [2]uint64{tenants.Status().Totals.Finished, exports.Status().Totals.Finished}
	if after != [2]uint64{before[0] + 1, before[1] + 1} {
		t.Errorf("operations of tenants and exports: %d before the request, %d after it", before, after)
	}
}

// The right column of the table.
func TestHowBulklinkDiffersFromConcurrencyLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("exports", 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Second)))
		_, err := b.AcquireN(t.Context(), 2)
		if !errors.Is(err, bulk.ErrOversized) {
			t.Errorf("more slots than the parallelism: %v", err)
		}
		if _, err := b.AcquireN(t.Context(), 0); !errors.Is(err, bulk.ErrConfig) {
			t.Errorf("0 slots: %v", err)
		}
		held, _ := b.TryAcquire()
		none, err := b.Acquire(t.Context())
		if !errors.Is(err, bulk.ErrExpired) {
			t.Errorf("after the wait limit: %v", err)
		}
		none.Release()
		if b.Status().InUse != 1 {
			t.Error("the Slot of a rejected operation is not empty")
		}
		b.Close()
		if _, err := b.Acquire(t.Context()); !errors.Is(err, bulk.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		held.Release()
	})
}
