package bulk

import "github.com/bulklink/bulklink-go/internal/seam"

// What package registry needs and nobody else should.
func init() {
	seam.OnRelease = func(config any, f func()) { config.(*Config).onRelease = f }
	seam.SetPart = func(bulkhead any, p seam.Part) error {
		return bulkhead.(*Bulkhead).change(func(c Capacity) Capacity {
			if p.Parallelism != nil {
				c.Parallelism = *p.Parallelism
			}
			if p.WaitingRoom != nil {
				c.WaitingRoom = *p.WaitingRoom
			}
			if p.WaitLimit != nil {
				c.WaitLimit = *p.WaitLimit
			}
			return c
		})
	}
}
