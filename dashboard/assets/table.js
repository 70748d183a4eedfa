// table.js sorts and filters the rows of the list, and keeps what was chosen in the
// address, for a reload and for colleagues.

import { inUse, setText } from "./details.js";

const columns = { worst: 0, arrivals: 1, rejected: 2, wait: 3, use: 4 }; // of the sort keys
const $ = (id) => document.getElementById(id);

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
    const column = columns[this.#order.value];
    const by = (a, b) => (column === undefined ? 0 : b.keys[column] - a.keys[column]) || (a.label < b.label ? -1 : a.label > b.label ? 1 : a.id - b.id);
    let place = this.#rows.firstElementChild;
    for (const record of [...this.#records.values()].sort(by)) {
      if (!record.row) continue;
      if (place === record.row.element) place = place.nextElementSibling;
      else this.#rows.insertBefore(record.row.element, place);
    }
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
