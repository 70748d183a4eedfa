package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/scaling.md says how many goals the table of the results misses, and of
// which kind.
func TestScalingNamesAsManyMissedGoalsAsTheTableHas(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(root + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(text)), " ")
	}
	row := regexp.MustCompile(`\| ([^|]+) \| ([^|]+) \| [^|]+ \| [^|]+ \| \*\*missed\*\* \|`)
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	missed, channel, semaphore := 0, 0, 0
	for _, m := range row.FindAllStringSubmatch(read("benchmarks/results/results.md"), -1) {
		missed++
		if !strings.HasPrefix(m[1], "Hand-over: ") || !strings.HasSuffix(m[1], "limit=none") {
			t.Errorf("another kind of goal is missed: %s", m[0])
		}
		switch {
		case m[2] == "buffered channel, bare":
			channel++
		case m[2] == "x/sync/semaphore" && strings.Contains(m[1], "slots=1,"):
			semaphore++
		default:
			t.Errorf("another kind of goal is missed: %s", m[0])
		}
	}
	if missed >= len(words) {
		t.Fatalf("%d missed", missed)
	}
	page := read("docs/scaling.md")
	for _, want := range []string{
		words[missed] + " goals of the [tables](../benchmarks/results/results.md) are missed",
		words[channel] + " against the bare channel, and " + words[semaphore] + " against x/sync/semaphore with one slot",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("docs/scaling.md does not say %q", want)
		}
	}
}
