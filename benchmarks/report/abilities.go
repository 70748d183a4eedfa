package main

import "github.com/bulklink/bulklink-go/benchmarks/peers"

// headlineAbilities are the rows below the figures in the table of README.
var headlineAbilities = []struct {
	text string
	of   peers.Ability
}{
	{"limits parallelism", peers.Limits},
	{"bounds the waiting room", peers.Bounds},
	{"FIFO order", peers.Orders},
	{"wait limit", peers.TimesOut},
	{"counters", peers.Counts},
}

func has(peer string, a peers.Ability) bool {
	s, ok := peers.Find(peer)
	return ok && s.Has&a != 0
}
