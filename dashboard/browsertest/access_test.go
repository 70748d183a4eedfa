package browsertest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

// pages visits each kind of page, with bulkheads in several states.
func pages(tab *tab, visit func(name string)) {
	tab.Helper()
	reg := registry.New()
	busy, _ := reg.Create("payments", 2, bulk.WaitingRoom(4))
	quiet, _ := reg.Create("search", 8)
	noticed, _ := reg.Create("mail", 4)
	_ = noticed.Resize(0)
	for range 7 {
		quiet.TryAcquire()
	}
	fill(busy)
	for range 20 {
		_, _ = busy.TryAcquire() // is rejected
	}
	k, err := registry.CreateKeyed[string](reg, "tenants", 2, 10)
	tab.must(err)
	_, err = k.Acquire(tab.Context(), "one")
	tab.must(err)
	s := serve(tab.T, dashboard.New(dashboard.Show(dashboard.Keyed(k), reg), dashboard.AllowChanges(allow)))
	tab.openLive(s.at(""))
	visit("the list")
	tab.openLive(s.at("?id=%d", k.Status().ID))
	visit("the page of a Keyed")
	tab.openLive(s.at("?id=%d", busy.Status().ID))
	visit("the page of a bulkhead")
	eval[any](tab, `document.querySelector('[name="parallelism"]').value = "9"`)
	tab.do(click(`button[value="review"]`))
	tab.wait(`document.querySelector("table.compare")`)
	visit("the confirmation")
	tab.must(busy.Resize(3))
	tab.offline = true // the answer has status 409
	tab.do(click(`button[value="apply"]`))
	tab.wait(`document.querySelector(".problem")`)
	visit("the conflict")
	tab.openLive(s.at("?id=%d", busy.Status().ID))
	eval[any](tab, `document.querySelector('[name="id"]').value = "4000000000"`)
	tab.do(click(`button[value="review"]`))
	tab.wait(`document.querySelector(".problem")`)
	visit("not found")
}

func TestPagesHaveLandmarksNamesAndHeadingsInOrder(t *testing.T) {
	tab := newTab(t, 1440, false)
	pages(tab, func(name string) {
		tree, err := chromedp.Call(tab.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		tab.must(err)
		roles := map[string]int{}
		for _, n := range tree.Nodes {
			if n.Ignored || n.Role == nil {
				continue
			}
			role, label := text(n.Role), text(n.Name)
			roles[role]++
			if slices.Contains([]string{"link", "button", "textbox", "searchbox", "combobox", "heading", "img", "image", "region", "columnheader", "rowheader"}, role) && strings.TrimSpace(label) == "" {
				t.Errorf("%s: a %s has no name", name, role)
			}
		}
		for _, role := range []string{"banner", "main"} {
			if roles[role] != 1 {
				t.Errorf("%s has %d landmarks %s", name, roles[role], role)
			}
		}
		if name == "the list" && (roles["search"] != 1 || roles["contentinfo"] != 1 || roles["columnheader"] < 10 || roles["rowheader"] != 4) {
			t.Errorf("roles of the list: %v", roles)
		}
		if bad := eval[[]string](tab, structure); len(bad) > 0 {
			t.Errorf("%s: %q", name, bad)
		}
	})
}

func text(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var s string
	_ = json.Unmarshal(v.Value, &s)
	return s
}

// structure returns what is wrong with headings, tables, identifiers and the language.
const structure = `(() => {
  const bad = [];
  let last = 0;
  for (const h of document.querySelectorAll("h1, h2, h3, h4")) {
    if (!h.offsetHeight) continue;
    const level = Number(h.tagName[1]);
    if (level > last + 1) bad.push(h.tagName + " after H" + last + ": " + h.textContent);
    last = level;
  }
  if (document.querySelectorAll("h1").length !== 1) bad.push("number of h1");
  for (const cell of document.querySelectorAll("thead th, tbody th")) if (!cell.scope) bad.push("no scope: " + cell.textContent);
  for (const table of document.querySelectorAll("table")) if (!table.tHead) bad.push("a table without header");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) bad.push("identifiers are not unique: " + ids);
  if (document.documentElement.lang !== "en" || !document.title) bad.push("language or title");
  return bad;
})()`

func TestTextHasEnoughContrast(t *testing.T) {
	for _, dark := range []bool{false, true} {
		tab := newTab(t, 1440, dark)
		pages(tab, func(name string) {
			if bad := eval[[]string](tab, lowContrast); len(bad) > 0 {
				t.Errorf("%s, dark %v: %q", name, dark, bad)
			}
		})
	}
}

// lowContrast returns the texts whose contrast is less than WCAG 2.2 requires at level AA
// for text of any size: 4.5. It fails if the page has no text.
const lowContrast = `(() => {
  const parse = (c) => { const n = c.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = (c) => { const [r, g, b] = c.slice(0, 3).map((x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { const below = e.parentElement ? ground(e.parentElement) : [255, 255, 255, 1]; return over(parse(getComputedStyle(e).backgroundColor), below); };
  const bad = [];
  let seen = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.offsetHeight || e.closest("template, noscript, .visually-hidden, option")) continue;
    seen++;
    const below = ground(e);
    const [x, y] = [over(parse(getComputedStyle(e).color), below), below].map(luminance);
    const contrast = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    if (contrast < 4.5) bad.push(contrast.toFixed(2) + ": " + walk.currentNode.data.trim().slice(0, 40));
  }
  if (seen < 5) bad.push("only " + seen + " texts");
  return bad;
})()`

// tooWide returns elements that are not within the window.
const tooWide = `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.tagName + "." + e.className).slice(0, 5)`

func TestNothingScrollsSidewaysAtAnyWidth(t *testing.T) {
	for _, width := range []int64{1440, 1361, 1280, 1024, 768, 390, 360} {
		tab := newTab(t, width, false)
		pages(tab, func(name string) {
			got := eval[int64](tab, `document.documentElement.scrollWidth`)
			if inner := eval[int64](tab, `innerWidth`); got > width || inner != width {
				t.Errorf("%s is %d wide in a window of %d (want %d): %q", name, got, inner, width,
					eval[[]string](tab, tooWide))
			}
		})
	}
}

// The texts of a row are as wide as those of a large service: a thousand slots, all of them
// in use, and thousands of arrivals and rejections per second.
func TestRowsOfLargeBulkheadsFitOnAPhone(t *testing.T) {
	s := serve(t, record(t, []dependency{
		{"recommendations", 1000, 14000, 100 * time.Millisecond, 0}, {"shipping/quotes", 10, 400, 40 * time.Millisecond, 0},
	}, 12*time.Second))
	tab := newTab(t, 390, false)
	tab.openLive(s.at(""))
	for _, width := range []int64{390, 375, 360, 320} {
		tab.resize(width, 900)
		if row := eval[string](tab, `document.querySelector("#rows > tr").innerText`); !contains(row, "critical") || !contains(row, "1,000 / 1,000") {
			t.Fatalf("the first row is %q", row)
		}
		if got := eval[int64](tab, `document.documentElement.scrollWidth`); got != width {
			t.Errorf("the page is %d wide in a window of %d: %q", got, width, eval[[]string](tab, tooWide))
		}
	}
}

func TestUsualLabelsAreOnOneLine(t *testing.T) {
	s := serve(t, record(t, dependencies(12, true), 20*time.Second))
	tab := newTab(t, 1440, false)
	tab.openLive(s.at(""))
	for _, width := range []int64{1920, 1440, 1361, 1360, 1024, 981, 980, 761, 390} {
		tab.resize(width, 900)
		if broken := eval[[]string](tab, `[...document.querySelectorAll("#rows [data-label]")].filter((e) => e.getClientRects().length > 1).map((e) => e.textContent)`); len(broken) > 0 {
			t.Errorf("width %d: broken labels %q", width, broken)
		}
	}
}
