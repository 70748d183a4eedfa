package main

import "github.com/bulklink/bulklink-go/benchmarks/peers"

// headlineAbilities stand below the figures in README: what those figures buy.
var headlineAbilities = []struct {
	says string
	of   peers.Ability
}{
	{"limits parallelism", peers.Limits},
	{"bounds the waiting room", peers.Bounds},
	{"promises an order", peers.Orders},
	{"wait limit", peers.TimesOut},
	{"counters", peers.Counts},
}

func has(peer string, a peers.Ability) bool {
	s, ok := peers.Find(peer)
	return ok && s.Has&a != 0
}
