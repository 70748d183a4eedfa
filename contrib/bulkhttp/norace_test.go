//go:build !race

package bulkhttp_test

const raceEnabled = false
