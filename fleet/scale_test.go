package fleet

import (
	"fmt"
	"testing"
)

// bigRecord is the record of a fleet of n members with names as Kubernetes gives them.
func bigRecord(n int) *record {
	r := &record{Version: recordVersion, Epoch: "ABCDEFGHIJKLMNOP", Count: 1_000_000}
	for i := range n {
		r.Rows = append(r.Rows, row{ID: fmt.Sprintf("ABCDEFGHIJK%05d", i), Name: fmt.Sprintf("payments-7d9c5b8f4-%05d", i), Seq: 12345,
			Share: 10, Load: 10, Demand: 12, Min: 1, Total: 10 * n, Lapse: 30000, Turn: uint64(i)})
	}
	return r
}

func BenchmarkScale(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		r := bigRecord(n)
		text := r.encode()
		b.Run(fmt.Sprintf("members=%d/decode", n), func(b *testing.B) {
			b.ReportMetric(float64(len(text)), "bytes/record")
			for b.Loop() {
				if _, err := decode(text); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(text)), "bytes/record")
		})
		b.Run(fmt.Sprintf("members=%d/divide", n), func(b *testing.B) {
			for b.Loop() {
				divide(r, noneQuiet)
			}
		})
	}
}
