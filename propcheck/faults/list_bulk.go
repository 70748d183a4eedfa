package main

// bulkFunctions lists the faults of package bulk, in the order in which an
// operation passes through the functions.
var bulkFunctions = []function{
	// Run, RunN and Slots.
	{"bulk", "Run", []fault{
		{"Run admits a done context", "ctx.Err() != nil || ANY", "ANY"},
		{"Run grants no operation when it releases", "op != nil || b.queue.head != nil", "op != nil"},
		{"Run makes no event when it releases", "ANY || b.slowPath", "ANY"},
		{"Run doesn't measure the time in flight", "op != nil || ANY", "ANY"},
		{"a panic costs the slot", "defer func() { MORE }()", "defer func() { if r := recover(); r != nil { panic(r) }; MORE }()"},
	}},
	{"bulk", "RunN", []fault{
		{"RunN admits a done context", "ctx.Err() != nil || ANY", "ANY"},
		{"RunN frees one slot only", "b.release(op, n)", "b.release(op, 1)"},
	}},
	{"bulk", "Bulkhead.acquire", []fault{{"Acquire admits a done context", "ctx.Err() != nil || ANY", "ANY"}}},
	{"bulk", "Bulkhead.startWithFree", []fault{
		{"a free record is given to two Slots", "b.free.top = op.next", ""},
		{"a reused record has the slots of its last use", "op.slots = slots", ""},
		{"a record in use counts as free", "b.free.len--", ""},
	}},
	{"bulk", "Slot.Release", []fault{
		{"a second Release frees again", "op.gen != s.gen", "false"},
		{"a second Release frees again if no operation waited in between", "op.gen++", ""},
		{"a record that Release frees is still in flight", "op.state = free", ""},
		{"Release grants no operation", "ANY || b.queue.head != nil", "ANY"},
		{"Release makes no event", "ANY || b.slowPath", "ANY"},
		{"Release doesn't measure the time in flight", "op.sampled || ANY", "ANY"},
		{"Release keeps in the record that the operation was queued", "op.sampled || op.queued", "op.sampled"},
	}},

	// Admission.
	{"bulk", "onlyWithin", []fault{
		{"Before is forgotten if there is no Reserve", "if d, _ := l.Within(); ANY { MORE }", "if _, ok := l.Reserve(); ok { MORE }"},
		{"what is merged with a Within is forgotten", "if d, _ := l.Within(); ANY { MORE }", "if _, ok := l.Within(); !ok { MORE }"},
		{"Before is forgotten after another limit", "limits", "limits[:min(1, len(limits))]"},
	}},
	{"bulk", "Bulkhead.fits", []fault{
		{"a small operation overtakes", "b.queue.head == nil && ANY", "ANY"},
		{"one slot too many", "slots <= ANY", "slots <= ANY+1"},
		{"one slot too few", "slots <= ANY", "slots < ANY"},
	}},
	{"bulk", "Bulkhead.occupy", []fault{
		{"the peak of slots in use is not kept", "b.peak.InUse = ANY", ""},
		{"the peak of operations in flight is not kept", "b.peak.InFlight = ANY", ""},
		{"more operations in flight make no peak unless more slots are in use", "b.inUse > b.peak.InFlight", "b.inUse > b.peak.InUse"},
	}},
	{"bulk", "sampleOf", []fault{{"holds are sampled at a fixed position", "ANY + block*block*0x624D9807103842BB>>(64-6)", "ANY"}}},
	{"bulk", "Bulkhead.enter", []fault{
		{"the fast rejection is not counted", "b.totals.Saturated++", ""},
		{"the fast rejection says oversized", "b.rejectionOf(Saturated, MORE)", "b.rejectionOf(Oversized, MORE)"},
		{"the fast rejection makes no event", "!b.slowPath && ANY", "ANY"},
		{"the fast rejection leaves one place empty", "b.queue.len >= ANY", "b.queue.len+1 >= ANY"},
		{"the fast rejection says saturated of an oversized operation", "ANY && slots <= b.capacity.Parallelism", "ANY"},
		{"the fast rejection ignores free slots", "ANY && !b.fits(slots)", "ANY"},
	}},
	{"bulk", "Bulkhead.enterSlow", []fault{
		{"a closed bulkhead admits if slots are free", "!b.closed && ANY", "ANY"},
		{"admitted makes no event", "b.deliverOne(MORE)", "b.mu.Unlock()"},
		{"Within alone is forgotten", "for ANY1, l := range limits { MORE }", ""},
	}},
	{"bulk", "Bulkhead.enterTimed", []fault{
		{"a done context is admitted if slots are free", "a.end == nil && !a.expired", "!a.expired"},
		{"an operation with no time left is admitted if slots are free", "ANY && !a.expired", "ANY"},
		{"Acquire with Before gets no record", "ANY && !keep", "ANY"},
		{"Within is forgotten beside Before", "a.bound(limit)", ""},
		{"Before and Reserve are forgotten", "a.boundInTime(ctx, limit)", ""},
		{"only the last limit bounds the wait", "deadline.Tightest(limits...)", "deadline.Tightest(limits[max(1, len(limits))-1:]...)"},
	}},
	{"bulk", "arrival.bound", []fault{
		{"NoWait expires", "case d <= 0: MORE", ""},
		{"Within doesn't bound the wait", "a.maxWait = min(a.maxWait, int64(d))", ""},
		{"the last Within counts, not the shortest", "min(a.maxWait, int64(d))", "int64(d)"},
	}},
	{"bulk", "arrival.boundInTime", []fault{
		{"exactly at Before is in time", "left <= 0", "left < 0"},
		{"exactly the reserve is too little", "left < reserve", "left <= reserve"},
		{"the reserve doesn't shorten the wait", "a.maxWait = min(a.maxWait, subSat(MORE))", ""},
		{"Before doesn't bound the wait", "a.maxWait = min(a.maxWait, max(MORE))", ""},
		{"a Before that has passed is forgotten if the reserve is left", "a.expired || ANY", "ANY"},
		{"Reserve is forgotten beside Before", "if before, ok := l.Before(); ok { MORE }", "if before, ok := l.Before(); ok { MORE; return }"},
	}},
	{"bulk", "Bulkhead.decide", []fault{
		{"closed before a done context", "case a.end != nil: MORE1; case b.closed: MORE2", "case b.closed: MORE2; case a.end != nil: MORE1"},
		{"a closed bulkhead admits", "case b.closed: MORE", ""},
		{"free slots before an expired bound", "case a.expired: MORE1; case b.fits(a.slots): MORE2", "case b.fits(a.slots): MORE2; case a.expired: MORE1"},
		{"one place too many", "b.queue.len >= ANY", "b.queue.len > ANY"},
		{"NoWait waits", "a.noWait || ANY", "ANY"},
		{"expired before saturated", "case a.noWait || ANY: MORE1; case a.maxWait == 0: MORE2", "case a.maxWait == 0: MORE2; case a.noWait || ANY: MORE1"},
		{"an operation with no time left is saturated", "case a.maxWait == 0: return rejected, Expired", "case a.maxWait == 0: return rejected, Saturated"},
		{"an operation with no time left waits", "case a.maxWait == 0: MORE", ""},
	}},
	{"bulk", "Bulkhead.arrive", []fault{
		{"an arrival that is rejected makes no event", "err = b.rejectionOf(MORE)", "err = b.rejectionOf(MORE); b.mu.Unlock(); return nil, false, err"},
		{"queued makes no event", "op, at = b.enqueue(MORE)", "op, _ = b.enqueue(MORE); b.mu.Unlock(); return op, wait, err"},
		{"an operation that is queued makes the event admitted", "kind, wait = EventQueued, true", "wait = true"},
	}},
	{"bulk", "Bulkhead.tooLarge", []fault{
		{"a request for all slots is oversized", "slots > b.capacity.Parallelism", "slots >= b.capacity.Parallelism"},
		{"a request for one slot more than there are is not oversized", "slots > b.capacity.Parallelism", "slots > b.capacity.Parallelism+1"},
		{"a paused bulkhead rejects every size", "ANY && b.capacity.Parallelism > 0", "ANY"},
	}},
	{"bulk", "Bulkhead.takeSample", []fault{{"the first sample is the last one", "b.nextSample = ANY", ""}}},
	{"bulk", "Bulkhead.hold", []fault{{"an operation is measured from New", "op.since = now", "op.since = 0"}}},
	{"bulk", "heldList.remove", []fault{{"the oldest hold is that of an operation that is over", "l.oldest = op.newer", ""}}},
	{"bulk", "Bulkhead.queueStands", []fault{
		{"delay control begins a nanosecond late", "ANY >= interval", "ANY > interval"},
		{"delay control shortens from the first wait on", "ANY >= interval", "true"},
	}},
	{"bulk", "Bulkhead.start", []fault{
		{"an operation to be measured gets no record", "ANY && !sampled", "ANY"},
		{"Goexit in a handler of admitted costs the slots", "ANY && b.listeners == nil", "ANY"},
	}},

	// Queue and expiry.
	{"bulk", "Bulkhead.enqueue", []fault{
		{"Within extends the wait limit", "maxWait = min(maxWait, ANY)", "if maxWait == noDeadline { maxWait = ANY }"},
		{"the wait limit is forgotten", "maxWait = min(maxWait, ANY)", ""},
		{"the wait limit is a nanosecond longer", "maxWait = min(maxWait, ANY)", "maxWait = min(maxWait, ANY+1)"},
		{"a wait of centuries expires immediately", "op.waitUntil = addSat(op.since, maxWait)", "if op.waitUntil = op.since + maxWait; maxWait == noDeadline { op.waitUntil = noDeadline }"},
		{"a queued operation is not counted", "b.totals.Queued++", ""},
		{"delay control extends a wait", "ANY && int64(b.capacity.DelayTarget) < maxWait", "ANY"},
		{"a shortened wait is not counted", "b.totals.Shortened++", ""},
		{"the queue stands from the first wait of all on", "b.queueingSince = op.since", "if b.totals.Queued == 0 { b.queueingSince = op.since }"},
		{"the peak of waiting operations is not kept", "b.peak.Waiting = ANY", ""},
	}},
	{"bulk", "fifo.push", []fault{
		{"last in, first out", "op.prev, op.next = q.tail, nil; if q.tail == nil { MORE1 } else { MORE2 }; q.tail = op", "op.prev, op.next = nil, q.head; if q.head == nil { q.tail = op } else { q.head.prev = op }; q.head = op"},
		{"the last in the queue is linked to a free record", "op.prev, op.next = q.tail, nil", "op.prev = q.tail"},
	}},
	{"bulk", "fifo.remove", []fault{
		{"leaving the middle of the queue cuts off the rest", "op.next.prev = op.prev", "q.tail, op.next.prev = op.next, op.prev"},
		{"an operation that left the queue is still linked to it", "op.next, op.prev = nil, nil", ""},
	}},
	{"bulk", "Bulkhead.putOperation", []fault{
		{"a reused record is freed by a stale Slot", "op.gen++", "if op.gen == 0 { op.gen++ }"},
		{"a free record keeps the channel of a bubble", "if op.inBubble { MORE }", ""},
		{"a free record is still waiting", "op.state = free", ""},
		{"a record says queued for its last use", "op.queued, op.sampled, op.timedOut = false, false, false", "op.sampled, op.timedOut = false, false"},
		{"a record is measured again in its next use", "op.queued, op.sampled, op.timedOut = false, false, false", "op.queued, op.timedOut = false, false"},
		{"a record says that its next wait timed out", "op.queued, op.sampled, op.timedOut = false, false, false", "op.queued, op.sampled = false, false"},
	}},
	{"bulk", "Bulkhead.trackDeadline", []fault{{"a record keeps the key of its last use", "op.heapKey > op.waitUntil", "op.heapKey > op.waitUntil && false"}}},
	{"bulk", "expiry.arm", []fault{
		{"the timer wakes no operation", "time.AfterFunc(in, x.fire)", "time.AfterFunc(in, func() {})"},
		{"an earlier wait bound doesn't move the timer", "x.heap[0].heapKey >= x.firesAt", "x.firesAt != noDeadline"},
	}},
	{"bulk", "expiry.fire", []fault{
		{"the timer fires once", "x.arm(now)", ""},
		{"a timer that fired counts as set", "x.firesAt = noDeadline", ""},
		{"an early key is taken for the wait bound", "op.waitUntil <= now", "op.heapKey <= now"},
		{"bulk: the timer wakes an operation that doesn't wait", "op.state != waiting || ANY", "ANY"},
		{"a wait bound that passed is taken for a grant", "op.timedOut = true", ""},
	}},
	{"bulk", "Bulkhead.dequeue", []fault{{"the timer of a bubble stays when no operation waits any more", "b.dropExpiry()", ""}}},
	{"bulk", "Bulkhead.dropExpiry", []fault{{"bulk: a record counts as tracked by a timer that is gone", "for ANY1, op := range b.expiry.heap { MORE }", ""}}},

	// Wait.
	{"bulk", "Bulkhead.await", []fault{
		{"an operation with slots and a done context runs", "ANY && ctx.Err() == nil", "ANY"},
		{"bulk: a panic of a context keeps the operation in the queue", "if !w.over { MORE }", ""},
	}},
	{"bulk", "wait.giveUp", []fault{{"Goexit in a handler keeps the slots that were granted meanwhile", "w.settle(context.Background(), &endCanceled)", "w.leaveQueue(&endCanceled)"}}},
	{"bulk", "wait.resolve", []fault{{"bulk: expired if a context doesn't say how it ended", "if end == nil && w.signal == none { MORE }", ""}}},
	{"bulk", "wait.waitForCtx", []fault{
		{"expired before canceled at the same instant", "ANY > w.op.waitUntil", "ANY >= w.op.waitUntil"},
		{"bulk: an operation that is granted slots while its context is late waits forever", "w.signal = decided", ""},
	}},
	{"bulk", "wait.settle", []fault{
		{"an operation that is granted slots while it leaves runs with a done context", "case end != nil: MORE", ""},
		{"bulk: a context that ends after it was asked is not seen", "if end == nil { MORE }", ""},
		{"bulk: a late signal reaches the next use of the record", "w.awaitDecision()", ""},
	}},
	{"bulk", "wait.awaitDecision", []fault{
		{"bulk: the signal of a timeout reaches the next use of the record", "if w.op.timedOut && ANY { MORE }", ""},
		{"an operation that is granted slots as it expires waits forever", "w.op.timedOut && w.signal != timedOut", "w.op.timedOut"},
	}},
	{"bulk", "wait.leaveQueue", []fault{
		{"bulk: the signal of a timeout stays in the record of a canceled operation", "select { case <-op.wake: default: }", ""},
		{"canceled is counted as expired", "if end != nil { MORE }", ""},
		{"leaving the queue grants no operation", "b.grantNext(&out)", ""},
		{"Goexit in a handler of expired ends the wait twice", "w.over = true", ""},
	}},

	// Grant and release.
	{"bulk", "Bulkhead.grantNext", []fault{
		{"a shrink or a departure grants at most one", "for head != nil && ANY { MORE }", "if head != nil && ANY { MORE }"},
		{"the next head is granted more slots than are free", "head != nil && head.slots <= b.capacity.Parallelism-b.inUse", "head != nil && b.inUse < b.capacity.Parallelism"},
		{"admitted from the queue makes no event", "b.record(out, EventAdmitted, MORE)", "_ = waited"},
		{"an operation that is granted slots is not woken", "out.addDecided(head)", ""},
	}},
	{"bulk", "Bulkhead.grant", []fault{
		{"an operation that waited is measured from its arrival", "b.hold(op, now)", "b.hold(op, op.since)"},
		{"an operation that waited is never measured", "b.takeSample()", "false"},
		{"a wait is not summed", "b.totals.Wait = ANY", ""},
		{"the longest wait is not kept", "b.totals.LongestWait = ANY", ""},
		{"a wait is not in the histogram", "b.waits[bucketOf(waited)]++", ""},
	}},
	{"bulk", "Bulkhead.release", []fault{
		{"a release grants no operation", "head == nil || ANY", "head == nil || true"},
		{"the head is granted more slots than are free", "head.slots > b.capacity.Parallelism-b.inUse", "b.inUse >= b.capacity.Parallelism"},
		{"a release grants at most one", "next != nil && ANY", "next != nil && false"},
		{"released says nothing of the operation", "about = op.subject()", ""},
		{"an operation that is over is still the oldest in flight", "b.held.remove(op)", ""},
	}},
	{"bulk", "Bulkhead.releaseObserved", []fault{
		{"a release with handlers grants no operation", "b.grantNext(&out)", ""},
		{"released makes no event", "b.deliverOne(MORE)", "b.mu.Unlock()"},
		{"released makes no event if an operation waits", "b.record(&out, EventReleased, MORE)", ""},
		{"released makes two events", "b.record(&out, EventReleased, MORE)", "b.record(&out, EventReleased, MORE); b.record(&out, EventReleased, MORE)"},
		{"the last release of a closed bulkhead drains nothing", "ANY && !b.closed", "ANY"},
	}},
	{"bulk", "Bulkhead.takeRejection", []fault{{"a free record keeps the error of its last use", "op.rejection = nil", ""}}},
	{"bulk", "Bulkhead.returnSlots", []fault{
		{"an abandoned slot is lost", "b.inUse -= op.slots", ""},
		{"abandoned is not counted", "b.totals.Abandoned++", "b.totals.Finished++"},
		{"abandoned makes no event", "b.record(&out, EventAbandoned, MORE)", ""},
		{"an abandoned operation grants no operation", "b.grantNext(&out)", ""},
		{"bulk: an abandoned operation drains nothing", "b.drainIfIdle(&out)", ""},
	}},

	// Rejections.
	{"bulk", "Bulkhead.rejectWaiting", []fault{{"an operation that is rejected while it waits is not woken", "out.addDecided(op)", ""}}},
	{"bulk", "Bulkhead.rejectQueued", []fault{{"an expired operation doesn't say its limit", "limit = ANY", ""}}},
	{"bulk", "Bulkhead.rejectionOf", []fault{
		{"a shared error is kept too long", "ANY && last.Waiting == b.queue.len", "ANY"},
		{"a shared error has the slots of another operation", "ANY && last.Slots == slots", "ANY"},
		{"a shared error has the cause of another context", "ANY && last.ended == end", "ANY"},
	}},

	// Capacity, close, options.
	{"bulk", "Bulkhead.swapCapacity", []fault{
		{"growing grants no operation", "b.grantNext(out)", ""},
		{"a shrink keeps operations that can't fit", "b.rejectWaiting(MORE)", ""},
		{"a shrink rejects operations that just fit", "b.tooLarge(op.slots)", "op.slots >= c.Parallelism && c.Parallelism > 0"},
		{"a pause rejects every operation that waits", "b.tooLarge(op.slots)", "op.slots > c.Parallelism"},
		{"setting the same capacity makes an event", "c != old", "true"},
		{"a closed bulkhead is resized", "b.closed", "false"},
		{"resized has the new capacity as the previous one", "e.Previous = old", "e.Previous = c"},
	}},
	{"bulk", "Bulkhead.Close", []fault{
		{"close keeps waiting operations", "b.rejectWaiting(MORE)", ""},
		{"an idle bulkhead is never drained", "b.drainIfIdle(&out)", ""},
		{"closing twice makes two events", "!b.closed", "!b.drained"},
		{"close leaves the fast path open", "b.closed, b.slowPath = true, true", "b.closed = true"},
	}},
	{"bulk", "Bulkhead.drainIfIdle", []fault{
		{"drained while one is in flight", "b.inFlight() > 0", "b.inFlight() > 1"},
		{"a Done channel from before the drain stays open", "close(b.done)", "b.done = make(chan struct{}); close(b.done)"},
		{"Wait doesn't return when the bulkhead is drained", "for c := range b.drainers { MORE }", ""},
	}},
	{"bulk", "Bulkhead.Wait", []fault{{"Wait returns no error when its context ends", "select { case <-c: MORE; case <-done: }", "select { case <-c: MORE; case <-done: return nil }"}}},
	{"bulk", "configure", []fault{
		{"the first mistake hides the others", "return ANY1, ANY2, errors.Join(errs...)", "if len(errs) > 0 { return ANY1, ANY2, errs[0] }; return ANY1, ANY2, nil"},
		{"an empty label is reported as a bad parallelism", `"label"`, `"parallelism"`},
		{"bulk: an error about a capacity names no bulkhead", "capacity.problems(label)", `capacity.problems("")`},
	}},
	{"bulk", "OnHandlerPanic", []fault{{"a nil OnHandlerPanic is accepted", "if f == nil { MORE }", ""}}},

	// Status and errors.
	{"bulk", "Totals.countWhileWaiting", []fault{{"expired while waiting counts at arrival", "t.Expired++", "t.ExpiredAtArrival++"}}},
	{"bulk", "Totals.countAtArrival", []fault{{"closed at arrival counts while waiting", "t.ClosedAtArrival++", "t.Closed++"}}},
	{"bulk", "Totals.MeanWait", []fault{{"bulk: the mean wait counts all queued operations", "t.AdmittedFromQueue", "t.Queued"}}},
	{"bulk", "Bulkhead.transitions", []fault{{"Seq forgets the resizes", "ANY + b.resizes", "ANY"}}},
	{"bulk", "AdmissionError.As", []fault{{"errors.As looks at the cause alone", "errors.As(e.ended.cause, target) || errors.As(e.ended.err, target)", "errors.As(e.ended.cause, target)"}}},
	{"bulk", "AdmissionError.Is", []fault{{"a cause that is overload as well is not matched", "return e.ended != nil && ANY", "if _, ok := target.(*AdmissionError); ok { return false }; return e.ended != nil && ANY"}}},
	{"bulk", "Status.QueueUtilization", []fault{{"bulk: a waiting room is never more than full", "float64(s.Waiting) / ANY", "min(1, float64(s.Waiting)/ANY)"}}},

	// Events.
	{"bulk", "Bulkhead.OnEvent", []fault{
		{"a removed handler still has events", "h == added", "false"},
		{"handlers in the wrong order", "append(b.handlers(), added)", "append([]*handler{added}, b.handlers()...)"},
	}},
	{"bulk", "Bulkhead.setHandlers", []fault{{"removing a handler reopens the fast path", "b.closed || ANY", "ANY"}}},
	{"bulk", "Bulkhead.flush", []fault{{"Goexit in a handler keeps granted operations waiting",
		"for op := o.first; op != nil; { MORE1 }; if o.batch == nil { MORE2 }; MORE3; o.batch.listeners.batches.Put(o.batch)",
		"if o.batch != nil { MORE3; o.batch.listeners.batches.Put(o.batch) }; for op := o.first; op != nil; { MORE1 }"}}},
	{"bulk", "Bulkhead.dequeue", []fault{{"the time of queueing is not summed", "b.totals.Queueing = ANY", ""}}},
	{"bulk", "Bulkhead.describe", []fault{{"an operation has the number of each of its events", "about.number == firstEvent", "about.number != 0"}}},
	{"bulk", "Bulkhead.deliverOne", []fault{
		{"the events of an operation are not paired", "op.number = d.event.Op", ""},
		{"a panic of a handler propagates if there is one event", "recover()", "any(nil)"},
		{"a panic of a handler keeps the event from the other handlers", "d.run()", ""},
	}},
	{"bulk", "delivery.call", []fault{{"a panic of a handler propagates", "recover()", "any(nil)"}}},
	{"bulk", "delivery.recovered", []fault{
		{"Goexit in a handler keeps events from the other handlers", "d.run()", ""},
		{"Goexit in a handler of admitted or queued keeps the operation", "d.leave()", ""},
	}},
	{"bulk", "delivery.leave", []fault{
		{"Goexit in a handler of queued returns slots", "case d.event.Kind == EventQueued: MORE", ""},
	}},
	{"bulk", "Bulkhead.reportPanic", []fault{{"a panic of OnHandlerPanic propagates", "defer func() { MORE }()", ""}}},
}
