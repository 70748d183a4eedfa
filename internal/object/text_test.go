package object_test

import (
	"testing"

	"github.com/bulklink/bulklink-go/internal/object"
)

func TestNotTextFindsWhatEncodingJSONReplaces(t *testing.T) {
	for text, want := range map[string]int{
		"": -1, `{"payments":1}`: -1, `"é → 𝄞 ` + "\ufffd" + `"`: -1,
		"\xff": 0, "\"a\xff\"": 2, "\"\xc3(\"": 1, "\"\xed\xa0\x80\"": 1,
		`"\u00e9\n\\"`: -1, `"\ud834\udd1e"`: -1, `"\uD834\uDD1E\ufffd"`: -1,
		`"\ud834"`: 1, `"\udd1e"`: 1, `"x\ud834\n"`: 2, `"\ud834\ud834\udd1e"`: 1, `"\udd1e\ud834"`: 1,
		`"\\ud834"`: -1, `"\\\ud834"`: 3, `"\ud834\\udd1e"`: 1,
		`\`: -1, `\u`: -1, `\u12`: -1, `\ud834`: 0, `\ud834\u12`: 0, `\uzzzz`: -1,
	} {
		if got := object.NotText([]byte(text)); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
