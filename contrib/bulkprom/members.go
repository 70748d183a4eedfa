package bulkprom

import (
	"cmp"
	"slices"

	"github.com/bulklink/bulklink-go/contrib/internal/identity"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/prometheus/client_golang/prometheus"
)

// Member collects m as bulkhead_fleet_*. The label "budget" is its budget, and the label
// "bulkhead" that of its bulkhead. Only what m itself has is collected: the other members
// are collected by their own processes. A nil m panics.
func Member(m *fleet.Member) Option {
	mustHave(m != nil, "Member: nil member")
	return Members(func() []*fleet.Member { return []*fleet.Member{m} })
}

// Members collects the members that f returns. It is called once for each scrape, and
// must be safe for concurrent use. A member that is nil or was returned before is left
// out. A nil f panics.
func Members(f func() []*fleet.Member) Option {
	mustHave(f != nil, "Members: nil function")
	return func(c *Config) error {
		c.members = append(c.members, f)
		return nil
	}
}

func describeMember(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bulkhead_fleet_"+name, help, append([]string{"bulkhead", "budget"}, labels...), nil)
}

var (
	budget    = describeMember("budget_slots", "Number of slots of the whole budget, as this member knows it. Do not add it up over members.")
	share     = describeMember("share_slots", "Slots that the member may use while it has a lease.")
	draining  = describeMember("draining_slots", "Slots that were in use above the share at the last write.")
	mean      = describeMember("load_slots", "Slots that the member could use on average, as published last.")
	wanted    = describeMember("demand_slots", "Slots that the member could use at its peak, as published last.")
	lease     = describeMember("lease_seconds", "Time until the lease ends unless it is renewed, 0 without a lease.")
	state     = describeMember("state", "1 for the state of the member, 0 for the others.", "state")
	writes    = describeMember("writes_total", "Writes of the record that the member made.")
	conflicts = describeMember("conflicts_total", "Writes that were not made because another member had written before. The member tried again.")
	failures  = describeMember("failures_total", "Requests that the store answered with another error, or not.")
	losses    = describeMember("losses_total", "How often the lease was lost.")

	ofMembers = []*prometheus.Desc{budget, share, draining, mean, wanted, lease, state, writes, conflicts, failures, losses}
)

var memberIDs identity.Numbers[fleet.Member]

// readMembers returns each member one time, in the order in which they were seen first.
func (c Config) readMembers() (members []*fleet.Member) {
	for _, f := range c.members {
		members = append(members, f()...)
	}
	members = slices.DeleteFunc(members, func(m *fleet.Member) bool { return m == nil })
	slices.SortStableFunc(members, func(a, b *fleet.Member) int { return cmp.Compare(memberIDs.Of(a), memberIDs.Of(b)) })
	return slices.Compact(members)
}

func (c *Collector) collectMembers(ch chan<- prometheus.Metric) {
	names := newNames()
	for _, member := range c.config.readMembers() {
		s := member.Status()
		m := metrics{ch: ch, values: []string{names.unique(s.Label, memberIDs.Of(member)), clean(s.Budget)}}
		m.level(budget, float64(s.Total))
		m.level(share, float64(s.Share))
		m.level(draining, float64(s.Drain))
		m.level(mean, float64(s.Load))
		m.level(wanted, float64(s.Demand))
		m.level(lease, s.Lease.Seconds())
		for i := fleet.Joining; i <= fleet.Gone; i++ {
			m.level(state, oneIf(s.State == i), i.String())
		}
		m.total(writes, s.Writes)
		m.total(conflicts, s.Conflicts)
		m.total(failures, s.Failures)
		m.total(losses, s.Losses)
	}
}
