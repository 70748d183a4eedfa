//go:build race

package propcheck

// The race detector makes everything several times slower.
func init() { slower = 5 }
