package main

import "slices"

// fault is a possible mistake: wrong instead of right. Both are
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

// functions lists the faults of packages bulk, registry and fleet. The machine for the
// package, or the tests of package bulk or fleet, must catch each of them: see testsFor.
var functions = slices.Concat(bulkFunctions, registryFunctions, featureFunctions, fleetFunctions)

// registryFunctions lists the faults of package registry.
var registryFunctions = []function{
	// Registry.
	{"registry", "create", []fault{{"registry: a taken label is accepted", "err = takenError(MORE)", ""}}},
	{"registry", "Registry.newBulkhead", []fault{
		{"registry: defaults are forgotten", "slices.Concat(r.defaults, opts)", "slices.Concat(nil, opts)"},
		{"registry: defaults come last", "slices.Concat(r.defaults, opts)", "slices.Concat(opts, r.defaults)"},
	}},
	{"registry", "Registry.GetOrCreate", []fault{{"registry: GetOrCreate resizes an existing member", "return b, nil", "return b, b.Resize(parallelism)"}}},
	{"registry", "Registry.getOrCreate", []fault{
		{"registry: both goroutines of a race create the member", "if first, exists := r.members[label]; exists { MORE }", ""},
		{"registry: the newest member comes first", "append(r.order, m)", "append([]member{m}, r.order...)"},
		{"registry: a closed registry hides its members", "case exists: MORE", "case exists && !closed: MORE"},
		{"registry: a member created during Close stays open", "if r.closed { MORE }", ""},
	}},
	{"registry", "Registry.Close", []fault{
		{"registry: close allows creation", "r.closed = true", ""},
		{"registry: close skips the newest member", "view := r.order", "view := r.order[:max(len(r.order)-1, 0)]"},
	}},
	{"registry", "Registry.Remove", []fault{
		{"registry: a member is forgotten before it is drained", "if err := m.Shutdown(ctx); err != nil { MORE }", "_ = m.Close()"},
		{"registry: a member is forgotten although Remove gave up", "if err := m.Shutdown(ctx); err != nil { MORE }", "if err := m.Shutdown(ctx); err != nil { r.mu.Lock(); defer r.mu.Unlock(); delete(r.members, label); MORE }"},
		{"registry: a removed member is not closed", "if err := m.Shutdown(ctx); err != nil { MORE }", "if m.Report().Status.InFlight > 0 { if err := m.Shutdown(ctx); err != nil { MORE } }"},
		{"registry: a view changes under a loop", "slices.Clone(r.order)", "r.order"},
	}},
	{"registry", "Registry.Shutdown", []fault{
		{"registry: shutdown reports only one member", "append(errs, ANY)", "append(errs[:0], ANY)"},
		{"registry: shutdown closes nothing", "_ = r.Close()", ""},
	}},
	{"registry", "changes.add", []fault{
		{"registry: apply sets values before all are checked", "all.list = append(all.list, ANY)", "if ok { _ = m.UpdateCapacity(func(bulk.Capacity) bulk.Capacity { return c }) }; all.list = append(all.list, ANY)"},
		{"registry: apply doesn't check values", "err = c.Validate()", "_ = c"},
	}},
	{"registry", "changes.apply", []fault{{"registry: apply stops at a closed member", "failed = append(failed, ANY)", "if errors.Join(failed...) == nil { failed = append(failed, ANY) }"}}},
	{"registry", "Registry.ApplyJSON", []fault{{"registry: a field that is absent in JSON becomes zero", "err := c.UnmarshalJSON(value)", "c = bulk.Capacity{Parallelism: c.Parallelism}; err := c.UnmarshalJSON(value)"}}},

	// Keyed: leases.
	{"registry", "runKey", []fault{
		{"keyed: a panic costs the lease", "defer k.leave(e); MORE; return ANY", "MORE; v, err := ANY; k.leave(e); return v, err"},
		{"keyed: the lease of RunKey is not given back", "defer k.leave(e)", ""},
	}},
	{"registry", "GuardKey", []fault{{"keyed: the lease of GuardKey is not given back", "defer k.leave(e)", ""}}},
	{"registry", "Keyed.acquire", []fault{
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
		{"keyed: the totals of evicted keys are lost", "hooks.AddStatus(&k.retired, ANY, false)", "hooks.AddStatus(new(bulk.Status), ANY, false)"},
	}},
	{"registry", "Keyed.closeEvicted", []fault{{"keyed: an evicted bulkhead stays open", "_ = evicted.Close()", ""}}},

	// Keyed: status and close.
	{"registry", "Keyed.Status", []fault{{"keyed: rejections without a key are not counted", "own := hooks.AddStatus(&sum, k.rejector, false)", "own := false"}}},
	{"registry", "Keyed.closeKeys", []fault{
		{"keyed: close keeps waiting operations", "_ = e.bulkhead.Close()", ""},
		{"keyed: close allows new keys", "k.closed = true", ""},
	}},
	{"registry", "Keyed.Shutdown", []fault{{"keyed: the DrainError counts only one key", "sum.InFlight += ANY", "sum.InFlight = ANY"}}},
	{"registry", "tooManyKeys.Is", []fault{{"keyed: ErrTooManyKeys is not ErrOverload", "ANY || target == bulk.ErrOverload", "ANY"}}},
}
