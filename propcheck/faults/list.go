package main

// fault is one small mistake that somebody could make: in file, the one
// occurrence of right becomes wrong.
type fault struct {
	name, file, right, wrong string
}

// faults are those of packages bulk and registry. Each must be caught by the
// machine for its package: see testsFor.
var faults = []fault{
	// Who is admitted.
	{"a done context is admitted", "bulk/run.go", "return len(limits) == 0 && ctx.Err() == nil", "return len(limits) == 0"},
	{"closed before a done context", "bulk/admit.go", "\tif ended != nil {\n\t\treturn turnAway, Cancelled\n\t}\n\t// 2.\n\tif b.closed {\n\t\treturn turnAway, Closed\n\t}", "\tif b.closed {\n\t\treturn turnAway, Closed\n\t}\n\tif ended != nil {\n\t\treturn turnAway, Cancelled\n\t}"},
	{"a closed bulkhead admits", "bulk/admit.go", "\tif b.closed {\n\t\treturn turnAway, Closed\n\t}\n", ""},
	{"as many slots as there are is too many", "bulk/admit.go", "if a.slots > b.capacity.Parallelism {", "if a.slots >= b.capacity.Parallelism {"},
	{"one more slot than there are is not too many", "bulk/admit.go", "if a.slots > b.capacity.Parallelism {", "if a.slots > b.capacity.Parallelism+1 {"},
	{"exactly at Before is in time", "bulk/admit.go", "if left <= 0 {\n\t\t\treturn false", "if left < 0 {\n\t\t\treturn false"},
	{"exactly the reserve is too little", "bulk/admit.go", "if left < reserve {", "if left <= reserve {"},
	{"the reserve doesn't shorten the wait", "bulk/admit.go", "a.allowed = min(a.allowed, int64(left-reserve))", ""},
	{"Before doesn't bound the wait", "bulk/admit.go", "a.allowed = min(a.allowed, int64(left))\n", ""},
	{"Within extends the wait limit", "bulk/admit.go", "\t\tallowed = min(allowed, int64(limit))", "\t\tif allowed == never {\n\t\t\tallowed = int64(limit)\n\t\t}"},
	{"the wait limit is forgotten", "bulk/admit.go", "\t\tallowed = min(allowed, int64(limit))", ""},
	{"the wait limit is a nanosecond longer", "bulk/admit.go", "\t\tallowed = min(allowed, int64(limit))", "\t\tallowed = min(allowed, int64(limit)+1)"},
	{"a wait of centuries is over at once", "bulk/admit.go", "op.deadline = add(op.arrived, allowed)", "if op.deadline = op.arrived + allowed; allowed == never {\n\t\top.deadline = never\n\t}"},
	{"a small operation overtakes", "bulk/admit.go", "return b.room.head == nil && slots <= b.capacity.Parallelism-b.inUse", "return slots <= b.capacity.Parallelism-b.inUse"},
	{"one slot too many", "bulk/admit.go", "return b.room.head == nil && slots <= b.capacity.Parallelism-b.inUse", "return b.room.head == nil && slots <= b.capacity.Parallelism-b.inUse+1"},
	{"one slot too few", "bulk/admit.go", "return b.room.head == nil && slots <= b.capacity.Parallelism-b.inUse", "return b.room.head == nil && slots < b.capacity.Parallelism-b.inUse"},
	{"one place too many", "bulk/admit.go", "if b.room.len >= b.capacity.WaitingRoom || a.bounds", "if b.room.len > b.capacity.WaitingRoom || a.bounds"},
	{"Now waits", "bulk/admit.go", "|| a.bounds != nil && a.impatient() {", "{"},
	{"no time left is saturated", "bulk/admit.go", "\tif a.allowed == 0 {\n\t\treturn turnAway, Expired", "\tif a.allowed == 0 {\n\t\treturn turnAway, Saturated"},
	{"no time left waits all the same", "bulk/admit.go", "\tif a.allowed == 0 {\n\t\treturn turnAway, Expired\n\t}\n", ""},
	{"the fast way out forgets to count", "bulk/admit.go", "\t\tb.totals.Saturated++\n\t\terr := b.errorOf(Saturated, slots, 0, nil)", "\t\terr := b.errorOf(Saturated, slots, 0, nil)"},
	{"the fast way out says oversized", "bulk/admit.go", "err := b.errorOf(Saturated, slots, 0, nil)", "err := b.errorOf(Oversized, slots, 0, nil)"},
	{"a place is not counted as queued", "bulk/admit.go", "\tb.totals.Queued++\n", ""},
	{"the peak of the room is missed", "bulk/admit.go", "\tb.peak.Waiting = max(b.peak.Waiting, b.room.len)\n", ""},
	{"the peak of the slots is missed", "bulk/admit.go", "\t\tb.peak.InUse = max(b.peak.InUse, b.inUse)\n", ""},
	{"an arrival turned away makes no event", "bulk/admit.go", "\t\tb.note(&j, reason.event(), slots, false, 0)\n", ""},
	{"queued makes no event", "bulk/admit.go", "\tb.note(j, EventQueued, op.slots, false, 0)\n", ""},

	// The room and the alarm.
	{"last in, first out", "bulk/room.go", "\top.prev = r.tail\n\tif r.tail == nil {\n\t\tr.head = op\n\t} else {\n\t\tr.tail.next = op\n\t}\n\tr.tail = op\n", "\top.next = r.head\n\tif r.head == nil {\n\t\tr.tail = op\n\t} else {\n\t\tr.head.prev = op\n\t}\n\tr.head = op\n"},
	{"whoever leaves the middle takes the rest along", "bulk/room.go", "\t\top.next.prev = op.prev\n", "\t\tr.tail, op.next.prev = op.next, op.prev\n"},
	{"the alarm never rings", "bulk/alarm.go", "\ta.set(now)\n}\n\n// set sees", "}\n\n// set sees"},
	{"an earlier deadline doesn't move the alarm", "bulk/alarm.go", "a.keys[0].key >= a.rings {", "a.rings != never {"},
	{"the alarm rings once", "bulk/alarm.go", "\ta.rings = never\n\ta.set(now)\n", "\ta.rings = never\n"},
	{"a record keeps the key of its last use", "bulk/alarm.go", "\tcase op.key > op.deadline:\n", "\tcase op.key > op.deadline && false:\n"},
	{"an early key is taken for a deadline", "bulk/alarm.go", "case op.deadline <= now:", "case op.key <= now:"},

	// Hand-over, leaving, finishing.
	{"a hand-over beats cancellation", "bulk/handover.go", "\tcase end != nil:\n\t\treturn nil, b.abandon(op, end)\n", ""},
	{"expired before cancelled at the same instant", "bulk/handover.go", "if done == nil || !b.endsWithin(ctx, op.deadline) {", "if true {"},
	{"cancelled is counted as expired", "bulk/handover.go", "\tif end != nil {\n\t\treason = Cancelled\n\t}\n", ""},
	{"an abandoned slot is lost", "bulk/handover.go", "\tb.inUse -= op.slots\n\tb.totals.Abandoned++\n", "\tb.totals.Abandoned++\n"},
	{"abandoned is not counted", "bulk/handover.go", "\tb.inUse -= op.slots\n\tb.totals.Abandoned++\n", "\tb.inUse -= op.slots\n\tb.totals.Finished++\n"},
	{"abandoned makes no event", "bulk/handover.go", "\tb.note(&j, EventAbandoned, op.slots, op.queued, 0)\n", ""},
	{"whoever leaves grants nobody", "bulk/handover.go", "\terr := b.refuse(reason, op, end, &j)\n\tb.giveBack(op)\n\tb.settle(&j)\n", "\terr := b.refuse(reason, op, end, &j)\n\tb.giveBack(op)\n"},
	{"whoever abandons grants nobody", "bulk/handover.go", "\terr := b.errorOf(Cancelled, op.slots, 0, end)\n\tb.giveBack(op)\n\tb.settle(&j)\n", "\terr := b.errorOf(Cancelled, op.slots, 0, end)\n\tb.giveBack(op)\n"},
	{"what was decided is not heard before the record is used again", "bulk/handover.go", "\t\tif why = op.hear(); end == nil {", "\t\tif why = handedOver; end == nil {"},
	{"a release grants nobody", "bulk/handover.go", "\tb.note(&j, EventReleased, slots, queued, 0)\n\tb.settle(&j)\n", "\tb.note(&j, EventReleased, slots, queued, 0)\n"},
	{"a release grants one at most", "bulk/handover.go", "for op := b.room.head; op != nil && op.slots <= b.capacity.Parallelism-b.inUse; op = b.room.head {", "if op := b.room.head; op != nil {"},
	{"the head is granted what isn't there", "bulk/handover.go", "for op := b.room.head; op != nil && op.slots <= b.capacity.Parallelism-b.inUse; op = b.room.head {", "for op := b.room.head; op != nil && b.inUse < b.capacity.Parallelism; op = b.room.head {"},
	{"a plain release wakes nobody", "bulk/run.go", "if op != nil || b.room.head != nil || b.watched {", "if op != nil || b.watched {"},
	{"a plain release makes no event", "bulk/run.go", "if op != nil || b.room.head != nil || b.watched {", "if op != nil || b.room.head != nil {"},
	{"released makes no event", "bulk/handover.go", "\tb.note(&j, EventReleased, slots, queued, 0)\n", "\t_ = queued\n"},
	{"released is told twice", "bulk/handover.go", "\tb.note(&j, EventReleased, slots, queued, 0)\n", "\tb.note(&j, EventReleased, slots, queued, 0)\n\tb.note(&j, EventReleased, slots, queued, 0)\n"},
	{"a wait is not summed", "bulk/handover.go", "\tt.Wait = time.Duration(add(int64(t.Wait), int64(d)))\n", ""},
	{"a wait is missing in the histogram", "bulk/handover.go", "\tb.waits[bucketOf(d)]++\n", ""},
	{"drained while one is in flight", "bulk/handover.go", "if b.closed && !b.drained && b.inFlight() == 0 {", "if b.closed && !b.drained && b.inFlight() <= 1 {"},
	{"a panic costs the slot", "bulk/run.go", "\tdefer func() {\n\t\tb.mu.Lock()\n\t\tif op", "\tdefer func() {\n\t\tif r := recover(); r != nil {\n\t\t\tpanic(r)\n\t\t}\n\t\tb.mu.Lock()\n\t\tif op"},
	{"RunN frees one slot only", "bulk/run.go", "b.release(op, n)", "b.release(op, 1)"},

	// Slots.
	{"a second Release frees again", "bulk/slot.go", "if s.op.turn != s.turn {", "if false {"},
	{"a reused record is freed by a stale Slot", "bulk/operation.go", "\top.turn++\n", "\tif op.turn == 0 {\n\t\top.turn++\n\t}\n"},

	{"a record says queued for its last use", "bulk/operation.go", "\top.queued = false\n", ""},

	// Change and end.
	{"growing wakes nobody", "bulk/capacity.go", "\t\tb.settle(&j)\n", ""},
	{"a shrink leaves who can't fit", "bulk/capacity.go", "\t\tb.turnOut(Oversized, func(op *operation) bool { return op.slots > c.Parallelism }, &j)\n", ""},
	{"a shrink turns out who just fits", "bulk/capacity.go", "op.slots > c.Parallelism", "op.slots >= c.Parallelism"},
	{"setting what is set is an event", "bulk/capacity.go", "if c != old {", "if true {"},
	{"a closed bulkhead is resized", "bulk/capacity.go", "\tif b.closed {\n\t\tb.mu.Unlock()\n\t\treturn fmt", "\tif false {\n\t\tb.mu.Unlock()\n\t\treturn fmt"},
	{"resized without what was before", "bulk/capacity.go", "Event{Kind: EventResized, Previous: old}", "Event{Kind: EventResized, Previous: c}"},
	{"close leaves those who wait", "bulk/close.go", "\t\tb.turnOut(Closed, func(*operation) bool { return true }, &j)\n", ""},
	{"an idle bulkhead is never drained", "bulk/close.go", "\t\tb.settle(&j)\n", ""},
	{"closing twice is told twice", "bulk/close.go", "\tif !b.closed {\n\t\tb.closed, b.watched = true, true\n", "\tif !b.drained {\n\t\tb.closed, b.watched = true, true\n"},
	{"who asked for Done before the drain waits for ever", "bulk/close.go", "\tif b.done != nil {\n\t\tclose(b.done)\n\t}\n", "\tif b.done != nil {\n\t\tb.done = make(chan struct{})\n\t\tclose(b.done)\n\t}\n"},
	{"the first mistake hides the others", "bulk/config.go", "\treturn c, capacity, errors.Join(errs...)", "\tif len(errs) > 0 {\n\t\treturn c, capacity, errs[0]\n\t}\n\treturn c, capacity, nil"},
	{"an empty label is told as another mistake", "bulk/config.go", "ConfigError{Field: \"label\"", "ConfigError{Field: \"parallelism\""},
	{"a nil OnHandlerPanic is accepted", "bulk/config.go", "\t\tif f == nil {\n\t\t\treturn &ConfigError{Field: \"handler\", Problem: \"must not be nil\"}\n\t\t}\n", ""},
	{"giving up is not noticed", "bulk/close.go", "\tcase <-done:\n\t}\n", "\tcase <-done:\n\t\treturn nil\n\t}\n"},

	// Seeing.
	{"expired while waiting counts at arrival", "bulk/totals.go", "\t\tt.Expired++\n", "\t\tt.ExpiredAtArrival++\n"},
	{"closed at arrival counts while waiting", "bulk/totals.go", "\t\tt.ClosedAtArrival++\n", "\t\tt.Closed++\n"},
	{"a shared error is kept too long", "bulk/refusal.go", "last.InUse == b.inUse && last.Waiting == b.room.len && ", "last.InUse == b.inUse && "},
	{"Seq forgets the resizes", "bulk/bulkhead.go", " + b.resizes\n", "\n"},
	{"errors.As looks at the cause alone", "bulk/refusal.go", "(errors.As(e.ended.cause, target) || errors.As(e.ended.err, target))", "errors.As(e.ended.cause, target)"},
	{"a cause that is overload as well is not matched", "bulk/refusal.go", "\treturn e.ended != nil && (errors.Is(e.ended.err, target) ||", "\tif _, ok := target.(*AdmissionError); ok {\n\t\treturn false\n\t}\n\treturn e.ended != nil && (errors.Is(e.ended.err, target) ||"},
	{"a room is never more than full", "bulk/status.go", "return float64(s.Waiting) / float64(s.Capacity.WaitingRoom)", "return min(1, float64(s.Waiting)/float64(s.Capacity.WaitingRoom))"},
	{"the mean wait is that of all who queued", "bulk/totals.go", "mean(t.Wait, t.AdmittedFromQueue)", "mean(t.Wait, t.Queued)"},
	{"a handler that was removed still hears", "bulk/handlers.go", "func(h *handler) bool { return h == added }", "func(h *handler) bool { return false }"},
	{"taking a handler off reopens", "bulk/handlers.go", "b.watched = b.closed || len(handlers) > 0", "b.watched = len(handlers) > 0"},
	{"handlers in the wrong order", "bulk/handlers.go", "b.listen(append(slices.Clip(b.handlers), added))", "b.listen(append([]*handler{added}, b.handlers...))"},
	{"a panic of a handler goes on up", "bulk/handlers.go", "if r := recover(); r != nil {", "if r := any(nil); r != nil {"},

	// Registry.
	{"registry: a taken label is accepted", "registry/create.go", "return nil, about(label, ErrDuplicate)", "return b, nil"},
	{"registry: the second of a race wins too", "registry/create.go", "\tif first, exists := r.members[label]; exists {\n\t\treturn first, false, nil\n\t}\n", ""},
	{"registry: the last created is the first", "registry/create.go", "r.order = append(r.order, b)", "r.order = append([]*bulk.Bulkhead{b}, r.order...)"},
	{"registry: defaults are forgotten", "registry/create.go", "slices.Concat(r.defaults, opts)", "slices.Concat(nil, opts)"},
	{"registry: defaults come last", "registry/create.go", "slices.Concat(r.defaults, opts)", "slices.Concat(opts, r.defaults)"},
	{"registry: one that exists is resized", "registry/create.go", "\tcase exists:\n\t\treturn b, false, nil\n", "\tcase exists:\n\t\treturn b, false, b.Resize(parallelism)\n"},
	{"registry: a closed registry hides its members", "registry/create.go", "\tcase exists:\n", "\tcase exists && !closed:\n"},
	{"registry: close allows creation", "registry/remove.go", "\tr.closed = true\n", ""},
	{"registry: close leaves the last one out", "registry/remove.go", "\tview := r.order\n", "\tview := r.order[:max(len(r.order)-1, 0)]\n"},
	{"registry: forgotten before it is drained", "registry/remove.go", "\tif err := b.Shutdown(ctx); err != nil {\n\t\treturn err\n\t}\n", "\t_ = b.Close()\n"},
	{"registry: forgotten though the remover gave up", "registry/remove.go", "\tif err := b.Shutdown(ctx); err != nil {\n\t\treturn err\n\t}\n\tr.mu.Lock()\n\tdefer r.mu.Unlock()\n", "\terr := b.Shutdown(ctx)\n\tr.mu.Lock()\n\tdefer r.mu.Unlock()\n\tif err != nil {\n\t\tdelete(r.members, label)\n\t\treturn err\n\t}\n"},
	{"registry: removed, and not closed", "registry/remove.go", "\tif err := b.Shutdown(ctx); err != nil {", "\tif err := b.Wait(ctx); b.Status().InFlight > 0 && err != nil {"},
	{"registry: a view changes under a loop", "registry/remove.go", "slices.DeleteFunc(slices.Clone(r.order), func", "slices.DeleteFunc(r.order, func"},
	{"registry: shutdown names one only", "registry/remove.go", "errs = append(errs, b.Wait(ctx))", "errs = append(errs[:0], b.Wait(ctx))"},
	{"registry: shutdown closes nothing", "registry/remove.go", "\t_ = r.Close() // always nil\n\tvar errs", "\tvar errs"},
	{"registry: apply sets before it has checked", "registry/apply.go", "\t\tchanges = append(changes, change{b, part})\n", "\t\tif ok {\n\t\t\t_ = seam.SetPart(b, part)\n\t\t}\n\t\tchanges = append(changes, change{b, part})\n"},
	{"registry: apply doesn't check values", "registry/apply.go", "for _, err := range problems(part) {", "for _, err := range problems(part)[:0] {"},
	{"registry: apply stops at a closed one", "registry/apply.go", "{ closed = append(closed, seam.SetPart(c.member, c.part)) }", "{\n\t\tif errors.Join(closed...) == nil {\n\t\t\tclosed = append(closed, seam.SetPart(c.member, c.part))\n\t\t}\n\t}"},
	{"registry: apply forgets the wait limit", "registry/apply.go", ", WaitLimit: &c.WaitLimit}", "}"},
	{"registry: a field that is absent in JSON becomes zero", "registry/applyjson.go", "\tvar part seam.Part\n", "\tpart := seam.Part{WaitingRoom: new(int)}\n"},
	{"registry: an unknown field in JSON is ignored", "registry/applyjson.go", "\t\t\terr = odd(\"capacity\", field, \"there is only parallelism waiting_room wait_limit\")\n", ""},

	// Keyed: leases.
	{"keyed: a panic costs the lease", "registry/runkey.go", "\tdefer k.leave(e)\n\treturn bulk.Run(ctx, e.bulkhead, fn, limits...)", "\tv, err := bulk.Run(ctx, e.bulkhead, fn, limits...)\n\tk.leave(e)\n\treturn v, err"},
	{"keyed: the lease of RunKey is not given back", "registry/runkey.go", "\tdefer k.leave(e)\n\treturn bulk.Run(ctx, e.bulkhead, fn, limits...)", "\treturn bulk.Run(ctx, e.bulkhead, fn, limits...)"},
	{"keyed: the lease of GuardKey is not given back", "registry/runkey.go", "\t\tdefer k.leave(e)\n", ""},
	{"keyed: who gets no slot keeps the lease", "registry/runkey.go", "admitted = err == nil", "admitted = true"},
	{"keyed: the lease ends when the slot is there", "registry/runkey.go", "admitted = err == nil", "admitted = err == nil && false"},
	{"keyed: a known key is found without a lease", "registry/lease.go", "\te.leases++\n", ""},
	{"keyed: a key in use stays in the list of idle ones", "registry/lease.go", "\tif e.leases == 0 {\n\t\tk.idle.remove(e)\n\t}\n", ""},
	{"keyed: idle from the first use on", "registry/lease.go", "\t\te.since = now\n", "\t\tif e.since == 0 {\n\t\t\te.since = now\n\t\t}\n"},

	// Keyed: making and evicting.
	{"keyed: a key in use is evicted", "registry/evict.go", "if e == nil || e.leases > 0 {", "if e == nil {"},
	{"keyed: the newest makes room", "registry/newkey.go", "victim = k.forget(k.idle.oldest)", "victim = k.forget(k.idle.newest)"},
	{"keyed: one key too many", "registry/newkey.go", "full := len(k.keys) == k.maxKeys", "full := len(k.keys) > k.maxKeys"},
	{"keyed: one key too few", "registry/newkey.go", "full := len(k.keys) == k.maxKeys", "full := len(k.keys) >= max(k.maxKeys-1, 1)"},
	{"keyed: the second of a race makes one too", "registry/newkey.go", "\t\tif e := k.find(key); e != nil {\n\t\t\tk.mu.Unlock()\n\t\t\treturn e, nil\n\t\t}\n\t\tif k.closed", "\t\tif k.closed"},
	{"keyed: what is lost makes a key", "registry/newkey.go", "\tif late(ctx, limits) {\n", "\tif late(ctx, limits) && false {\n"},
	{"keyed: exactly IdleAfter is too short", "registry/evict.go", "now-e.since >= k.idleAfter", "now-e.since > k.idleAfter"},
	{"keyed: a nanosecond before IdleAfter is enough", "registry/evict.go", "now-e.since >= k.idleAfter", "now-e.since >= k.idleAfter-1"},
	{"keyed: who leaves the middle cuts the list of idle ones", "registry/idle.go", "e.older.newer = e.newer", "l.newest, e.older.newer = e.older, nil"},
	{"keyed: who goes takes the last one along", "registry/evict.go", "\tk.all[e.place] = k.all[last]\n\tk.all[e.place].place = e.place\n", ""},
	{"keyed: an evicted bulkhead stays open", "registry/newkey.go", "\t_ = victim.Close() // always nil\n", ""},

	// Keyed: seeing and ending.
	{"keyed: the totals of evicted ones are lost", "registry/evict.go", "\tk.retired = k.retired.Plus(e.bulkhead.Status().Totals)\n", ""},
	{"keyed: the door is not counted", "registry/keyedstatus.go", "\tadd(k.door.Status())\n", ""},
	{"keyed: too many is not counted", "registry/newkey.go", "\t\t\tk.tooManyKeys++\n", ""},
	{"keyed: close leaves who waits", "registry/keyedclose.go", "{ _ = e.bulkhead.Close() }", "{}"},
	{"keyed: close allows new keys", "registry/keyedclose.go", "\tk.closed = true\n", ""},
	{"keyed: the DrainError counts one key only", "registry/keyedclose.go", "sum.InFlight += drain.InFlight", "sum.InFlight = drain.InFlight"},
	{"keyed: too many is no overload", "registry/toomany.go", "return target == bulk.ErrNotStarted || target == bulk.ErrOverload", "return target == bulk.ErrNotStarted"},
}
