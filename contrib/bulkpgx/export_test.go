package bulkpgx

import (
	"testing"
	"time"
)

// SetCleanupWait changes cleanupWait until the test ends.
func SetCleanupWait(t *testing.T, d time.Duration) {
	before := cleanupWait
	t.Cleanup(func() { cleanupWait = before })
	cleanupWait = d
}
