package bulk

import "github.com/bulklink/bulklink-go/internal/seam"

// What package registry needs and nobody else should.
func init() {
	seam.OnRelease = func(config any, f func()) { config.(*Config).onRelease = f }
}
