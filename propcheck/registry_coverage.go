package propcheck

import (
	"errors"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// countCreation counts what came of a Create, a GetOrCreate or a race of them.
func (m *registryMachine) countCreation(how string, known bool, x *modelMember, err error) {
	switch {
	case errors.Is(err, registry.ErrDuplicate):
		m.tally.hit(how + ": taken")
	case errors.Is(err, registry.ErrClosed):
		m.tally.hit(how + ": the registry is closed")
	case err != nil:
		m.tally.hit(how + ": bad values")
	case known && x.closed:
		m.tally.hit(how + ": there is one, closed")
	case known:
		m.tally.hit(how + ": there is one")
	case slices.Contains(m.model.gone, x.label):
		m.tally.hit(how + ": a label comes again")
	default:
		m.tally.hit(how + ": a new one")
	}
}

func (m *registryMachine) countUse(x *modelMember) {
	switch {
	case x.closed:
		m.tally.hit("a slot: closed")
	case x.inFlight > x.capacity.Parallelism:
		m.tally.hit("a slot: full, and more than full")
	case x.inFlight == x.capacity.Parallelism:
		m.tally.hit("a slot: full")
	default:
		m.tally.hit("a slot: free")
	}
}

func (m *registryMachine) countRemoval(x *modelMember) {
	switch {
	case x == nil:
		m.tally.hit("Remove: unknown")
	case x.removed:
		m.tally.hit("Remove: another one waits already")
	case x.inFlight > 0:
		m.tally.hit("Remove: in use")
	case m.model.closed:
		m.tally.hit("Remove: after Close")
	default:
		m.tally.hit("Remove: at once")
	}
}

func (m *registryMachine) countApply(whole bool, all map[string]bulk.Capacity, wrong []error) {
	how := "ApplyJSON: "
	if whole {
		how = "Apply: "
	}
	unknown, bad, closed := slices.Contains(wrong, registry.ErrUnknown), slices.Contains(wrong, bulk.ErrConfig), slices.Contains(wrong, bulk.ErrClosed)
	switch {
	case unknown && bad:
		m.tally.hit(how + "unknown labels and bad values")
	case unknown:
		m.tally.hit(how + "unknown labels")
	case bad:
		m.tally.hit(how + "bad values")
	case closed && len(wrong) < len(all):
		m.tally.hit(how + "one is closed, another is set")
	case closed:
		m.tally.hit(how + "all are closed")
	case len(all) > 1:
		m.tally.hit(how + "several are set")
	case len(all) == 1:
		m.tally.hit(how + "one is set")
	}
}

func (m *registryMachine) countShutdown(holding int, patience time.Duration) {
	what := "Shutdown: drained"
	switch {
	case holding == 1:
		what = "Shutdown: one holds"
	case holding > 1:
		what = "Shutdown: several hold"
	}
	m.tally.hit(what)
	if patience == 0 {
		m.tally.hit("Shutdown: no patience")
	}
}
