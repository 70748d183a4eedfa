package main

// fleetFunctions lists the faults of package fleet, which its own tests must catch.
var fleetFunctions = []function{
	// What a member knows.
	{"fleet", "Member.adoptLoaded", []fault{
		{"fleet: an older record is built upon", "case r == nil, ANY1: l.forget(revision); case ANY2: m.adopt(r, revision); case !l.newest.is(r, revision): l.forget(revision)", "case r == nil: l.forget(revision); case r.Count > l.count || r.Epoch != l.epoch: m.adopt(r, revision); case l.record == nil || r.Count < l.count || revision != l.revision: l.count, l.epoch = 0, \"\"; m.adopt(r, revision)"},
		{"fleet: a record that is gone is written with its old revision", "case r == nil, ANY: l.forget(revision)", "case r == nil: ; case r.Epoch == before.epoch && r.Count < before.count: l.forget(revision)"},
		{"fleet: a read of an older record ends the epoch", "case l.record == nil: MORE", "case l.record == nil: l.forget(revision)"},
	}},
	{"fleet", "Member.adopt", []fault{{"fleet: an older record of the watch counts", "case r.Count <= l.count: return", "case r.Count == l.count: return"}}},
	{"fleet", "Member.findOwn", []fault{
		{"fleet: a lease outlives the row", "m.loseLease()", ""},
		{"fleet: a renewal sets no timer", "m.arm()", ""},
		{"fleet: a row that is older than the own write counts", "l.own = -1", ""},
	}},
	{"fleet", "Member.see", []fault{
		{"fleet: a dead member is never seen to be dead", "!seen || s.seq != row.Seq", "s.seq != row.Seq || seen"},
		{"fleet: a renewal is not seen", "!seen || s.seq != row.Seq", "!seen"},
	}},
	{"fleet", "Member.expired", []fault{
		{"fleet: a share is given away before the lease has ended", "time.Duration(row.Lapse)*time.Millisecond", "m.ttl/2"},
		{"fleet: a share is given away without grace", "time.Duration(row.Lapse)*time.Millisecond", "m.ttl"},
		{"fleet: the lease of another member is taken to be as long as the own one", "time.Duration(row.Lapse)*time.Millisecond", "m.lapse()"},
		{"fleet: a dead member keeps its share", "m.clock.now().Sub(s.since) >= ANY", "s.seq == 0"},
	}},
	{"fleet", "Member.learned", []fault{
		{"fleet: a new record is trusted immediately", "m.clock.now().Sub(m.ledger.since) >= m.longestLapse()", "true"},
		{"fleet: a new record is trusted after half a lease", "m.clock.now().Sub(m.ledger.since) >= m.longestLapse()", "m.clock.now().Sub(m.ledger.since) >= m.ttl/2"},
		{"fleet: learning never ends", "m.clock.now().Sub(m.ledger.since) >= m.longestLapse()", "false"},
	}},

	{"fleet", "Member.longestLapse", []fault{{"fleet: long leases of a lost record are forgotten", "max(m.lapse(), m.ledger.lapse)", "m.lapse()"}}},
	{"fleet", "Member.adopt", []fault{{"fleet: long leases are forgotten with the first record after a lost one", "!r.Learning", "true"}}},
	{"fleet", "Member.next", []fault{{"fleet: newcomers do not learn of long leases of a lost record", "r.Lapse = milliseconds(m.longestLapse())", ""}}},

	// The lease.
	{"fleet", "lease.confirm", []fault{
		{"fleet: the lease is longer than the TTL", "a.sent.Add(ttl)", "a.sent.Add(2*ttl)"},
		{"fleet: a write whose answer was lost renews no lease", "a.seq == seq && seq > l.confirmed", "a.seq == seq && seq > l.confirmed && len(l.pending) == 0"},
	}},
	{"fleet", "lease.pendingShare", []fault{{"fleet: an attempt whose outcome is unknown is forgotten", "min(n, a.share)", "max(n, a.share)"}}},
	{"fleet", "Member.expire", []fault{{"fleet: the end of a lease does not resize", "m.resize()", ""}}},
	{"fleet", "Member.share", []fault{
		{"fleet: a member without a lease uses its share", "!m.lease.valid(now)", "!m.lease.valid(now) && m.lease.confirmed == 0"},
		{"fleet: Stop keeps the share", "m.onLost.kind == keep", "m.onLost.kind != safe"},
		{"fleet: Safe stops", "return m.onLost.n", "return 0"},
		{"fleet: Keep stops", "return m.held", "return 0"},
		{"fleet: a member that leaves admits operations", "m.ended != joined", "m.ended == hasLeft"},
		{"fleet: the share of the record is not used", "n = m.keeps(l.record)", "n = m.total"},
	}},

	// The order of a write.
	{"fleet", "Member.write", []fault{
		{"fleet: the bulkhead shrinks after the record", "m.resize()", ""},
		{"fleet: what drains is not charged", "own.Drain = ANY", "_ = inUse"},
		{"fleet: the plan is not kept until the write", "m.plan = planned", "m.plan = noPlan"},
		{"fleet: an attempt is not remembered", "m.lease.pending = append(m.lease.pending, a)", ""},
		{"fleet: an attempt has the number of the last one", "m.lease.seq++", "m.lease.seq = max(1, m.lease.seq)"},
	}},
	{"fleet", "Member.swap", []fault{
		{"fleet: a write is taken for done although its outcome is unknown", "m.fail(err)", "m.fail(err); m.adopt(next, m.ledger.revision+1)"},
		{"fleet: a write is taken for not done although its outcome is unknown", "m.fail(err)", "m.fail(err); m.lease.drop(a.seq)"},
		{"fleet: a write takes effect at the next record", "m.adopt(next, revision)", ""},
	}},
	{"fleet", "Member.round", []fault{
		{"fleet: a conflict is not tried again", "m.sleep(MORE) && m.load(ctx, true)", "false"},
		{"fleet: a retry does not load the record", "m.sleep(MORE) && m.load(ctx, true)", "m.sleep(MORE) && m.load(ctx, false)"},
	}},
	{"fleet", "Member.load", []fault{{"fleet: a record of another version is replaced", "err == nil && revision != 0", "err == nil && revision != 0 && len(text) > 99"}}},
	{"fleet", "Member.next", []fault{
		{"fleet: a new record does not learn", "return &record{Version: recordVersion, Epoch: rand.Text()[:16], Count: 1, Learning: true, Lapse: milliseconds(m.longestLapse()), Rows: []row{own}}", "return &record{Version: recordVersion, Epoch: rand.Text()[:16], Count: 1, Rows: []row{own}}"},
		{"fleet: slots are given out while the record learns", "r.Lapse = milliseconds(m.longestLapse()); return r", "divide(r, m.quiet).raise(r); return r"},
		{"fleet: nobody gets free slots", "divide(r, m.quiet).raise(r)", ""},
		{"fleet: the writes of an epoch are not counted", "r.Count++", ""},
	}},
	{"fleet", "Member.withOwn", []fault{{"fleet: expired rows stay", "row.ID != m.id && !m.expired(row)", "row.ID != m.id"}}},
	{"fleet", "Member.propose", []fault{
		{"fleet: a member that leaves keeps its share", "own.Share, own.Min = 0, 0", ""},
		{"fleet: a member without a row tells nothing", "own.Share, own.Drain = m.share(now), 0", "own.Share, own.Drain = 0*m.share(now), 0"},
		{"fleet: nobody gives anything back", "own.Share = m.keeps(r)", ""},
		{"fleet: turns do not end", "m.turnIsOver()", "false"},
	}},
	{"fleet", "Member.sample", []fault{{"fleet: a write is not prepared", "prepare && ANY", "false && prepare"}}},
	{"fleet", "Member.run", []fault{{"fleet: a member refreshes twice as often", "period := ANY", "period := m.refresh / 2"}}},
	{"fleet", "Join", []fault{{"fleet: a bulkhead admits operations before it has a share", "m.setParallelism()()", ""}}},

	// The division.
	{"fleet", "record.total", []fault{{"fleet: the largest total counts", "row.Total < total", "row.Total > total"}}},
	{"fleet", "row.charge", []fault{{"fleet: what drains is free", "r.Share + r.Drain", "r.Share"}}},
	{"fleet", "division.short", []fault{
		{"fleet: nobody is ever short", "free < 0 || missing > free", "free < 0"},
		{"fleet: a lower total changes nothing", "free < 0 || missing > free", "free >= 0 && missing > free"},
	}},
	{"fleet", "division.raise", []fault{
		{"fleet: more is given out than is free", "free := r.total() - r.charged()", "free := r.total() - r.charged() + 1"},
		{"fleet: a draining row gets its target once more", "goal[i]-row.charge()", "goal[i]-row.Share"},
	}},
	{"fleet", "divide", []fault{
		{"fleet: demands are not met fairly", "d.want = level(total, ANY, demand, order)", "d.want = level(total, reserved, slices.Repeat([]int{total}, n), order)"},
		{"fleet: peaks come before loads", "level(total, reserved, load, order)", "level(total, reserved, reserved, order)"},
		{"fleet: nothing is reserved for an idle member", "minimum[i] = row.Min", "minimum[i] += 0"},
		{"fleet: slots nobody wants are given to nobody", "active > 0 && rest > 0 && !quiet(ANY)", "false"},
		{"fleet: a quiet member gets more slots", "active > 0 && rest > 0 && !quiet(r.Rows[i])", "active > 0 && rest > 0"},
	}},
	{"fleet", "level", []fault{{"fleet: slots that cannot be divided are left", "got[i]++", ""}}},

	// Leave.
	{"fleet", "Member.Follow", []fault{{"fleet: a decision of a limiter holds the share where it is", "if m.bounded > 0 && ANY { MORE }", ""}}},
	{"fleet", "Member.setParallelism", []fault{{"fleet: a member that could not leave sets the parallelism of its successor", "!m.released", "true"}}},
	{"fleet", "Member.beginLeave", []fault{{"fleet: a Leave with an ended context may do nothing", "select { case m.leaving <- struct{}{}: return true; default: }", ""}}},
	{"fleet", "Member.Leave", []fault{
		{"fleet: Leave gives back what is in use", "drained := m.hasDrained() || m.drain(ctx)", "drained := true"},
		{"fleet: Leave does not pause the bulkhead", "m.resize()", ""},
	}},
	{"fleet", "Member.without", []fault{
		{"fleet: Leave keeps the row", "r.Rows = ANY", ""},
		{"fleet: what Leave gives back waits for a refresh", "divide(r, m.quiet).raise(r)", ""},
	}},
	{"fleet", "Member.allowed", []fault{{"fleet: a pause by other code is ended", "m.paused = true", ""}}},
	{"fleet", "row.load", []fault{{"fleet: a row without a load has none", "r.Load == 0", "false"}}},
	{"fleet", "gauge.need", []fault{
		{"fleet: rejected operations are no demand", "need := demand{max(seen.average, offered), ANY}", "need := seen; _ = offered"},
		{"fleet: oversized operations are met by the peak only", "need.average = max(need.average, more)", ""},
		{"fleet: a member gives back what it uses now", "!s.Closed", "false"},
	}},
	{"fleet", "Memory.CompareAndSwap", []fault{{"fleet: the memory overwrites any revision", "present != revision", "false"}}},
}
