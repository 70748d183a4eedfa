package main

// featureFunctions lists faults by feature instead of by function: each section has
// the faults of all functions that take part in a feature.
var featureFunctions = []function{
	// A paused bulkhead.
	{"bulk", "Bulkhead.fits", []fault{{"a paused bulkhead admits one operation", "b.capacity.Parallelism-b.inUse", "max(1, b.capacity.Parallelism)-b.inUse"}}},
	{"bulk", "Bulkhead.decide", []fault{
		{"the waiting room of a paused bulkhead has no bound", "b.queue.len >= b.capacity.WaitingRoom", "b.queue.len >= b.capacity.WaitingRoom && b.capacity.Parallelism > 0"},
		{"NoWait waits while the bulkhead is paused", "a.noWait || ANY", "a.noWait && b.capacity.Parallelism > 0 || ANY"},
		{"a passed bound is ignored while the bulkhead is paused", "case a.expired: MORE", "case a.expired && b.capacity.Parallelism > 0: MORE"},
	}},
	{"bulk", "Bulkhead.enqueue", []fault{{"the wait limit is ignored while the bulkhead is paused", "limit > 0", "limit > 0 && b.capacity.Parallelism > 0"}}},
	{"bulk", "Bulkhead.swapCapacity", []fault{
		{"the end of a pause admits no operation", "b.grantNext(out)", "if old.Parallelism > 0 { b.grantNext(out) }"},
		{"the end of a pause keeps operations that can't fit", "b.tooLarge(op.slots)", "old.Parallelism > 0 && b.tooLarge(op.slots)"},
		{"a new parallelism admits before it rejects", "b.rejectWaiting(MORE1); b.grantNext(out)", "b.grantNext(out); b.rejectWaiting(MORE1)"},
	}},
	{"bulk", "Status.Paused", []fault{{"bulk: a bulkhead is not paused while slots are in use", "s.Capacity.Parallelism == 0", "s.Capacity.Parallelism == 0 && s.InUse == 0"}}},
	{"bulk", "mapper.full", []fault{{"bulk: Map pulls no item while the bulkhead is paused", "max(1, m.bulkhead.Capacity().Parallelism)", "m.bulkhead.Capacity().Parallelism"}}},

	// Unlimited.
	{"bulk", "Bulkhead.fits", []fault{{"the free slots of an unlimited bulkhead overflow", "slots <= b.capacity.Parallelism-b.inUse", "slots+b.inUse <= b.capacity.Parallelism"}}},
	{"bulk", "Bulkhead.occupy", []fault{{"an unlimited bulkhead keeps no peak of slots in use", "b.peak.InUse = ANY", "if b.capacity.Parallelism < Unlimited { b.peak.InUse = ANY }"}}},
	{"bulk", "Bulkhead.swapCapacity", []fault{{"a bulkhead that becomes unlimited admits no operation that waits", "b.grantNext(out)", "if c.Parallelism < Unlimited { b.grantNext(out) }"}}},
	{"bulk", "Bulkhead.enterSlow", []fault{{"an unlimited bulkhead admits although it is closed", "!b.closed && ANY", "(!b.closed || b.capacity.Parallelism == Unlimited) && ANY"}}},
	{"bulk", "addCapped", []fault{{"keyed: the slots of unlimited keys overflow", "if n > Unlimited-m { MORE }", ""}}},

	// Delay control and the time of queueing.
	{"bulk", "Bulkhead.enqueue", []fault{
		{"delay control shortens waits to the interval", "maxWait = int64(b.capacity.DelayTarget)", "maxWait = int64(b.capacity.DelayInterval)"},
		{"a wait as long as the target counts as shortened", "int64(b.capacity.DelayTarget) < maxWait", "int64(b.capacity.DelayTarget) <= maxWait"},
	}},
	{"bulk", "Bulkhead.swapCapacity", []fault{{"a new capacity begins a new interval of delay control", "b.capacity = c", "b.capacity, b.queueingSince = c, readClock()"}}},
	{"bulk", "Bulkhead.dequeue", []fault{{"a departure of the head begins a new interval of delay control", "b.queue.remove(op)", "if b.queue.remove(op); b.queue.head != nil && op.since == b.queueingSince { b.queueingSince = now }"}}},
	{"bulk", "Bulkhead.addAges", []fault{
		{"the time of queueing is that of the head", "subSat(now, b.queueingSince)", "subSat(now, head.since)"},
		{"the totals leave out the present time of queueing", "s.Totals.Queueing = ANY", ""},
		{"the oldest hold is the newest one", "b.held.oldest", "b.held.newest"},
	}},

	// Tracked holds.
	{"bulk", "Bulkhead.start", []fault{{"only sampled holds are tracked", "if sampled || b.trackHolds { MORE }", "if sampled { MORE }"}}},
	{"bulk", "Bulkhead.grant", []fault{{"the hold of an operation that waited is not tracked", "op.sampled || b.trackHolds", "op.sampled"}}},
	{"bulk", "Bulkhead.returnSlots", []fault{{"the hold of an abandoned operation is tracked", "b.held.remove(op)", ""}}},
	{"bulk", "heldList.remove", []fault{{"the end of the newest hold forgets the older ones", "l.newest = op.prev", "l.newest = nil"}}},
	{"bulk", "Bulkhead.setHandlers", []fault{{"the removal of a handler ends the tracking of holds", "b.closed || b.trackHolds", "b.closed"}}},
	{"bulk", "Bulkhead.addTo", []fault{{"keyed: the oldest hold is known only while an operation waits", "b.queue.head != nil || ANY", "b.queue.head != nil"}}},

	// The number of an operation in its events.
	{"bulk", "Bulkhead.release", []fault{{"released has no Op", "op.subject()", "subject{op.slots, op.queued, 0}"}}},
	{"bulk", "Bulkhead.rejectQueued", []fault{{"a rejection while waiting has no Op", "op.subject()", "subject{op.slots, op.queued, 0}"}}},
	{"bulk", "Bulkhead.grantNext", []fault{{"an operation that waited is admitted with a new Op", "head.subject()", "subject{head.slots, head.queued, firstEvent}"}}},
	{"bulk", "Bulkhead.returnSlots", []fault{{"abandoned has no Op", "op.subject()", "subject{op.slots, op.queued, 0}"}}},
	{"bulk", "Bulkhead.putOperation", []fault{{"a record keeps the Op of its last use", "op.number = 0", ""}}},
	{"bulk", "Bulkhead.describe", []fault{{"an operation without Op gets one when it is over", "about.number == firstEvent", "about.number == firstEvent || about.number == 0 && kind == EventReleased"}}},

	// MapUnordered.
	{"bulk", "MapUnordered", []fault{{"bulk: MapUnordered keeps the order", "mapSeq(ctx, b, in, ANY, false)", "mapSeq(ctx, b, in, ANY, true)"}}},
	{"bulk", "mapper.full", []fault{{"bulk: MapUnordered pulls more items than there are slots", "m.pending >= ANY", "m.ordered && m.pending >= ANY"}}},
	{"bulk", "mapper.run", []fault{
		{"bulk: MapUnordered leaves out the last results", "for m.pending > 0 { MORE }", "for m.ordered && m.pending > 0 { MORE }"},
		{"bulk: MapUnordered pulls an item after its ctx has ended", "if m.ended() || ANY { break }", "if m.ended() && m.ordered || ANY { break }"},
	}},

	// Whether an operation ran.
	{"bulk", "Bulkhead.ran", []fault{
		{"a nested rejection by the same bulkhead says not started", "b.rejected(rejection) || ANY", "ANY"},
		{"the rejection that ended the ctx says not started", "ANY || isCause(ctx, rejection)", "ANY"},
	}},
	{"bulk", "isCause", []fault{{"a rejection that the cause of the ctx wraps says not started", "contains(end.cause, same)", "end.cause == rejection"}}},
	{"bulk", "contains", []fault{{"a rejection that was joined says not started", "for ANY1, e := range x.Unwrap() { MORE }", ""}}},
	{"bulk", "ranError.Is", []fault{
		{"keyed: an operation that ran matches ErrTooManyKeys", "isSentinel(target) || ANY", "isSentinel(target)"},
		{"an operation that ran matches ErrOverload", "isSentinel(target) || ANY", "target == ErrNotStarted || target == ErrSaturated || ANY"},
	}},
	{"bulk", "Bulkhead.rejected", []fault{{"keyed: a nested rejection under another key says not started", "b.group != nil && ANY", "false"}}},
	{"bulk", "isRejectionOf", []fault{{"keyed: a nested rejection for too many keys says not started", "err == g.Rejection", "false"}}},
	{"bulk", "groupRejected", []fault{{"keyed: NotStarted looks beyond the outermost rejection", "return rejection != nil", "return rejected"}}},

	// The capacity of the keys.
	{"registry", "Keyed.newEntry", []fault{{"keyed: a new key has the common capacity", "capacity, err := k.capacityOfKey(MORE)", "capacity, err := common, error(nil)"}}},
	{"registry", "Keyed.swapCapacity", []fault{
		{"keyed: a change gives all keys the common capacity", "if k.capacityOf != nil { k.capacities = capacities }", ""},
		{"keyed: the capacity of a closed Keyed changes", "case k.closed: MORE", ""},
		{"keyed: a key that came during a change keeps the old capacity", "k.created == seen", "k.created >= seen"},
	}},
	{"registry", "Keyed.capacityOfKey", []fault{{"keyed: a bad capacity of a key is not checked", "withLabel(MORE)", "error(nil)"}}},
	{"registry", "Keyed.enterNew", []fault{{"keyed: a key that is created during a change has the old capacity", "version == k.changes", "version <= k.changes"}}},
	{"registry", "Keyed.applyCapacity", []fault{
		{"keyed: a change reaches no key that there is", "defer forEachAlways(MORE)", ""},
		{"keyed: a change does not reach the bulkhead without key", "follow(k.rejector, k.Capacity)", ""},
		{"keyed: a change reaches the first key only", "defer forEachAlways(all, ANY)", "defer forEachAlways(all[:min(1, len(all))], ANY)"},
	}},
	{"registry", "Keyed.UpdateCapacity", []fault{{"keyed: a change does not check the capacity", "withLabel(k.label, c.Validate())", "error(nil)"}}},
	{"registry", "Keyed.Resize", []fault{{"keyed: Resize sets the rest of the capacity to 0", "c.Parallelism = parallelism", "c = bulk.Capacity{Parallelism: parallelism}"}}},
	{"registry", "follow", []fault{{"keyed: the first of two concurrent changes wins", "err != nil || ANY", "true || err != nil || ANY"}}},

	// Keyeds in a registry.
	{"registry", "CreateKeyed", []fault{{"registry: a Keyed does without the defaults", "append(ANY, opts...)", "opts"}}},
	{"registry", "Registry.GetOrCreate", []fault{{"registry: GetOrCreate returns nothing for the label of a Keyed", "if !ok { MORE }", "if !ok { return b, nil }"}}},
	{"registry", "changes.add", []fault{{"registry: apply does not check the capacity of each key", "err = k.checkCapacity(c)", "if err = c.Validate(); false { _ = k }"}}},
	{"registry", "Registry.KeyedStatuses", []fault{{"registry: only the first Keyed has a status", "if k, ok := m.(keyedMember); ok { MORE }", "if k, ok := m.(keyedMember); ok && statuses == nil { statuses = append(statuses, k.Status()) }"}}},
}
