//go:build race

package bulkhttp_test

// raceEnabled says that pools drop values at random, so that they allocate.
const raceEnabled = true
