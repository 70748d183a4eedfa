package bulk

import "github.com/bulklink/bulklink-go/internal/hooks"

func init() {
	hooks.SetOnRelease(func(c *Config, f func()) { c.onRelease = f })
	hooks.SetCheck((*Bulkhead).check)
}
