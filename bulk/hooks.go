package bulk

import "github.com/bulklink/bulklink-go/internal/hooks"

func init() {
	hooks.SetOnRelease(func(c *Config, f func()) { c.onRelease = f })
	hooks.SetGroups(func(c *Config, g *hooks.Group) { c.group = g }, groupRejected)
	hooks.SetCheck((*Bulkhead).check)
}
