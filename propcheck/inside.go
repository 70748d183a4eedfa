package propcheck

import (
	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
)

// insidePlan is something to be called inside an operation.
type insidePlan struct {
	host, nth int
	what      string
	arrival   arrivalPlan
	capacity  capacityPlan
}

var insideKinds = from("arrival", "status", "arrival", "resize", "cancel", "release", "arrival", "arrival", "status", "close")

var insides = rapid.Custom(func(t *rapid.T) insidePlan {
	return insidePlan{nth.Draw(t, ""), nth.Draw(t, ""), insideKinds.Draw(t, ""), arrivals.Draw(t, ""), capacities.Draw(t, "")}
})

// Something is called inside an operation, on its goroutine.
func (m *machine) inside(p insidePlan) {
	hosts := m.flying(hasFunction)
	if len(hosts) == 0 {
		m.arrive(p.arrival)
		return
	}
	host := pick(p.host, hosts...)
	c := m.again(bulk.Slot{})
	switch slots := m.flying(holdsSlot); p.what {
	case "arrival":
		c, _ = m.arrival(m.arrivalOf(p.arrival), host, true)
		m.coverage.hit("operation inside an operation")
	case "status":
		c = m.status()
	case "resize":
		c = m.change(m.capacityOf(p.capacity))
	case "cancel":
		if host.ctx.kind != background {
			c = m.cancel(host.ctx)
		}
	case "release":
		if len(slots) > 0 {
			c = m.release(pick(p.nth, slots...))
		}
	case "close":
		c = m.close()
	}
	m.coverage.hit("inside an operation")
	m.stepIn(host, c)
}
