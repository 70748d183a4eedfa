package bulk

import (
	"fmt"
	"math/bits"
	"strconv"
	"time"
)

// How figures are shown to people.

// several returns a number of things in words.
func several[N int | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// short rounds to three digits.
func short(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

// figure returns a number with three digits, or more if it is large.
func figure(x float64) string {
	if x >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// percent returns the share in per cent, 100 at the most, cut off after one
// digit: what is shown never reaches a bound that the share doesn't.
func percent(part, whole uint64) string {
	if whole == 0 {
		return "0 %"
	}
	hi, lo := bits.Mul64(min(part, whole), 1000)
	tenths, _ := bits.Div64(hi, lo, whole)
	if tenths%10 == 0 {
		return fmt.Sprintf("%d %%", tenths/10)
	}
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}
