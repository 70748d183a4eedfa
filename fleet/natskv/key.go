package natskv

import (
	"fmt"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
)

// longest is how many bytes the name of a budget may have. The subject of a message
// must fit into the control line of the protocol, which has 4,096 bytes.
const longest = 255

// keyOf returns the key of a budget. Letters, digits, - _ and / stand for themselves.
// Every other byte is = and two hexadecimal digits, because a key may not contain it,
// or may not begin or end with it.
func keyOf(budget string) (string, error) {
	if budget == "" || len(budget) > longest {
		return "", &bulk.ConfigError{Field: "budget", Value: budget, Problem: fmt.Sprintf("must have from 1 to %d bytes", longest)}
	}
	var key strings.Builder
	for i := range len(budget) {
		c := budget[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '/' {
			key.WriteByte(c)
		} else {
			fmt.Fprintf(&key, "=%02X", c)
		}
	}
	return key.String(), nil
}
