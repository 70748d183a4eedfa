package browsertest

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

// save writes a picture of the viewport, or of the whole page up to that height.
func (b *tab) save(file string, height float64) {
	b.Helper()
	p := page.CaptureScreenshotParams{}
	if height > 0 {
		beyond := true
		p.CaptureBeyondViewport = &beyond
		p.Clip = &page.Viewport{Width: eval[float64](b, `innerWidth`), Height: min(height, eval[float64](b, `document.documentElement.scrollHeight`)), Scale: 1}
	}
	got, err := chromedp.Call(b.ctx, page.CaptureScreenshot, p)
	b.must(err)
	b.must(os.MkdirAll(filepath.Dir(file), 0o755))
	b.must(os.WriteFile(file, got.Data, 0o644))
}

// reduce returns the picture with its 256 most frequent colours, which makes it a third as
// large.
func reduce(data []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	count := map[color.Color]int{}
	area := full.Bounds()
	for y := range area.Dy() {
		for x := range area.Dx() {
			count[full.At(x, y)]++
		}
	}
	palette := color.Palette(slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] }))
	reduced := image.NewPaletted(area, palette[:min(256, len(palette))])
	index := map[color.Color]uint8{}
	for y := range area.Dy() {
		for x := range area.Dx() {
			c := full.At(x, y)
			if _, known := index[c]; !known {
				index[c] = uint8(reduced.Palette.Index(c))
			}
			reduced.SetColorIndex(x, y, index[c])
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, reduced)
	return out.Bytes(), err
}

// four are the dependencies of the picture.
var four = []dependency{
	{"payments", 10, 120, 40 * time.Millisecond, 3.5}, {"search", 16, 210, 40 * time.Millisecond, 0},
	{"inventory", 8, 90, 45 * time.Millisecond, 0}, {"mail", 4, 12, 150 * time.Millisecond, 0},
}

func TestPictureOfTheREADME(t *testing.T) {
	if *picture == "" {
		t.Skip("no -picture")
	}
	tab := newTab(t, 1280, false)
	tab.resize(1280, 700)
	tab.openLive(serve(t, record(t, four, 4*time.Minute)).at(""))
	tab.wait(`document.querySelector("#rows path").getAttribute("d").length > 1000`)
	tab.save(*picture, 2000)
	data, err := os.ReadFile(*picture)
	tab.must(err)
	data, err = reduce(data)
	tab.must(err)
	tab.must(os.WriteFile(*picture, data, 0o644))
	if len(data) >= 200_000 {
		t.Errorf("the picture has %d bytes, at most 200,000 are allowed", len(data))
	}
}

// dependencies returns n of them. In trouble, the first one and some others become slow.
func dependencies(n int, trouble bool) (all []dependency) {
	names := []string{"payments", "search", "inventory", "mail", "recommendations", "sessions", "images", "tax", "shipping/quotes", "geocoding", "ledger", "notifications"}
	for i := range n {
		d := dependency{names[i%12], 4 + i%12, float64(10 + 7*(i%12)), 40 * time.Millisecond, 0}
		if i >= 12 {
			d.label = fmt.Sprintf("%s-%d", d.label, i/12)
		}
		if n > 12 {
			d.rate /= 5
			d.slots = 1 + d.slots/5
		}
		if trouble && i%7 == 0 {
			d.slow = 20
		}
		all = append(all, d)
	}
	return all
}

func TestScreenshotsOfAllVariants(t *testing.T) {
	if *screenshots == "" {
		t.Skip("no -screenshots")
	}
	tab := newTab(t, 1440, false) // one, because the browser opens six connections to a server
	for _, n := range []int{1, 12, 200} {
		for _, trouble := range []bool{false, true} {
			state := map[bool]string{false: "healthy", true: "trouble"}[trouble]
			r := record(t, dependencies(n, trouble), 2*time.Minute)
			s := serve(t, r)
			for _, width := range []int64{1440, 1024, 390} {
				tab.resize(width, 900)
				for _, dark := range []bool{false, true} {
					tab.dark(dark)
					colours := map[bool]string{false: "light", true: "dark"}[dark]
					tab.openLive(s.at(""))
					tab.wait(`document.querySelector("#rows path").getAttribute("d").length > 300`)
					name := fmt.Sprintf("%d-%s-%d-%s", n, state, width, colours)
					tab.save(filepath.Join(*screenshots, "list-"+name+".png"), 2200)
					if n == 12 {
						tab.openLive(s.at("?id=%d", r.ids[0]))
						tab.wait(`document.querySelector("article path").getAttribute("d").length > 300`)
						tab.save(filepath.Join(*screenshots, "one-"+name+".png"), 2200)
					}
				}
			}
		}
	}
}

func TestScreenshotsOfFormsAndOfThePageWithoutJavaScript(t *testing.T) {
	if *screenshots == "" {
		t.Skip("no -screenshots")
	}
	b := bulk.Must(bulk.New("payments", 10, bulk.WaitingRoom(20), bulk.WaitLimit(250*time.Millisecond)))
	fill(b)
	k, err := registry.NewKeyed[string]("tenants", 4, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 14 {
		if _, err := k.Acquire(t.Context(), fmt.Sprintf("customer-%d", i*i)); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, dashboard.New(dashboard.Show(b, dashboard.Keyed(k, dashboard.ShowKeys())), dashboard.AllowChanges(allow)))
	for _, width := range []int64{1440, 390} {
		for _, dark := range []bool{false, true} {
			tab := newTab(t, width, dark)
			tab.offline = true
			save := func(name string) {
				tab.save(filepath.Join(*screenshots, fmt.Sprintf("%s-%d-%v.png", name, width, map[bool]string{false: "light", true: "dark"}[dark])), 2200)
			}
			tab.openLive(s.at("?id=%d", k.Status().ID))
			save("keyed")
			tab.openLive(s.at("?id=%d", b.Status().ID))
			save("form")
			eval[any](tab, `document.querySelector('[name="parallelism"]').value = "6", document.querySelector('[name="wait_limit"]').value = "1s"`)
			tab.do(click(`button[value="review"]`))
			tab.wait(`document.querySelector("table.compare")`)
			save("confirmation")
			eval[any](tab, `document.querySelector('[name="was"]').value = '{"parallelism":7,"waiting_room":20}'`)
			tab.do(click(`button[value="apply"]`))
			tab.wait(`document.querySelector(".problem")`)
			save("conflict")
			_, err := chromedp.Call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			tab.must(err)
			tab.open(s.at(""))
			save("noscript")
		}
	}
}
