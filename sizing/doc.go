// Package sizing says what another capacity would have done with the same traffic.
package sizing
