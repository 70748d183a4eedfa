// Package storetest tests implementations of [fleet.Store]. A test of a store needs one
// call:
//
//	func TestStore(t *testing.T) {
//		storetest.Test(t, func(t *testing.T) storetest.Engine {
//			server := startServer(t) // and t.Cleanup to stop it
//			return storetest.Engine{
//				Store:  mystore.New(connect(t, server)),
//				Second: mystore.New(connect(t, server)),
//			}
//		})
//	}
//
// Each subtest is named for the property that it checks. The optional fields of
// [Engine] add the properties that need something from the engine itself: a record that
// an operator deletes, answers that a network loses, a restart, and data that is gone.
//
// A correct store passes always: the tests assert no duration, and a test that waits
// for something waits for up to 30 seconds before it fails. With servers on loopback all
// of them take a few seconds.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
)

// Engine is what the tests need of a store and of the engine behind it. Only Store is
// required. A test that needs a field that is not set is skipped.
type Engine struct {
	// Store is the store under test.
	Store fleet.Store

	// Second is a store with the same records and a connection of its own, as another
	// process has. If it is nil, the tests use Store in its place.
	Second fleet.Store

	// Delete removes the record of a budget with the means of the engine, as an
	// operator does.
	Delete func(ctx context.Context, budget string) error

	// Link is the network between Store and the engine. Second must not use it.
	Link *Link

	// Restart stops the engine and starts it with the same data. It returns when the
	// engine answers again.
	Restart func(ctx context.Context) error

	// Wipe removes all data of the engine, as if it was installed again, and creates
	// what the store needs. It returns when the engine answers again.
	Wipe func(ctx context.Context) error
}

// property is one thing that the contract of a store promises.
type property struct {
	name  string
	needs func(Engine) bool // nil: only the stores
	check func(context.Context, Engine) error
}

var (
	needsDelete  = func(e Engine) bool { return e.Delete != nil }
	needsLink    = func(e Engine) bool { return e.Link != nil }
	needsRestart = func(e Engine) bool { return e.Restart != nil }
	needsWipe    = func(e Engine) bool { return e.Wipe != nil }
)

var properties = []property{
	{"RecordThatDoesNotExistHasRevisionZero", nil, absent},
	{"WrittenRecordIsLoaded", nil, written},
	{"RecordIsCopied", nil, copied},
	{"OtherRevisionIsAConflict", nil, conflict},
	{"DeletedRecordIsCreatedAgain", needsDelete, deleted},
	{"RevisionIsNeverUsedAgain", nil, revisions},
	{"OneOfManyWritersOfARevisionWins", nil, race},
	{"CounterOfManyWritersLosesNothing", nil, counter},
	{"LoadReturnsWhatAnotherClientWroteBefore", nil, linearizable},
	{"BudgetsDoNotDisturbEachOther", nil, budgets},
	{"LargeRecordIsLoadedOrRejectedWhole", nil, large},
	{"EndedContextWritesNothing", nil, endedContext},
	{"AbandonedWriteIsWholeOrAbsent", nil, abandoned},

	{"WatchYieldsTheRecordThatExists", nil, watchFirst},
	{"WatchYieldsTheNewestRecord", nil, watchNewest},
	{"WatchNeverGoesBack", nil, watchOrder},
	{"WatchYieldsADeletion", needsDelete, watchDeleted},
	{"WatchesAreIndependent", nil, watchMany},
	{"WatchEndsWithItsContext", nil, watchEnds},
	{"EndedWatchesLeaveNoGoroutine", nil, watchLeaks},

	{"CallsEndWithTheirContextWhenTheEngineIsAway", needsLink, away},
	{"LostRequestIsNoConflict", needsLink, lostRequest},
	{"LostAnswerIsNoConflict", needsLink, lostAnswer},
	{"LateWriteReplacesNothing", needsLink, lateWrite},
	{"WatchContinuesOrEndsAfterAPartition", needsLink, watchPartition},
	{"RestartedEngineHasTheRecord", needsRestart, restarted},
	{"WatchContinuesOrEndsAfterARestart", needsRestart, watchRestart},
	{"WipedEngineAcceptsNoOldRevision", needsWipe, wiped},
	{"WatchContinuesOrEndsAfterAWipe", needsWipe, watchWipe},
}

// Test checks a store in subtests, one for each property. open is called once for each
// of them, with the t of the subtest: for a clean-up, and to fail if the engine does
// not start. The engines that it returns can have records in common, because no two
// subtests use the same budget. The subtests do not run in parallel.
func Test(t *testing.T, open func(t *testing.T) Engine) {
	t.Helper()
	for _, p := range properties {
		t.Run(p.name, func(t *testing.T) {
			e := open(t)
			if p.needs != nil && !p.needs(e) {
				t.Skip("a field of Engine that this needs is not set")
			}
			if e.Second == nil {
				e.Second = e.Store
			}
			if err := p.check(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
}

// patience is how long something may take that must happen. Only tests of this package
// change it.
var patience = 30 * time.Second
