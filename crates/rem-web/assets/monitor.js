"use strict";
// The monitor page: live values, bars of the last checks and graphs.
// The page is whole without this file; everything here only keeps it fresh.

const RANGES = { "1h": 3600, "1d": 86400, "1w": 604800 };
const BAR_LENGTH = 40;
const SERIES_COLOURS = 6;
// Steps of an axis of bytes, so that it says 512 MiB and not 477 MiB.
const POWERS_OF_TWO = Array.from({ length: 60 }, (_, i) => 2 ** i);
const WORDS = { ok: "OK", warning: "Warning", critical: "Critical", unknown: "Unknown" };

const page = document.querySelector("[data-monitor-page]");
const charts = new Map(); // element → Chart
const chartsOfLine = new Map(); // "series\u0000field" → [Chart]
let range = page?.dataset.range ?? "1h";

// ---------------------------------------------------------------- numbers

const SCALES = {
  B: [1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]],
  "B/s": [1024, ["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s", "PiB/s"]],
  "1/s": [1000, ["/s", "k/s", "M/s", "G/s"]],
};

/** A number as an axis shows it: three digits and its unit. */
function short(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "s") return seconds(value);
  const [base, names] = SCALES[unit] ?? [1000, ["", "k", "M", "G", "T"]];
  let step = 0;
  let scaled = value;
  while (Math.abs(scaled) >= base && step < names.length - 1) {
    scaled /= base;
    step += 1;
  }
  const rest = SCALES[unit] || !unit ? "" : ` ${unit}`;
  const gap = /^[A-Z]/.test(names[step]) && unit in SCALES ? " " : "";
  return `${digits(scaled)}${gap}${names[step]}${rest}`;
}

function seconds(value) {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 1e-3) return `${digits(value * 1e6)} µs`;
  if (size < 1) return `${digits(value * 1e3)} ms`;
  if (size < 120) return `${digits(value)} s`;
  if (size < 7200) return `${digits(value / 60)} min`;
  if (size < 172800) return `${digits(value / 3600)} h`;
  return `${digits(value / 86400)} d`;
}

function digits(value) {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : 2).replace(/\.?0+$/, "");
}

/** "just now", "12 s ago", "5 min ago", "3 h ago", "2 d ago". */
function ago(then, now) {
  const passed = Math.max(0, Math.round(now - then));
  if (passed < 2) return "just now";
  if (passed < 120) return `${passed} s ago`;
  if (passed < 7200) return `${Math.round(passed / 60)} min ago`;
  if (passed < 172800) return `${Math.round(passed / 3600)} h ago`;
  return `${Math.round(passed / 86400)} d ago`;
}

// ---------------------------------------------------------------- graphs

class Chart {
  constructor(element) {
    this.element = element;
    this.holder = element.querySelector("[data-plot]");
    const { unit, stacked, top, lines } = JSON.parse(element.dataset.chart);
    Object.assign(this, { unit, stacked, top, lines });
    this.times = [];
    this.values = lines.map(() => []);
    this.plot = null;
    this.visible = false;
    this.loaded = false;
    this.dirty = false;
    for (const line of lines) {
      const key = `${line.series}\u0000${line.field}`;
      chartsOfLine.set(key, [...(chartsOfLine.get(key) ?? []), this]);
    }
  }

  /** Takes over what the server has for the whole range. */
  load(series) {
    const tables = this.lines.map((line) => {
      const rows = series[line.series];
      const values = rows?.fields[line.field];
      if (!values) return [[], []];
      return [values.map((_, i) => rows.start + i * rows.step), values];
    });
    [this.times, ...this.values] = joined(tables);
    this.loaded = true;
    this.draw();
  }

  /** Adds what was just measured: values by line, all of one time. */
  append(time, byLine) {
    const last = this.times.length - 1;
    if (last >= 0 && time <= this.times[last]) {
      for (const [at, value] of byLine) this.values[at][last] = value;
    } else {
      this.times.push(time);
      this.values.forEach((column, at) => column.push(byLine.has(at) ? byLine.get(at) : null));
    }
    const oldest = time - RANGES[range];
    let gone = 0;
    while (gone < this.times.length && this.times[gone] < oldest) gone += 1;
    if (gone > 0) {
      this.times.splice(0, gone);
      for (const column of this.values) column.splice(0, gone);
    }
    this.draw();
  }

  draw() {
    this.dirty = true;
    if (!this.visible || !this.loaded) return;
    this.dirty = false;
    const data = this.stacked ? [this.times, ...stack(this.values)] : [this.times, ...this.values];
    if (!this.plot) this.plot = new uPlot(this.options(), data, this.holder);
    else this.plot.setData(data);
    this.element.classList.toggle("is-empty", !this.values.some((column) => column.some((v) => v !== null)));
  }

  redraw() {
    this.plot?.destroy();
    this.plot = null;
    this.draw();
  }

  resize() {
    this.plot?.setSize({ width: this.holder.clientWidth, height: this.height() });
  }

  height() {
    return 150;
  }

  options() {
    const style = getComputedStyle(page);
    const colour = (name) => style.getPropertyValue(name).trim();
    const [text, grid] = [colour("--ink-3"), colour("--line")];
    const font = `11px ${style.fontFamily}`;
    const axis = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    // Of stacked lines the last lies on top of all others and is drawn first.
    const order = this.lines.map((_, i) => i);
    return {
      width: this.holder.clientWidth,
      height: this.height(),
      padding: [8, 18, 0, 0],
      cursor: { sync: { key: "monitor" }, drag: { x: true, y: false }, points: { size: 6 } },
      legend: { live: true, isolate: true },
      scales: { x: { time: true }, y: { range: (_, low, high) => this.scale(low, high) } },
      axes: [
        { ...axis, size: 28, space: 64, values: (_, ticks, __, ___, step) => ticks.map((t) => clock(t, step)) },
        { ...axis, size: 62, space: 28, incrs: this.unit === "B" || this.unit === "B/s" ? POWERS_OF_TWO : undefined, values: (_, ticks) => ticks.map((v) => short(v, this.unit)) },
      ],
      series: [
        { value: (_, time) => (time === null ? "–" : new Date(time * 1000).toLocaleString()) },
        ...order.map((i) => ({
          label: this.lines[i].label,
          stroke: colour(`--series-${(i % SERIES_COLOURS) + 1}`),
          fill: this.stacked || this.lines.length === 1 ? faded(colour(`--series-${(i % SERIES_COLOURS) + 1}`)) : undefined,
          width: 1.5,
          points: { show: false },
          value: (_, __, ___, at) => short(at === null ? lastOf(this.values[i]) : this.values[i][at], this.unit),
        })),
      ],
      bands: this.stacked ? order.slice(1).map((i) => ({ series: [i + 1, i] })) : undefined,
    };
  }

  scale(low, high) {
    if (this.top !== null && this.top !== undefined) return [0, this.top];
    const bottom = Math.min(0, low ?? 0);
    const top = high === null || high <= bottom ? bottom + 1 : high + (high - bottom) * 0.08;
    return [bottom, top];
  }
}

function lastOf(column) {
  for (let i = column.length - 1; i >= 0; i -= 1) if (column[i] !== null) return column[i];
  return null;
}

function faded(colour) {
  return `color-mix(in srgb, ${colour} 22%, transparent)`;
}

function clock(time, step) {
  const date = new Date(time * 1000);
  const two = (n) => String(n).padStart(2, "0");
  if (step >= 86400) return `${two(date.getDate())}.${two(date.getMonth() + 1)}.`;
  const hour = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return step < 60 ? `${hour}:${two(date.getSeconds())}` : hour;
}

/** Columns that share one time axis; most charts have it already. */
function joined(tables) {
  const [first] = tables;
  const same = tables.every(([times]) => times.length === first[0].length && times[0] === first[0][0]);
  if (same) return [[...first[0]], ...tables.map(([, values]) => [...values])];
  return uPlot.join(tables).map((column) => Array.from(column, (v) => v ?? null));
}

/** Each column on top of the ones before it. */
function stack(columns) {
  const sums = new Array(columns[0]?.length ?? 0).fill(0);
  return columns.map((column) =>
    column.map((value, i) => {
      if (value === null) return null;
      sums[i] += value;
      return sums[i];
    }),
  );
}

async function loadRange() {
  page.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(`${page.dataset.series}${page.dataset.series.includes("?") ? "&" : "?"}range=${range}`, { headers: { accept: "application/json" } });
    if (!reply.ok) throw new Error(`the server answered ${reply.status}`);
    const { series } = await reply.json();
    for (const chart of charts.values()) chart.load(series);
  } catch (problem) {
    trouble(`No graphs: ${problem.message}`);
  } finally {
    page.removeAttribute("aria-busy");
  }
}

// ---------------------------------------------------------------- live values

function showCheck(seen) {
  const card = document.getElementById(seen.card);
  if (!card) return;
  if (card.dataset.layout !== seen.layout) return replaceCard(card, seen);
  const isNews = card.dataset.at !== String(seen.at);
  const changed = card.dataset.verdict !== seen.verdict;
  card.dataset.verdict = seen.verdict;
  card.dataset.at = String(seen.at);
  card.dataset.since = String(seen.since);
  if (changed) {
    const pill = document.querySelector(`[data-pill-of="${seen.verdict}"]`).content.cloneNode(true);
    card.querySelector("[data-pill]").replaceChildren(pill);
  }
  setText(card.querySelector("[data-message]"), seen.message);
  setText(document.querySelector("[data-seen-by]"), seen.seen_by.said);
  for (const { id, text, percent } of seen.values) {
    setText(document.getElementById(id), text);
    const meter = document.getElementById(`${id}-meter`);
    if (meter && percent !== null) meter.value = percent;
  }
  const bar = card.querySelector("[data-bar]");
  if (bar && isNews) {
    const mark = document.createElement("span");
    mark.className = `beat beat-${seen.verdict}`;
    mark.title = `${WORDS[seen.verdict]} at ${new Date(seen.at * 1000).toLocaleTimeString()}: ${seen.message}`;
    bar.append(mark);
    while (bar.childElementCount > BAR_LENGTH) bar.firstElementChild.remove();
  }
  if (range === "1h") appendSamples(seen);
  if (changed) {
    count();
    listProblems();
  }
}

/** The list on top: what is not well, the most urgent first. */
function listProblems() {
  const section = document.querySelector("[data-problems]");
  if (!section) return;
  const urgent = ["critical", "warning", "unknown"];
  const cards = [...document.querySelectorAll(".watch")].filter((card) => urgent.includes(card.dataset.verdict));
  cards.sort((a, b) => urgent.indexOf(a.dataset.verdict) - urgent.indexOf(b.dataset.verdict) || Number(a.dataset.since) - Number(b.dataset.since));
  const items = cards.map((card) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `#${card.id}`;
    const name = document.createElement("span");
    name.className = "problem-name";
    const machine = document.createElement("span");
    machine.className = "faint";
    machine.textContent = `on ${card.dataset.machine}`;
    name.append(card.querySelector("h3").textContent, " ", machine);
    const why = document.createElement("span");
    why.className = "problem-why";
    why.textContent = card.querySelector("[data-message]").textContent;
    const pill = card.querySelector("[data-pill] > *").cloneNode(true);
    link.append(pill, name, why);
    item.append(link);
    return item;
  });
  section.querySelector("[data-problem-list]").replaceChildren(...items);
  section.hidden = items.length === 0;
}

/** A value or a graph appeared or went: the server draws this card anew. */
async function replaceCard(card, seen) {
  if (card.dataset.layout === "") return;
  card.dataset.layout = "";
  try {
    const reply = await fetch(`${page.dataset.card}?id=${encodeURIComponent(seen.id)}&range=${range}`);
    if (!reply.ok) throw new Error(`the server answered ${reply.status}`);
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector(".watch");
    for (const element of card.querySelectorAll("[data-chart]")) forget(element);
    card.replaceWith(fresh);
    for (const element of fresh.querySelectorAll("[data-chart]")) watch(element);
    count();
    loadRange();
  } catch (problem) {
    trouble(`Not up to date: ${problem.message}`);
  }
}

function appendSamples(seen) {
  const rows = new Map(); // chart → line → value
  for (const { series, fields } of seen.samples) {
    for (const [field, value] of Object.entries(fields)) {
      for (const chart of chartsOfLine.get(`${series}\u0000${field}`) ?? []) {
        const at = chart.lines.findIndex((line) => line.series === series && line.field === field);
        rows.set(chart, (rows.get(chart) ?? new Map()).set(at, value));
      }
    }
  }
  for (const [chart, byLine] of rows) chart.append(Math.floor(seen.at), byLine);
}

function count() {
  const totals = { critical: 0, warning: 0, unknown: 0, ok: 0, pending: 0 };
  for (const card of document.querySelectorAll(".watch")) totals[card.dataset.verdict] += 1;
  for (const [verdict, total] of Object.entries(totals)) {
    const tile = document.querySelector(`[data-count="${verdict}"]`);
    if (!tile) continue;
    setText(tile.querySelector("[data-number]"), String(total));
    tile.classList.toggle("is-zero", total === 0);
  }
}

function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function tick() {
  if (document.hidden) return;
  const now = Date.now() / 1000;
  for (const card of document.querySelectorAll(".watch")) {
    if (card.dataset.at) setText(card.querySelector("[data-ago]"), ago(Number(card.dataset.at), now));
  }
}

// ---------------------------------------------------------------- the stream

function live(state, word) {
  const sign = document.querySelector("[data-live-state]");
  if (!sign) return;
  sign.dataset.liveState = state;
  setText(sign.querySelector("[data-live-word]"), word);
}

/** Something could not be fetched: says so where the stream's state stands. */
function trouble(words) {
  live("stale", words);
}

let wasAway = false;

function listen() {
  const stream = rem.listen("checks", "");
  stream.addEventListener("open", () => {
    live("live", "Live");
    // What happened while nobody listened is not sent again.
    if (wasAway) refresh();
    wasAway = false;
  });
  stream.addEventListener("error", () => {
    live("stale", "Stale");
    wasAway = true;
  });
  return stream;
}

// ---------------------------------------------------------------- start

// Only graphs that can be seen are drawn.
const inView = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const chart = charts.get(target);
    if (!chart) continue;
    chart.visible = isIntersecting;
    if (isIntersecting && chart.dirty) chart.draw();
  }
}, { rootMargin: "200px" });

function watch(element) {
  charts.set(element, new Chart(element));
  inView.observe(element);
}

function forget(element) {
  const chart = charts.get(element);
  inView.unobserve(element);
  charts.delete(element);
  chart?.plot?.destroy();
  for (const [key, drawn] of chartsOfLine) chartsOfLine.set(key, drawn.filter((other) => other !== chart));
}

function start() {
  for (const element of document.querySelectorAll("[data-chart]")) watch(element);
  new ResizeObserver(() => {
    for (const chart of charts.values()) chart.resize();
  }).observe(page);
  const redraw = () => {
    for (const chart of charts.values()) chart.redraw();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.addEventListener("rem:theme", redraw);
  document.addEventListener("rem:checks", ({ detail }) => showCheck(detail.data));
  document.addEventListener("rem:resync", (event) => {
    event.preventDefault();
    refresh();
  });

  for (const link of document.querySelectorAll("[data-range-link]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      range = link.dataset.rangeLink;
      history.replaceState(null, "", link.href);
      for (const other of document.querySelectorAll("[data-range-link]")) {
        if (other === link) other.setAttribute("aria-current", "true");
        else other.removeAttribute("aria-current");
      }
      loadRange();
    });
  }

  loadRange();
  let stream = listen();
  // A hidden page costs the server nothing: the stream ends and begins anew.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return stream.close();
    if (stream.readyState !== EventSource.CLOSED) return;
    wasAway = true;
    stream = listen();
  });
  setInterval(tick, 1000);
  // Longer ranges move slowly: a new look every minute is as live as they get.
  setInterval(() => range !== "1h" && !document.hidden && loadRange(), 60_000);
  tick();
}

/** A card of the page's JSON twin in the shape of a live check, without samples. */
function seenOf(card) {
  const values = card.rows.flatMap(({ cells }) => cells);
  return { card: card.slug, id: card.id, verdict: card.state, layout: card.layout, at: card.at, since: card.since, message: card.message, seen_by: card.seen_by, values, samples: [] };
}

/** Brings values and graphs up to date after the stream was away. */
async function refresh() {
  try {
    const reply = await fetch(page.dataset.self, { headers: { accept: "application/json" } });
    if (!reply.ok) throw new Error(`the server answered ${reply.status}`);
    const overview = await reply.json();
    for (const { cards } of overview.machines) for (const card of cards) if (card.at !== null) showCheck(seenOf(card));
    count();
  } catch (problem) {
    trouble(`Not up to date: ${problem.message}`);
  }
  loadRange();
}

if (page) {
  // For the curious, and for the browser tests.
  globalThis.remMonitor = { points: () => [...charts.values()].reduce((sum, chart) => sum + chart.times.length, 0) };
  start();
}
