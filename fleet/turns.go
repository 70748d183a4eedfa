package fleet

// starving reports whether a member has a demand and no slot.
func (m *Member) starving(r *record) bool {
	for _, row := range r.Rows {
		if row.ID != m.id && row.Demand > 0 && row.charge() == 0 && !m.quiet(row) {
			return true
		}
	}
	return false
}

// turnIsOver reports whether this member has had slots for two refreshes while others
// had none. m.mu is held.
func (m *Member) turnIsOver() bool { return m.turns >= 2 && m.starving(m.ledger.record) }

// countTurn counts the refreshes of a turn. m.mu is held.
func (m *Member) countTurn(r *record) {
	own := r.index(m.id)
	if own < 0 || r.Rows[own].Share == 0 || !m.starving(r) {
		m.turns = 0
		return
	}
	m.turns++
}
