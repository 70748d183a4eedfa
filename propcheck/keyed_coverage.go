package propcheck

import "time"

// arrive lets the model decide, and counts what comes of it for the key.
func (m *keyedMachine) arrive(key string, lost keyedOutcome, mayWait bool) *keyedOp {
	known := m.model.find(key) != nil
	before := m.model.status
	op := m.model.arrive(key, lost, mayWait, time.Now())
	switch after := m.model.status; {
	case op.key == nil && known:
		m.tally.hit("lost with a known key: " + string(op.outcome))
	case op.key == nil:
		m.tally.hit("lost with a new key: " + string(op.outcome))
	case known && op.key.inFlight+len(op.key.waiting) == 1:
		m.tally.hit("an idle key is used again")
	case after.Evicted > before.Evicted:
		m.tally.hit("a key makes room")
	}
	if op.key != nil && !known {
		if m.made[key] {
			m.tally.hit("an evicted key comes again")
		}
		m.made[key] = true
	}
	return op
}

// countOutcome counts what has become of an operation.
func (m *keyedMachine) countOutcome(c *keyedCall) {
	switch o := c.model.outcome; o {
	case keyWaits:
		c.waited = true
	case keyAdmitted:
		if c.waited {
			m.tally.hit("handed over")
		}
	case keyFinished:
		m.tally.hit("verb " + c.verb.name)
		m.tally.hit("exit: " + keyedExits[c.exit])
		if c.twice && c.verb.acquire != nil {
			m.tally.hit("released twice")
		}
	default:
		if c.waited {
			m.tally.hit("while waiting: " + string(o))
		} else {
			m.tally.hit("at arrival: " + string(o))
		}
	}
}

func (m *keyedMachine) countEvict(key string) {
	what := "Evict: "
	if m.model.closed {
		what = "Evict after Close: "
	}
	switch k := m.model.find(key); {
	case k == nil:
		m.tally.hit(what + "unknown")
	case k.idle():
		m.tally.hit(what + "idle")
	case k.inFlight > 0:
		m.tally.hit(what + "in use")
	}
}

func (m *keyedMachine) countEvictIdle() {
	for _, k := range m.model.known {
		if !k.idle() || m.model.idleAfter == 0 {
			continue
		}
		switch more := time.Since(k.left) - m.model.idleAfter; {
		case more == 0:
			m.tally.hit("EvictIdle: exactly long enough")
		case more == -1:
			m.tally.hit("EvictIdle: a nanosecond too short")
		case more < 0:
			m.tally.hit("EvictIdle: too short")
		default:
			m.tally.hit("EvictIdle: longer")
		}
	}
}
