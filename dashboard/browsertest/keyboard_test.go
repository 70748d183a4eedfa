package browsertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

// focused describes the element that has the focus.
const focused = `(() => {
  const e = document.activeElement;
  return e.id || e.name + (e.name && e.type === "submit" ? "=" + e.value : "") || (e.textContent ?? "").trim().slice(0, 30) || e.tagName;
})()`

// tabs presses Tab and returns where the focus was after each.
func (b *tab) tabs(n int) (places []string) {
	for range n {
		b.press(kb.Tab)
		places = append(places, eval[string](b, focused))
		if !eval[bool](b, `document.activeElement.matches(":focus-visible") && getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
			b.Errorf("the focus cannot be seen at %s", places[len(places)-1])
		}
	}
	return places
}

func TestListWorksByKeyboard(t *testing.T) {
	reg := registry.New()
	busy, _ := reg.Create("payments", 1)
	_, _ = reg.Create("search", 4)
	fill(busy)
	tab := newTab(t, 1440, false)
	tab.openLive(serve(t, dashboard.Handler(reg)).at(""))
	tab.wait(`document.querySelectorAll("#rows > tr").length === 2`)

	if got := tab.tabs(1); got[0] != "Skip to the content" {
		t.Errorf("first is %q", got)
	}
	tab.press(kb.Enter)
	if got := eval[string](tab, `location.hash + document.activeElement.id`); got != "#mainmain" {
		t.Errorf("after the skip link: %q", got)
	}
	eval[any](tab, `document.querySelector("#search").focus()`)
	tab.press("sea")
	tab.wait(`[...document.querySelectorAll("#rows > tr")].filter((e) => !e.hidden).length === 1 && location.search === "?q=sea"`)
	tab.press("x")
	tab.wait(`!document.querySelector("#none").hidden && document.querySelector("#none").textContent.includes("seax")`)
	tab.press(kb.Backspace + kb.Backspace + kb.Backspace + kb.Backspace)
	if got := tab.tabs(1); got[0] != "sort" {
		t.Errorf("after the search: %q", got)
	}
	tab.press("l") // label
	tab.wait(`document.querySelector("#sort").value === "label" && location.search === "?sort=label"`)
	if got := tab.tabs(2); !slices.Equal(got, []string{"payments", "search"}) {
		t.Errorf("rows: %q", got)
	}
	tab.press(kb.Enter)
	tab.wait(`document.querySelector("h1").textContent.includes("search") && location.search.startsWith("?id=")`)
}

func TestCapacityIsChangedByKeyboard(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 10))
	tab := newTab(t, 1440, false)
	s := serve(t, dashboard.New(dashboard.Show(b), dashboard.AllowChanges(allow)))
	tab.openLive(s.at("?id=%d", b.Status().ID))
	want := []string{"parallelism", "waiting_room", "wait_limit", "delay_target", "delay_interval", "step=review", "step=pause"}
	for range 10 { // to the form
		if tab.tabs(1)[0] == want[0] {
			break
		}
	}
	if got := tab.tabs(len(want) - 1); !slices.Equal(got, want[1:]) {
		t.Errorf("order of the form: %q, want %q", got, want[1:])
	}
	eval[any](tab, `document.querySelector('[name="parallelism"]').select(), document.querySelector('[name="parallelism"]').focus()`)
	tab.press("4" + kb.Enter)
	tab.wait(`document.querySelector("tr.changed")?.innerText.replace(/\s+/g, " ").startsWith("Slots 10 4")`)
	if n := b.Capacity().Parallelism; n != 10 {
		t.Fatalf("%d slots before the confirmation", n)
	}
	for range 5 {
		if tab.tabs(1)[0] == "step=apply" {
			break
		}
	}
	tab.press(kb.Enter)
	tab.wait(fmt.Sprintf(`location.search === "?id=%d" && document.querySelector("[data-changes]")?.innerText.includes("slots 10 → 4")`, b.Status().ID))
	if n := b.Capacity().Parallelism; n != 4 {
		t.Errorf("%d slots after the confirmation", n)
	}
}

func TestCardWithTheFocusDoesNotMove(t *testing.T) {
	reg := registry.New()
	a, _ := reg.Create("a", 1)
	z, _ := reg.Create("z", 1)
	fill(a)
	fill(z)
	tab := newTab(t, 1440, false)
	tab.openLive(serve(t, dashboard.Handler(reg)).at(""))
	order := `[...document.querySelectorAll("#cards article")].map((e) => e.querySelector("h3").textContent).join()`
	tab.wait(order + ` === "a,z"`)
	eval[any](tab, fmt.Sprintf(`document.querySelector("#c%d h3 a").focus()`, z.Status().ID))
	overload(t, z)
	tab.wait(fmt.Sprintf(`document.querySelector("#c%d").dataset.severity === "critical"`, z.Status().ID))
	tab.samples(2)
	if got := eval[string](tab, focused); got != "z" {
		t.Errorf("the focus is on %q", got)
	}
	if got := eval[string](tab, order); got != "a,z" {
		t.Errorf("order of the cards while one has the focus: %s", got)
	}
	eval[any](tab, `document.activeElement.blur()`)
	tab.wait(order + ` === "z,a"`)
}

func TestCardOfARecoveredBulkheadStaysWhileItHasTheFocus(t *testing.T) {
	reg := registry.New()
	a, _ := reg.Create("a", 1)
	slot, _ := a.TryAcquire()
	tab := newTab(t, 1440, false)
	tab.openLive(serve(t, dashboard.Handler(reg)).at(""))
	tab.wait(`document.querySelector("#cards article h3 a")`)
	eval[any](tab, `document.querySelector("#cards article h3 a").focus()`)
	slot.Release()
	tab.wait(`document.querySelector("#cards [data-left]").hidden === false`)
	if got := eval[string](tab, focused); got != "a" {
		t.Errorf("the focus is on %q", got)
	}
	eval[any](tab, `document.activeElement.blur()`)
	tab.wait(`!document.querySelector("#cards article") && !document.querySelector("#calm").hidden`)
}

// Cards and lines are not moved while one has the focus. Of those that do not belong there
// any more only that one stays, so that the page does not grow.
func TestOnlyTheCardOrTheLineWithTheFocusStays(t *testing.T) {
	reg := registry.New()
	var all []*bulk.Bulkhead
	var ids []uint64
	for i := range 80 {
		b, _ := reg.Create(fmt.Sprintf("dependency-%02d", i), 1)
		all, ids = append(all, b), append(ids, b.Status().ID)
	}
	for _, b := range all[40:] {
		fill(b)
	}
	s := serve(t, dashboard.Handler(reg))
	const (
		cards = `[...document.querySelectorAll("#cards article")].map((e) => Number(e.dataset.id))`
		lines = `[...document.querySelectorAll("#index li")].map((e) => Number(e.dataset.id))`
	)
	open := func(selector string) *tab {
		tab := newTab(t, 1440, false)
		tab.openLive(s.at(""))
		tab.wait(cards + `.length === 8 && ` + lines + `.length === 40`)
		eval[any](tab, fmt.Sprintf(`document.querySelector('`+selector+`').focus()`, ids[47]))
		return tab
	}
	card, line := open(`#c%d h3 a`), open(`#index [data-id="%d"] a`)
	card.samples(3)              // from then on a warning stays
	for _, b := range all[:40] { // the first in the order of the labels
		fill(b)
	}
	for _, c := range []struct {
		*tab
		what         string
		cards, lines []uint64
	}{
		{card, "a card", append(ids[:8:8], ids[47]), ids[:40]},
		{line, "a line", ids[:8], append(ids[:40:40], ids[47])},
	} {
		c.wait(fmt.Sprintf(`%s.includes(%d) && %s.includes(%d)`, cards, ids[7], lines, ids[39]))
		c.samples(1)
		for _, list := range []struct {
			name, shown string
			want        []uint64
		}{{"cards", cards, c.cards}, {"lines", lines, c.lines}} {
			got := eval[[]uint64](c.tab, list.shown)
			slices.Sort(got)
			if !slices.Equal(got, list.want) {
				t.Errorf("%d %s while %s has the focus: %d, want %d", len(got), list.name, c.what, got, list.want)
			}
		}
		if got := eval[string](c.tab, focused); got != "dependency-47" {
			t.Errorf("the focus is on %q", got)
		}
		if got := eval[string](c.tab, `document.querySelector("#more").innerText`); !strings.Contains(got, "72 more") {
			t.Errorf("%q while %s has the focus, want 80 in trouble without the 8 worst", got, c.what)
		}
		eval[any](c.tab, `document.activeElement.blur()`)
		c.wait(cards + `.length === 8 && ` + lines + `.length === 40`)
	}
}
