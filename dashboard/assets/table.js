// table.js sorts and filters the rows of the list, and keeps what was chosen in the
// address, for a reload and for colleagues. It also lists those in trouble above the cards.

import { copyTemplate, inUse, partsOf, setText, showParts } from "./details.js";

const columns = { worst: 0, arrivals: 1, rejected: 2, wait: 3, use: 4 }; // of the sort keys
const maxLines = 40; // of the index: see page.go
const warning = 20; // the lowest sort key of one with a warning
const $ = (id) => document.getElementById(id);

// by returns an order: the highest sort key first, if there is a column, and then by label.
function by(column) {
  const label = (a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : a.id - b.id);
  return (a, b) => (column === undefined ? 0 : b.keys[column] - a.keys[column]) || label(a, b);
}

// place puts elements into a list in this order.
export function place(list, elements) {
  let next = list.firstElementChild;
  for (const e of elements) {
    if (next === e) next = e.nextElementSibling;
    else list.insertBefore(e, next);
  }
}

// Index has a line for each record with a warning, the worst first.
export class Index {
  #list = $("index");
  #lines = new Map(); // by ID

  constructor() {
    for (const e of this.#list.children) this.#lines.set(Number(e.dataset.id), { element: e, ...partsOf(e) });
  }

  // update changes the order only while the list is not in use. It removes each line that
  // does not belong there any more, except one that is in use itself.
  update(records, fields) {
    const worst = [...records.values()].filter((r) => r.keys[0] >= warning).sort(by(columns.worst)).slice(0, maxLines);
    const used = inUse(this.#list);
    const wanted = new Set(worst.map((r) => r.id));
    for (const [id, line] of this.#lines) {
      if (wanted.has(id)) continue;
      if (records.has(id) && inUse(line.element)) {
        showParts(line, records.get(id), fields);
        continue;
      }
      line.element.remove();
      this.#lines.delete(id);
    }
    const elements = worst.map((record) => {
      if (!this.#lines.has(record.id)) {
        const e = copyTemplate("line-template", record);
        this.#lines.set(record.id, { element: e, ...partsOf(e) });
        this.#list.append(e);
      }
      const line = this.#lines.get(record.id);
      showParts(line, record, fields);
      return line.element;
    });
    if (!used) place(this.#list, elements);
    this.#list.hidden = this.#lines.size < 2;
  }
}

// Table is the list of the records that have a row.
export class Table {
  #rows;
  #records;
  #search = $("search");
  #order = $("sort");
  #sorted = 0; // when the rows were sorted

  constructor(rows, records) {
    this.#rows = rows;
    this.#records = records;
    $("apply").hidden = true; // the button of the page without JavaScript
    this.#search.addEventListener("input", () => {
      this.#filter();
      this.#remember();
    });
    this.#order.addEventListener("change", () => {
      this.#sort();
      this.#remember();
    });
    $("filter").addEventListener("submit", (e) => e.preventDefault());
  }

  // update sorts at most every two seconds, and not while the rows are in use.
  update() {
    if (performance.now() - this.#sorted >= 2000 && !inUse(this.#rows)) this.#sort();
    this.#filter();
  }

  #sort() {
    this.#sorted = performance.now();
    place(this.#rows, [...this.#records.values()].filter((r) => r.row).sort(by(columns[this.#order.value])).map((r) => r.row.element));
  }

  #filter() {
    const text = this.#search.value.trim().toLowerCase();
    let shown = 0;
    for (const record of this.#records.values()) {
      if (!record.row) continue;
      const hidden = !record.label.toLowerCase().includes(text);
      if (record.row.element.hidden !== hidden) record.row.element.hidden = hidden;
      if (!hidden) shown++;
    }
    $("none").hidden = shown > 0;
    if (shown === 0) setText($("none"), text ? "No bulkhead has a label with “" + text + "”." : "No bulkhead is here yet.");
  }

  #remember() {
    const q = new URLSearchParams();
    if (this.#search.value) q.set("q", this.#search.value);
    if (this.#order.value !== "worst") q.set("sort", this.#order.value);
    history.replaceState(null, "", q.size > 0 ? "./?" + q : "./");
  }
}
