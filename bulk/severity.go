package bulk

import "fmt"

// Severity says how much a [Finding] matters. They are ordered, and may be
// compared with < and >.
type Severity uint8

const (
	SeverityOK       Severity = iota // nothing to say
	SeverityNotice                   // worth knowing
	SeverityWarning                  // somebody waits or is turned away, or soon will be
	SeverityCritical                 // many are turned away
)

var severities = words{"ok", "notice", "warning", "critical"}

// String returns the severity as one lower-case word, the same as in JSON.
func (s Severity) String() string {
	if int(s) >= len(severities) {
		return fmt.Sprintf("severity(%d)", uint8(s))
	}
	return severities[s]
}

// MarshalText returns the word of String. A severity that doesn't exist is a
// [*ConfigError].
func (s Severity) MarshalText() ([]byte, error) {
	if int(s) >= len(severities) {
		return nil, &ConfigError{Field: "severity", Value: uint8(s), Problem: fmt.Sprintf("must be from 0 to %d", len(severities)-1)}
	}
	return []byte(severities[s]), nil
}

// UnmarshalText accepts the words of String. Any other is a [*ConfigError] and
// leaves s as it was.
func (s *Severity) UnmarshalText(text []byte) error {
	var v uint8 // words count from 1
	if err := severities.unmarshal("severity", text, &v); err != nil {
		return err
	}
	*s = Severity(v - 1)
	return nil
}
