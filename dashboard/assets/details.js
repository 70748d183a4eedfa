// details.js makes rows and cards, and shows in a card the details of its bulkhead:
// findings, changes of the capacity, panels and the busiest keys. Texts are set as text only, never as HTML.

const briefFindings = 2; // that the list shows in full: see page.go

// partsOf finds the elements that change: texts and bars.
export function partsOf(element) {
  return { texts: [...element.querySelectorAll("[data-f]")], bars: [...element.querySelectorAll("[data-bar]")] };
}

// copyTemplate makes a row or a card from its template.
export function copyTemplate(template, record) {
  const element = document.getElementById(template).content.firstElementChild.cloneNode(true);
  element.dataset.id = record.id;
  element.dataset.kind = record.kind;
  for (const e of element.querySelectorAll("[data-label], [data-name]")) e.textContent = record.label;
  for (const link of element.querySelectorAll("a")) link.setAttribute("href", "./?id=" + record.id);
  return element;
}

// showParts sets the texts and bars of a row or a card. fields has the numbers of the texts.
export function showParts(parts, record, fields) {
  for (const e of parts.texts) setText(e, record.fields[fields[e.dataset.f]] ?? ""); // a new row has no texts that are empty
  const severity = record.fields[0];
  if (parts.element.dataset.severity !== severity) parts.element.dataset.severity = severity;
  for (const rect of parts.bars) {
    rect.setAttribute("width", record.bars[rect.dataset.bar] + "%");
    if (rect.dataset.bar === "1") rect.setAttribute("x", record.bars[0] + "%");
  }
}

// newCard makes the card of a record.
export function newCard(record) {
  const card = copyTemplate("card-template", record);
  card.id = "c" + record.id;
  card.querySelector("h3").id = "t" + record.id;
  card.setAttribute("aria-labelledby", "t" + record.id);
  return card;
}

let moved = -Infinity; // when the mouse last moved
addEventListener("pointermove", () => (moved = performance.now()));

// inUse reports whether something in the element has the focus or is pointed at, so that
// it must not be moved. A pointer that rests does not count.
export function inUse(element) {
  return element.contains(document.activeElement) || (element.matches(":hover") && performance.now() - moved < 10000);
}

// showDetails shows findings, changes of the capacity and panels.
export function showDetails(card, d) {
  fit(card.findings, d.findings.length, newFinding);
  d.findings.forEach((f, i) => {
    const item = card.findings.children[i];
    item.dataset.severity = f.severity;
    setText(item.querySelector("strong"), f.title);
    setText(item.querySelector(".ago"), f.ago ?? "");
    setText(item.querySelector(".text"), f.message);
    const actions = item.querySelector(".actions");
    fit(actions, f.actions.length, () => document.createElement("li"));
    f.actions.forEach((text, k) => setText(actions.children[k], text));
  });
  const also = d.findings.slice(briefFindings).map((f) => (f.title.toLowerCase() + " " + (f.ago ?? "")).trim()).join(", ");
  setText(card.element.querySelector("[data-also]"), also);
  card.element.querySelector(".also").hidden = also === "";
  card.element.querySelector("[data-calm]").hidden = d.findings.length > 0;
  card.element.querySelector("[data-found]").hidden = d.findings.length === 0;

  const changes = card.element.querySelector("[data-changes]");
  changes.hidden = d.changes.length === 0;
  fillList(changes.querySelector("ul"), d.changes.map((c) => [c.at, c.text]));

  const panels = card.element.querySelector("[data-panels]");
  fit(panels, d.panels?.length ?? 0, newPanel);
  d.panels?.forEach((p, i) => {
    const panel = panels.children[i];
    setText(panel.querySelector("h4"), p.title);
    const figures = panel.querySelector("dl");
    fit(figures, p.figures?.length ?? 0, newFigure);
    p.figures?.forEach((f, k) => {
      setText(figures.children[k].firstElementChild, f.name);
      setText(figures.children[k].lastElementChild, f.value);
    });
    fillList(panel.querySelector("ul"), (p.decisions ?? []).map((e) => [e.clock, e.text + (e.reason ? ": " + e.reason : "")]));
  });
}

// showKeys shows the busiest keys of a Keyed. They have a place on its own page.
export function showKeys(lines) {
  const rows = document.getElementById("keys");
  if (!rows) return;
  rows.closest("section").hidden = lines.length === 0;
  fit(rows, lines.length, newKey);
  lines.forEach((texts, i) => texts.forEach((text, k) => setText(rows.children[i].children[k], text)));
}

function newKey() {
  const row = document.createElement("tr");
  element("th", "", row).scope = "row";
  for (let i = 0; i < 5; i++) element("td", "num", row);
  return row;
}

function newFinding() {
  const li = document.createElement("li");
  const message = element("p", "message", li);
  element("strong", "", message);
  message.append(" ");
  element("span", "ago", message);
  message.append(" ");
  element("span", "text", message);
  element("ul", "actions", li);
  return li;
}

function newPanel() {
  const panel = document.createElement("section");
  panel.className = "panel";
  element("h4", "", panel);
  element("dl", "figures", panel);
  element("ul", "", panel);
  return panel;
}

function newFigure() {
  const div = document.createElement("div");
  element("dt", "", div);
  element("dd", "", div);
  return div;
}

function fillList(list, items) {
  fit(list, items.length, () => {
    const li = document.createElement("li");
    element("time", "", li);
    li.append(" ");
    element("span", "", li);
    return li;
  });
  items.forEach(([time, text], i) => {
    setText(list.children[i].querySelector("time"), time);
    setText(list.children[i].querySelector("span"), text);
  });
}

function element(name, className, parent) {
  const e = document.createElement(name);
  if (className) e.className = className;
  parent.append(e);
  return e;
}

// fit gives a parent exactly n children.
function fit(parent, n, make) {
  while (parent.children.length > n) parent.lastElementChild.remove();
  while (parent.children.length < n) parent.append(make());
}

export function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}
