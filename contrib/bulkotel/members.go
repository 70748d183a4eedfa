package bulkotel

import (
	"errors"
	"strings"

	"github.com/bulklink/bulklink-go/fleet"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Member observes m in the instruments bulkhead.fleet.*. Only what m itself has is
// observed: the other members are observed by their own processes. A nil m panics.
func Member(m *fleet.Member) Option {
	mustHave(m != nil, "Member: nil member")
	return Members(func() []*fleet.Member { return []*fleet.Member{m} })
}

// Members observes the members that f returns. It is called once for each collection, and
// must be safe for concurrent use. A member that is nil or was returned before is left
// out. A nil f panics.
func Members(f func() []*fleet.Member) Option {
	mustHave(f != nil, "Members: nil function")
	return func(c *Config) error {
		c.members = append(c.members, f)
		return nil
	}
}

type memberInstruments struct {
	all []metric.Observable

	budget, share, draining, load, demand, state, writes, conflicts, failures, losses metric.Int64Observable

	lease metric.Float64Observable
}

func newMemberInstruments(meter metric.Meter) (memberInstruments, error) {
	m := maker{meter: meter, prefix: "bulkhead.fleet."}
	in := memberInstruments{
		budget:    m.level("slot.limit", "{slot}", "Number of slots of the whole budget, as this member knows it. Do not add it up over members."),
		share:     m.amount("slot.share", "{slot}", "Slots that the member may use while it has a lease."),
		draining:  m.amount("slot.draining", "{slot}", "Slots that were in use above the share at the last write."),
		load:      m.amount("slot.load", "{slot}", "Slots that the member could use on average, as published last."),
		demand:    m.amount("slot.demand", "{slot}", "Slots that the member could use at its peak, as published last."),
		lease:     m.duration("lease.remaining", "Time until the lease ends unless it is renewed, 0 without a lease."),
		losses:    m.count("lease.lost", "{lease}", "How often the lease was lost."),
		state:     m.amount("status", "1", "1 for the state of the member, 0 for the others."),
		writes:    m.count("record.written", "{write}", "Writes of the record that the member made."),
		conflicts: m.count("record.conflicts", "{write}", "Writes that were not made because another member had written before. The member tried again."),
		failures:  m.count("store.failures", "{request}", "Requests that the store answered with another error, or not."),
	}
	in.all = m.all
	return in, errors.Join(m.errs...)
}

func (in memberInstruments) observe(o metric.Observer, c Config) {
	seen := map[*fleet.Member]bool{}
	for _, f := range c.members {
		for _, m := range f() {
			if m != nil && !seen[m] {
				seen[m] = true
				in.observeMember(o, m.Status())
			}
		}
	}
}

// observeMember observes a member. Its ID is used by no other member.
func (in memberInstruments) observeMember(to metric.Observer, s fleet.Status) {
	o := observerOf(to, nameOf(s.Label),
		attribute.String("bulkhead.fleet.budget", strings.ToValidUTF8(s.Budget, "\uFFFD")),
		attribute.String("bulkhead.fleet.member.name", strings.ToValidUTF8(s.Name, "\uFFFD")),
		attribute.String("bulkhead.fleet.member.id", strings.ToValidUTF8(s.ID, "\uFFFD")))
	o.integer(in.budget, s.Total)
	o.integer(in.share, s.Share)
	o.integer(in.draining, s.Drain)
	o.integer(in.load, s.Load)
	o.integer(in.demand, s.Demand)
	o.seconds(in.lease, s.Lease.Seconds())
	for state := fleet.Joining; state <= fleet.Gone; state++ {
		o.oneIf(in.state, attribute.String("bulkhead.fleet.state", state.String()), s.State == state)
	}
	o.count(in.writes, s.Writes)
	o.count(in.conflicts, s.Conflicts)
	o.count(in.failures, s.Failures)
	o.count(in.losses, s.Losses)
}
