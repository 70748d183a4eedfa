// live.js keeps the page up to date. It gets Server-Sent Events from the address "events"
// (see encode.go for their form), and changes the texts, bars and charts that the server
// has rendered. Texts are set as text only, never as HTML.

import { History, drawChart, drawPaths, sinceText } from "./charts.js";
import { copyTemplate, inUse, newCard, partsOf, setText, showDetails, showKeys, showParts } from "./details.js";
import { Index, Table, place } from "./table.js";

const page = Number(document.body.dataset.page); // the ID of one bulkhead, or 0: the list
const $ = (id) => document.getElementById(id);
const rows = $("rows");
const cards = $("cards");
const records = new Map(); // by ID: what is known of a bulkhead
const table = rows && new Table(rows, records);
const index = rows && new Index();
let instance = document.body.dataset.instance;
let fields = {}; // the number of each text in a message, by its name

// --- Records: a bulkhead with its row and its card ------------------------------------

function newRecord(id, label, kind) {
  const record = { id, label, kind, fields: [], bars: [], keys: [], recent: [], history: null, row: null, card: null };
  records.set(id, record);
  return record;
}

// adopt makes records of what the server has rendered.
function adopt() {
  for (const id of ["filter", "change"]) $(id)?.removeAttribute("hidden"); // see pageData.Address
  for (const row of document.querySelectorAll("#rows > tr")) {
    const record = newRecord(Number(row.dataset.id), row.querySelector("[data-label]").textContent, row.dataset.kind);
    record.keys = row.dataset.keys.split(" ").map(Number);
    setRow(record, row);
  }
  for (const card of document.querySelectorAll("#cards > article")) {
    const id = Number(card.dataset.id);
    const record = records.get(id) ?? newRecord(id, card.querySelector("[data-label]").textContent, card.dataset.kind);
    setCard(record, card);
  }
}

function setRow(record, row) {
  record.row = { element: row, ...partsOf(row), spark: row.querySelector(".spark svg") };
  visible.observe(row);
}

function setCard(record, card) {
  record.card = { element: card, ...partsOf(card), charts: [...card.querySelectorAll("[data-chart]")], findings: card.querySelector("[data-findings]") };
  wantHistory(record);
}

function remove(record) {
  record.row?.element.remove();
  record.card?.element.remove();
  records.delete(record.id);
}

// --- Messages --------------------------------------------------------------------------

// apply shows a message. full: what is not in it does not exist.
function apply(message, full) {
  const touched = new Set();
  for (const r of message.rows) {
    const record = records.get(r.id) ?? newRecord(r.id, r.label, r.kind);
    touched.add(record);
    if (r.label !== undefined) record.fields = []; // all texts follow
    for (let i = 0; i < r.f.length; i += 2) record.fields[r.f[i]] = r.f[i + 1];
    record.bars = r.b ?? record.bars;
    record.keys = r.k ?? record.keys;
    record.recent.push([message.n, r.p]);
    if (record.recent.length > 5) record.recent.shift();
    record.history?.push(message.n, r.p);
    if (rows && !record.row) {
      const row = copyTemplate("row-template", record);
      rows.append(row);
      setRow(record, row);
    }
    if (record.row) showParts(record.row, record, fields);
  }
  for (const id of message.gone ?? []) if (records.has(id)) remove(records.get(id));
  if (page && message.gone) showGone();
  if (full && !page) for (const record of [...records.values()]) if (!touched.has(record)) remove(record);
  for (const record of records.values()) if (!touched.has(record)) record.history?.idle(message.n);

  showCards(message.cards);
  showCounts(message.counts, message.cards.length);
  for (const record of records.values()) draw(record);
  if (message.keys) showKeys(message.keys);
  $("at").textContent = message.at;
  if (message.said) $("said").textContent = message.said.join(". ");
  table?.update();
  index?.update(records, fields);
}

// showGone says that the bulkhead of the page has been removed. It cannot be changed any
// more.
function showGone() {
  $("gone").hidden = false;
  for (const section of document.querySelectorAll("section.change, section.keys")) section.remove();
}

// showCards shows the bulkheads that are shown in detail, in the order of the message.
// While the cards are in use none is moved, and new ones come last. Of those that are no
// longer shown in detail, only one that is in use itself stays.
function showCards(details) {
  const used = inUse(cards);
  const wanted = new Set(details.map((d) => d.id));
  for (const record of records.values()) {
    if (!record.card || page) continue;
    const left = !wanted.has(record.id);
    if (left && !inUse(record.card.element)) {
      record.card.element.remove();
      record.card = null;
      continue;
    }
    record.card.element.querySelector("[data-left]").hidden = !left;
    if (left) showParts(record.card, record, fields);
  }
  const elements = [];
  for (const d of details) {
    const record = records.get(d.id);
    if (!record) continue;
    if (!record.card) setCard(record, cards.appendChild(newCard(record)));
    showParts(record.card, record, fields);
    showDetails(record.card, d);
    elements.push(record.card.element);
  }
  if (!used && !page) place(cards, elements);
  $("calm")?.toggleAttribute("hidden", cards.childElementCount > 0);
}

// showCounts shows the bulkheads of each severity, and those in trouble beside the shown ones.
function showCounts(counts, shown) {
  ["ok", "notice", "warning", "critical"].forEach((name, i) => {
    const e = document.querySelector(`[data-count="${name}"]`);
    setText(e, String(counts[i]));
    e.parentElement.toggleAttribute("data-zero", counts[i] === 0);
  });
  if (page) return;
  const more = counts[2] + counts[3] - shown;
  $("more").hidden = more <= 0;
  setText(document.querySelector("[data-more]"), String(more));
  document.title = (counts[3] > 0 ? counts[3] + " critical – " : "") + "Bulkheads";
  const first = records.values().next().value?.fields ?? [];
  const [short, long] = [first[fields.short], first[fields.long]];
  if (short) setText(document.querySelector("[data-window]"), short === long ? short : short + "; columns marked 1 min: " + long);
}

// --- Charts: only those that can be seen ------------------------------------------------

const visible = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const record = records.get(Number(entry.target.dataset.id));
    if (!record?.row) continue;
    record.row.visible = entry.isIntersecting;
    if (entry.isIntersecting) {
      wantHistory(record);
      draw(record);
    }
  }
}, { rootMargin: "100px" });

function draw(record) {
  if (!record.history) return;
  if (record.row?.visible) drawPaths(record.row.spark, record.history);
  if (!record.card) return;
  for (const figure of record.card.charts) drawChart(figure, record.history);
  setText(record.card.element.querySelector("[data-since]"), sinceText(record.history));
}

// wantHistory gets the history of a bulkhead, together with others that are wanted now.
const wanted = new Set();
function wantHistory(record) {
  if (record.history || wanted.has(record.id)) return;
  if (wanted.size === 0) setTimeout(getHistories, 50);
  wanted.add(record.id);
}

async function getHistories() {
  const ids = [...wanted].slice(0, 50);
  if (ids.length === 0) return;
  try {
    const answer = await fetch("history?" + ids.map((id) => "id=" + id).join("&"));
    const got = await answer.json();
    if (got.instance === instance) {
      for (const [id, series] of Object.entries(got.series)) {
        const record = records.get(Number(id));
        if (!record) continue;
        record.history = new History(series, got.n);
        for (const [n, point] of record.recent) record.history.push(n, point);
        draw(record);
      }
    }
  } catch {
    // The connection is lost. When it is back, the state asks again.
  }
  for (const id of ids) wanted.delete(id);
  if (wanted.size > 0) setTimeout(getHistories, 50);
}

// --- Connection ----------------------------------------------------------------------------

let heard = 0; // when the last message came
let source; // null while the page cannot be seen
let again; // the timer that connects again

// connect connects if the page can be seen. A browser has six connections to a server for
// all of its tabs, and each live page takes one.
function connect() {
  clearTimeout(again);
  source?.close();
  source = null;
  if (document.visibilityState === "hidden") return;
  heard = performance.now();
  source = new EventSource("events" + (page ? "?id=" + page : ""));
  source.addEventListener("hello", (e) => {
    const hello = JSON.parse(e.data);
    fields = Object.fromEntries(hello.fields.map((name, i) => [name, i]));
    if (hello.instance !== instance && page) return leave();
    if (hello.instance !== instance) {
      instance = hello.instance;
      for (const record of [...records.values()]) remove(record);
    }
    wanted.clear();
    for (const record of records.values()) {
      record.history = null;
      record.recent = []; // the seconds of another process are others
    }
  });
  source.addEventListener("state", (e) => {
    live();
    apply(JSON.parse(e.data), true);
    for (const record of records.values()) if (record.card || record.row?.visible) wantHistory(record);
  });
  source.addEventListener("sample", (e) => {
    live();
    apply(JSON.parse(e.data), false);
  });
  source.addEventListener("unsupported", (e) => {
    source.close(); // the next answer would be the same
    lost();
    setText($("live-text"), JSON.parse(e.data));
  });
  source.addEventListener("error", () => {
    lost();
    if (source?.readyState === EventSource.CLOSED) again = setTimeout(connect, 2000); // the answer was an error
  });
}

// leave replaces the page of one bulkhead when the server is another process, in which
// the number can be that of another bulkhead: by the page of the only bulkhead with the
// same label, or by the list of those whose label contains it.
async function leave() {
  source.close();
  const label = records.get(page)?.label ?? "";
  const query = encodeURIComponent([...label].slice(0, 40).join("")); // the server takes 200
  const found = [];
  try {
    const answer = await fetch("./?format=html&q=" + query);
    const list = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const row of list.querySelectorAll("#rows > tr")) if (row.querySelector("[data-label]").textContent === label) found.push(row.dataset.id);
  } catch {
    again = setTimeout(connect, 2000);
    return;
  }
  location.replace(found.length === 1 ? "./?id=" + found[0] : "./?q=" + query);
}

function live() {
  heard = performance.now();
  const e = $("live");
  if (e.dataset.state === "live") return;
  e.dataset.state = "live";
  setText($("live-text"), "Live");
}

function lost() {
  const e = $("live");
  if (e.dataset.state === "lost") return;
  e.dataset.state = "lost";
  setText($("live-text"), "Not live since");
}

setInterval(() => {
  if (source && performance.now() - heard > 5000) lost();
}, 1000);

// A page that cannot be seen is not read. Its title does not say how many are critical.
document.addEventListener("visibilitychange", () => {
  if (!page && document.visibilityState === "hidden") document.title = "Bulkheads";
  connect();
});
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (e) => {
  if (e.persisted) connect();
});

adopt();
connect();
