package linear

func (c *client) release() {
	if len(c.held) == 0 {
		c.tryAcquire()
		return
	}
	h := c.held[0]
	c.held = c.held[1:]
	c.free(h)
	if c.random.IntN(4) == 0 { // a copy stays behind
		select {
		case c.passed <- h:
		default:
		}
	}
}

func (c *client) releaseAll() {
	for _, h := range c.held {
		c.free(h)
	}
	c.held = nil
}

func (c *client) free(h holding) {
	call := c.now()
	h.slot.Release()
	c.add(input{verb: release, op: h.op}, output{}, call, c.now())
}

// pass offers a slot to the other clients for release, and in half of the cases
// releases it concurrently.
func (c *client) pass() {
	if len(c.held) == 0 {
		c.look()
		return
	}
	h := c.held[0]
	select {
	case c.passed <- h:
	default:
		return
	}
	c.held = c.held[1:]
	if c.random.IntN(2) == 0 {
		c.free(h)
	}
}

func (c *client) releasePassed() {
	select {
	case h := <-c.passed:
		c.free(h)
	default:
		c.tryAcquire()
	}
}
