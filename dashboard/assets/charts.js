// charts.js keeps the samples of the last five minutes and draws them as SVG paths. The
// paths and their legends are in the page; see charts.go for the same without JavaScript.

const seconds = 300; // samples kept, one a second
const width = 300; // of a plot, in its units
const height = 60; // of a plot, in its units
const seriesCount = 7; // see the constants in history.go

// History has the samples of one bulkhead. Absent samples are null.
export class History {
  constructor(series, n) {
    this.series = series;
    this.n = n; // the second of the last sample
  }

  // push adds the sample of the second n. Seconds without a sample stay absent. A second
  // sample of the last second replaces the first, which it includes.
  push(n, point) {
    if (n === this.n) this.series.forEach((values, i) => (values[values.length - 1] = point[i]));
    if (n <= this.n) return;
    const gap = Math.min(n - this.n - 1, seconds);
    for (let i = 0; i < seriesCount; i++) {
      const values = this.series[i];
      for (let k = 0; k < gap; k++) values.push(null);
      values.push(point[i]);
      if (values.length > seconds) values.splice(0, values.length - seconds);
    }
    this.n = n;
  }

  // idle adds a sample in which nothing has happened.
  idle(n) {
    if (n <= this.n) return;
    const last = this.series.map((values) => values[values.length - 1] ?? null);
    this.push(n, [0, 0, last[2], last[3], last[4], null, null]);
  }
}

// highest returns the highest value of a series, 0 if there is none.
function highest(values) {
  let top = 0;
  for (const v of values) if (v > top) top = v;
  return top;
}

// nice returns a round number that is a little above top, and 1 for 0.
function nice(top) {
  if (!(top > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(top));
  for (const factor of [1, 1.5, 2, 3, 5, 7.5]) if (unit * factor >= top * 1.02) return unit * factor;
  return unit * 10;
}

// span returns how many seconds a plot shows: a minute until there is more.
function span(history) {
  return history.series[0].length > 60 ? seconds : 60;
}

// drawn reports whether the value with that index is drawn: see charts.go.
function drawn(series, values, i) {
  if (series !== 1 && series !== 3) return values[i] !== null;
  return values[i] > 0 || (values[i] === 0 && (values[i - 1] > 0 || values[i + 1] > 0));
}

// pathOf returns the data of an SVG path, whose right end is now.
function pathOf(series, values, top, span) {
  let d = "";
  let pen = "M";
  const offset = span - values.length;
  for (let i = 0; i < values.length; i++) {
    if (!drawn(series, values, i)) {
      pen = "M";
      continue;
    }
    const v = values[i];
    d += pen + ((offset + i) * width) / span + " " + Math.round((height - 1 - (v / top) * (height - 2)) * 10) / 10;
    pen = "L";
  }
  return d;
}

// rate formats what is counted per second, or slots.
function rate(x) {
  if (x >= 99.95) return Math.round(x).toLocaleString("en-US");
  return String(Number(x.toPrecision(3)));
}

// duration formats seconds.
function duration(s) {
  if (s >= 60) return Math.floor(s / 60) + "m" + Math.round(s % 60) + "s";
  if (s >= 1) return Number(s.toPrecision(3)) + "s";
  if (s >= 1e-3) return Number((s * 1e3).toPrecision(3)) + "ms";
  return Number((s * 1e6).toPrecision(3)) + "µs";
}

const formatTop = {
  rates: (top) => rate(top) + "/s",
  slots: rate,
  waits: duration,
};

// drawChart draws the paths of a figure with class chart.
export function drawChart(figure, history) {
  const top = drawPaths(figure, history);
  figure.querySelector("[data-max]").textContent = formatTop[figure.dataset.chart](top);
}

// drawPaths draws the paths in an element and returns what its top stands for.
export function drawPaths(element, history) {
  const paths = [...element.querySelectorAll("path")];
  const top = nice(Math.max(...paths.map((p) => highest(history.series[p.dataset.series]))));
  for (const p of paths) p.setAttribute("d", pathOf(Number(p.dataset.series), history.series[p.dataset.series], top, span(history)));
  return top;
}

// sinceText says when the plots of a history begin.
export function sinceText(history) {
  return span(history) / 60 + " min ago";
}
