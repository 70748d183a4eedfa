package docs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/scaling.md says how many goals the table of the results misses, of which kind,
// and by how much.
func TestScalingNamesAsManyMissedGoalsAsTheTableHas(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(root + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(text)), " ")
	}
	row := regexp.MustCompile(`\| ([^|]+) \| ([^|]+) \| [^|]+ \| (?:~ )?([0-9.]+)× [^|]*\| \*\*missed\*\* \|`)
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	results := read("benchmarks/results/results.md")
	var ratios []string
	for _, m := range row.FindAllStringSubmatch(results, -1) {
		if !strings.HasPrefix(m[1], "Hand-over: slots=1,") || !strings.HasSuffix(m[1], "limit=none") || m[2] != "buffered channel, select with ctx" {
			t.Errorf("another kind of goal is missed: %s", m[0])
		}
		ratios = append(ratios, m[3])
	}
	if n := strings.Count(results, "**missed**"); n != len(ratios) || n == 0 || n >= len(words) {
		t.Fatalf("%d goals are missed, of which %d can be read", n, len(ratios))
	}
	page := read("docs/scaling.md")
	for _, want := range []string{
		words[len(ratios)] + " goals of the [tables](../benchmarks/results/results.md) are missed",
		"takes " + slices.Min(ratios) + " to " + slices.Max(ratios) + " times as long as that of a channel with a ctx",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("docs/scaling.md does not say %q", want)
		}
	}
}
