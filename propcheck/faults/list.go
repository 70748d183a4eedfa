package main

// fault is a mistake that somebody could make: wrong instead of right. Both are
// Go: an expression, statements, or case clauses. An empty wrong deletes. Layout
// and comments don't count. In right,
//
//	ANY, ANY1, ANY2 …     match one expression or statement,
//	MORE, MORE1, MORE2 …  match any number of statements or arguments.
//
// In wrong they stand for what they matched. right must match exactly once in
// the function. If it matches more often, put more of its surroundings into it.
type fault struct {
	name, right, wrong string
}

// function has the faults of one function. It may be in any file of its package,
// whose name is that of its directory.
type function struct {
	pkg, name string // name is Function or Receiver.Method
	faults    []fault
}

func (f function) String() string { return f.pkg + "." + f.name }

// functions lists the faults of packages bulk and registry. The machine for the
// package must catch each of them: see testsFor.
var functions = []function{
	// Admission.
	{"bulk", "plain", []fault{{"a done context is admitted", "ANY && ctx.Err() == nil", "ANY"}}},
	{"bulk", "Bulkhead.decide", []fault{
		{"closed before a done context", "if ended != nil { MORE1 }; MORE2; if b.closed { MORE3 }", "if b.closed { MORE3 }; MORE2; if ended != nil { MORE1 }"},
		{"a closed bulkhead admits", "if b.closed { MORE }", ""},
		{"a request for all slots is oversized", "a.slots > ANY", "a.slots >= ANY"},
		{"a request for one slot more than there are is not oversized", "a.slots > ANY", "a.slots > ANY+1"},
		{"one place too many", "b.room.len >= ANY", "b.room.len > ANY"},
		{"NoWait waits", "ANY || a.bounds != nil && a.impatient()", "ANY"},
		{"an operation with no time left is saturated", "if a.allowed == 0 { return turnAway, Expired }", "if a.allowed == 0 { return turnAway, Saturated }"},
		{"an operation with no time left waits", "if a.allowed == 0 { MORE }", ""},
	}},
	{"bulk", "arrival.bound", []fault{
		{"exactly at Before is in time", "left <= 0", "left < 0"},
		{"exactly the reserve is too little", "left < reserve", "left <= reserve"},
		{"the reserve doesn't shorten the wait", "a.allowed = min(a.allowed, int64(left-reserve))", ""},
		{"Before doesn't bound the wait", "a.allowed = min(a.allowed, int64(left))", ""},
	}},
	{"bulk", "Bulkhead.queue", []fault{
		{"Within extends the wait limit", "allowed = min(allowed, ANY)", "if allowed == never { allowed = ANY }"},
		{"the wait limit is forgotten", "allowed = min(allowed, ANY)", ""},
		{"the wait limit is a nanosecond longer", "allowed = min(allowed, ANY)", "allowed = min(allowed, ANY+1)"},
		{"a wait of centuries expires immediately", "op.deadline = add(op.arrived, allowed)", "if op.deadline = op.arrived + allowed; allowed == never { op.deadline = never }"},
		{"a queued operation is not counted", "b.totals.Queued++", ""},
		{"the peak of waiting operations is not kept", "b.peak.Waiting = ANY", ""},
		{"queued makes no event", "b.note(j, EventQueued, MORE)", ""},
	}},
	{"bulk", "Bulkhead.fits", []fault{
		{"a small operation overtakes", "b.room.head == nil && ANY", "ANY"},
		{"one slot too many", "slots <= ANY", "slots <= ANY+1"},
		{"one slot too few", "slots <= ANY", "slots < ANY"},
	}},
	{"bulk", "Bulkhead.admit", []fault{
		{"the fast rejection is not counted", "b.totals.Saturated++", ""},
		{"the fast rejection says oversized", "b.errorOf(Saturated, MORE)", "b.errorOf(Oversized, MORE)"},
	}},
	{"bulk", "Bulkhead.begin", []fault{{"the peak of slots in use is not kept", "b.peak.InUse = ANY", ""}}},
	{"bulk", "Bulkhead.arrive", []fault{{"an arrival that is rejected makes no event", "b.note(&j, reason.event(), MORE)", ""}}},

	// Waiting room and expiry.
	{"bulk", "room.push", []fault{{"last in, first out", "op.prev = r.tail; if r.tail == nil { r.head = op } else { r.tail.next = op }; r.tail = op", "op.next = r.head; if r.head == nil { r.tail = op } else { r.head.prev = op }; r.head = op"}}},
	{"bulk", "room.remove", []fault{{"leaving the middle of the room cuts off the rest", "op.next.prev = op.prev", "r.tail, op.next.prev = op.next, op.prev"}}},
	{"bulk", "Bulkhead.watch", []fault{
		{"the alarm never rings", "a.set(now)", ""},
		{"a record keeps the key of its last use", "op.key > op.deadline", "op.key > op.deadline && false"},
	}},
	{"bulk", "alarm.set", []fault{{"an earlier deadline doesn't move the alarm", "a.keys[0].key >= a.rings", "a.rings != never"}}},
	{"bulk", "alarm.ring", []fault{
		{"the alarm rings once", "a.set(now)", ""},
		{"an early key is taken for a deadline", "op.deadline <= now", "op.key <= now"},
	}},

	// Grant, departure, release.
	{"bulk", "Bulkhead.await", []fault{
		{"an operation with slots and a done context runs", "case end != nil: MORE", ""},
		{"a late signal reaches the next use of the record", "op.hear()", "handedOver"},
	}},
	{"bulk", "Bulkhead.overdue", []fault{{"expired before canceled at the same instant", "done == nil || ANY", "true"}}},
	{"bulk", "Bulkhead.quit", []fault{{"Goexit in a handler keeps the slots that were handed over", "if why == refused { MORE1 } else { MORE2 }", "if why == refused { MORE1 }"}}},
	{"bulk", "Bulkhead.leave", []fault{
		{"canceled is counted as expired", "if end != nil { MORE }", ""},
		{"leaving the room grants nobody", "b.settle(&j)", ""},
	}},
	{"bulk", "Bulkhead.abandon", []fault{
		{"an abandoned slot is lost", "b.inUse -= op.slots", ""},
		{"abandoned is not counted", "b.totals.Abandoned++", "b.totals.Finished++"},
		{"abandoned makes no event", "b.note(&j, EventAbandoned, MORE)", ""},
		{"an abandoned operation grants nobody", "b.settle(&j)", ""},
	}},
	{"bulk", "Bulkhead.release", []fault{
		{"a release grants nobody", "b.settle(&j)", ""},
		{"released makes no event", "b.note(&j, EventReleased, slots, queued, 0)", "_ = queued"},
		{"released makes two events", "b.note(&j, EventReleased, MORE)", "b.note(&j, EventReleased, MORE); b.note(&j, EventReleased, MORE)"},
	}},
	{"bulk", "Bulkhead.settle", []fault{{"drained while one is in flight", "b.inFlight() == 0", "b.inFlight() <= 1"}}},
	{"bulk", "Bulkhead.handOver", []fault{
		{"a release grants at most one", "for op := b.room.head; ANY; op = b.room.head { MORE }", "if op := b.room.head; op != nil { MORE }"},
		{"the head is granted more slots than are free", "op.slots <= b.capacity.Parallelism-b.inUse", "b.inUse < b.capacity.Parallelism"},
		{"an operation that waited is measured from its arrival", "op.granted = now", "op.granted = op.arrived"},
		{"an operation that waited is never measured", "b.samples()", "false"},
	}},
	{"bulk", "Bulkhead.samples", []fault{{"holds are sampled at a fixed position", "ANY == block*block*0x9E3779B97F4A7C15>>(64-6)", "ANY == block&0"}}},
	{"bulk", "Bulkhead.countWait", []fault{
		{"a wait is not summed", "t.Wait = ANY", ""},
		{"a wait is not in the histogram", "b.waits[bucketOf(d)]++", ""},
	}},
	{"bulk", "Run", []fault{
		{"a plain release wakes nobody", "op != nil || b.room.head != nil", "op != nil"},
		{"a plain release makes no event", "ANY || b.watched", "ANY"},
		{"a panic costs the slot", "defer func() { MORE }()", "defer func() { if r := recover(); r != nil { panic(r) }; MORE }()"},
	}},
	{"bulk", "RunN", []fault{{"RunN frees one slot only", "b.release(op, n)", "b.release(op, 1)"}}},

	// Slots.
	{"bulk", "Slot.Release", []fault{{"a second Release frees again", "s.op.turn != s.turn", "false"}}},
	{"bulk", "Bulkhead.giveBack", []fault{
		{"a reused record is freed by a stale Slot", "op.turn++", "if op.turn == 0 { op.turn++ }"},
		{"a record says queued for its last use", "op.queued = false", ""},
	}},

	// Change, close, options.
	{"bulk", "Bulkhead.swapCapacity", []fault{
		{"growing wakes nobody", "b.settle(&j)", ""},
		{"a shrink keeps operations that can't fit", "b.turnOut(MORE)", ""},
		{"a shrink rejects operations that just fit", "op.slots > ANY", "op.slots >= ANY"},
		{"setting the same capacity makes an event", "c != old", "true"},
		{"a closed bulkhead is resized", "b.closed", "false"},
		{"resized has the new capacity as the previous one", "Event{Kind: EventResized, Previous: old}", "Event{Kind: EventResized, Previous: c}"},
	}},
	{"bulk", "Bulkhead.Close", []fault{
		{"close keeps waiting operations", "b.turnOut(MORE)", ""},
		{"an idle bulkhead is never drained", "b.settle(&j)", ""},
		{"closing twice makes two events", "!b.closed", "!b.drained"},
	}},
	{"bulk", "Bulkhead.drain", []fault{{"a Done channel from before the drain stays open", "close(b.done)", "b.done = make(chan struct{}); close(b.done)"}}},
	{"bulk", "Bulkhead.Wait", []fault{{"Wait returns no error when its context ends", "select { case <-c: MORE; case <-done: }", "select { case <-c: MORE; case <-done: return nil }"}}},
	{"bulk", "configure", []fault{
		{"the first mistake hides the others", "return ANY1, ANY2, errors.Join(errs...)", "if len(errs) > 0 { return ANY1, ANY2, errs[0] }; return ANY1, ANY2, nil"},
		{"an empty label is reported as a bad parallelism", `"label"`, `"parallelism"`},
		{"an error about a capacity names no bulkhead", "capacity.problems(label)", `capacity.problems("")`},
	}},
	{"bulk", "OnHandlerPanic", []fault{{"a nil OnHandlerPanic is accepted", "if f == nil { MORE }", ""}}},

	// Status, errors, events.
	{"bulk", "Totals.countWhileWaiting", []fault{{"expired while waiting counts at arrival", "t.Expired++", "t.ExpiredAtArrival++"}}},
	{"bulk", "Totals.countAtArrival", []fault{{"closed at arrival counts while waiting", "t.ClosedAtArrival++", "t.Closed++"}}},
	{"bulk", "Totals.MeanWait", []fault{{"the mean wait counts all queued operations", "t.AdmittedFromQueue", "t.Queued"}}},
	{"bulk", "Bulkhead.errorOf", []fault{{"a shared error is kept too long", "ANY && last.Waiting == b.room.len", "ANY"}}},
	{"bulk", "Bulkhead.transitions", []fault{{"Seq forgets the resizes", "ANY + b.resizes", "ANY"}}},
	{"bulk", "AdmissionError.As", []fault{{"errors.As looks at the cause alone", "errors.As(e.ended.cause, target) || errors.As(e.ended.err, target)", "errors.As(e.ended.cause, target)"}}},
	{"bulk", "AdmissionError.Is", []fault{{"a cause that is overload as well is not matched", "return e.ended != nil && ANY", "if _, ok := target.(*AdmissionError); ok { return false }; return e.ended != nil && ANY"}}},
	{"bulk", "Status.QueueUtilization", []fault{{"a room is never more than full", "float64(s.Waiting) / ANY", "min(1, float64(s.Waiting)/ANY)"}}},
	{"bulk", "Bulkhead.OnEvent", []fault{
		{"a removed handler still has events", "h == added", "false"},
		{"handlers in the wrong order", "append(slices.Clip(b.handlers), added)", "append([]*handler{added}, b.handlers...)"},
	}},
	{"bulk", "Bulkhead.listen", []fault{{"removing a handler reopens the fast path", "b.closed || ANY", "ANY"}}},
	{"bulk", "Bulkhead.deliver", []fault{{"Goexit in a handler keeps granted operations waiting", "j.wake(); MORE1; if j.page != nil { MORE2 }", "MORE1; if j.page != nil { MORE2 }; j.wake()"}}},
	{"bulk", "delivery.one", []fault{
		{"Goexit in a handler keeps events from the other handlers", "if !returned { MORE }", "_ = returned"},
		{"a panic of a handler propagates", "recover()", "any(nil)"},
	}},

	// Registry.
	{"registry", "Registry.Create", []fault{{"registry: a taken label is accepted", "return nil, labelError(label, ErrDuplicate)", "return b, nil"}}},
	{"registry", "Registry.getOrCreate", []fault{
		{"registry: both goroutines of a race create the member", "if first, exists := r.members[label]; exists { MORE }", ""},
		{"registry: the newest member comes first", "append(r.order, b)", "append([]*bulk.Bulkhead{b}, r.order...)"},
		{"registry: defaults are forgotten", "slices.Concat(r.defaults, opts)", "slices.Concat(nil, opts)"},
		{"registry: defaults come last", "slices.Concat(r.defaults, opts)", "slices.Concat(opts, r.defaults)"},
		{"registry: GetOrCreate resizes an existing member", "case exists: return b, false, nil", "case exists: return b, false, b.Resize(parallelism)"},
		{"registry: a closed registry hides its members", "case exists: MORE", "case exists && !closed: MORE"},
		{"registry: a member created during Close stays open", "if r.closed { MORE }", ""},
	}},
	{"registry", "Registry.Close", []fault{
		{"registry: close allows creation", "r.closed = true", ""},
		{"registry: close skips the newest member", "view := r.order", "view := r.order[:max(len(r.order)-1, 0)]"},
	}},
	{"registry", "Registry.Remove", []fault{
		{"registry: a member is forgotten before it is drained", "if err := b.Shutdown(ctx); err != nil { MORE }", "_ = b.Close()"},
		{"registry: a member is forgotten although Remove gave up", "if err := b.Shutdown(ctx); err != nil { MORE }", "if err := b.Shutdown(ctx); err != nil { r.mu.Lock(); defer r.mu.Unlock(); delete(r.members, label); MORE }"},
		{"registry: a removed member is not closed", "if err := b.Shutdown(ctx); err != nil { MORE }", "if err := b.Wait(ctx); b.Status().InFlight > 0 && err != nil { MORE }"},
		{"registry: a view changes under a loop", "slices.Clone(r.order)", "r.order"},
	}},
	{"registry", "Registry.Shutdown", []fault{
		{"registry: shutdown reports only one member", "append(errs, ANY)", "append(errs[:0], ANY)"},
		{"registry: shutdown closes nothing", "_ = r.Close()", ""},
	}},
	{"registry", "changes.add", []fault{
		{"registry: apply sets values before all are checked", "all.list = append(all.list, ANY)", "if ok { _ = b.SetCapacity(c) }; all.list = append(all.list, ANY)"},
		{"registry: apply doesn't check values", "err = c.Validate()", "_ = c"},
	}},
	{"registry", "changes.apply", []fault{{"registry: apply stops at a closed member", "failed = append(failed, ANY)", "if errors.Join(failed...) == nil { failed = append(failed, ANY) }"}}},
	{"registry", "Registry.ApplyJSON", []fault{{"registry: a field that is absent in JSON becomes zero", "err := c.UnmarshalJSON(value)", "c = bulk.Capacity{Parallelism: c.Parallelism}; err := c.UnmarshalJSON(value)"}}},

	// Keyed: leases.
	{"registry", "RunKey", []fault{
		{"keyed: a panic costs the lease", "defer k.leave(e); MORE; return ANY", "MORE; v, err := ANY; k.leave(e); return v, err"},
		{"keyed: the lease of RunKey is not given back", "defer k.leave(e)", ""},
	}},
	{"registry", "GuardKey", []fault{{"keyed: the lease of GuardKey is not given back", "defer k.leave(e)", ""}}},
	{"registry", "Keyed.Acquire", []fault{
		{"keyed: Acquire keeps the lease without a slot", "err == nil", "true"},
		{"keyed: Acquire gives the lease back with the slot", "err == nil", "err == nil && false"},
	}},
	{"registry", "Keyed.find", []fault{
		{"keyed: a known key gets no lease", "e.leases++", ""},
		{"keyed: a key in use stays in the list of idle keys", "if e.leases == 0 { MORE }", ""},
	}},
	{"registry", "Keyed.leave", []fault{{"keyed: idle time counts from the first release", "e.since = now", "if e.since == 0 { e.since = now }"}}},

	// Keyed: creation and eviction.
	{"registry", "Keyed.Evict", []fault{{"keyed: a key in use is evicted", "e == nil || e.leases > 0", "e == nil"}}},
	{"registry", "Keyed.enterNew", []fault{
		{"keyed: the newest idle key is evicted first", "k.detach(k.idle.oldest)", "k.detach(k.idle.newest)"},
		{"keyed: one key too many", "len(k.keys) == k.maxKeys", "len(k.keys) > k.maxKeys"},
		{"keyed: one key too few", "len(k.keys) == k.maxKeys", "len(k.keys) >= max(k.maxKeys-1, 1)"},
		{"keyed: both goroutines of a race create the key", "if e := k.find(key); e != nil { MORE }", ""},
		{"keyed: an operation with a done context creates a key", "alreadyRejected(ctx, limits)", "alreadyRejected(ctx, limits) && false"},
		{"keyed: rejections for too many keys are not counted", "k.tooManyKeys++", ""},
	}},
	{"registry", "Keyed.longIdle", []fault{
		{"keyed: exactly IdleAfter is too short", "now-e.since >= ANY", "now-e.since > ANY"},
		{"keyed: a nanosecond before IdleAfter is enough", "now-e.since >= ANY", "now-e.since >= ANY-1"},
	}},
	{"registry", "idleList.remove", []fault{{"keyed: leaving the middle cuts the list of idle keys", "e.older.newer = e.newer", "l.newest, e.older.newer = e.older, nil"}}},
	{"registry", "Keyed.detach", []fault{
		{"keyed: an evicted key takes the last one with it", "k.all[e.place] = k.all[last]; MORE; k.all[e.place].place = e.place", "MORE"},
		{"keyed: the totals of evicted keys are lost", "k.retired = ANY", ""},
	}},
	{"registry", "Keyed.closeEvicted", []fault{{"keyed: an evicted bulkhead stays open", "_ = evicted.Close()", ""}}},

	// Keyed: status and close.
	{"registry", "Keyed.Status", []fault{{"keyed: rejections without a key are not counted", "add(k.rejector.Status())", ""}}},
	{"registry", "Keyed.closeKeys", []fault{
		{"keyed: close keeps waiting operations", "_ = e.bulkhead.Close()", ""},
		{"keyed: close allows new keys", "k.closed = true", ""},
	}},
	{"registry", "Keyed.Shutdown", []fault{{"keyed: the DrainError counts only one key", "sum.InFlight += ANY", "sum.InFlight = ANY"}}},
	{"registry", "tooManyKeys.Is", []fault{{"keyed: ErrTooManyKeys is not ErrOverload", "ANY || target == bulk.ErrOverload", "ANY"}}},
}
