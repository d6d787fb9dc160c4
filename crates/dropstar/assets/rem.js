// The live parts of every page. Without it, pages still read and forms still post.
(() => {
  "use strict";
  const rem = (window.rem = window.rem || {});
  const find = (selector, root) => Array.from((root || document).querySelectorAll(selector));

  // Forms sent by htmx carry the page's token; plain forms have it as a field.
  document.addEventListener("htmx:config:request", (event) => {
    const meta = document.querySelector('meta[name="csrf-token"]');
    const headers = event.detail && event.detail.ctx && event.detail.ctx.request && event.detail.ctx.request.headers;
    if (meta && meta.content && headers) headers["X-CSRF-Token"] = meta.content;
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset && event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  }, true);

  // One stream for the page: <body data-events="topic,topic" data-since="…">.
  // JSON fills [data-live="topic.key"], HTML replaces elements by their ids, and
  // everything is told to the page's own scripts as "rem:<topic>".
  const clock = (date) => date.toLocaleTimeString([], { hour12: false });
  let staleTimer = 0;
  const fresh = () => {
    clearTimeout(staleTimer);
    staleTimer = 0;
    const banner = document.getElementById("rem-stale");
    if (banner) banner.hidden = true;
  };
  const stale = (since) => {
    if (staleTimer) return;
    staleTimer = setTimeout(() => {
      const banner = document.getElementById("rem-stale");
      if (!banner) return;
      const time = banner.querySelector("time");
      if (time) time.textContent = clock(since);
      banner.hidden = false;
    }, 3000);
  };
  const fill = (prefix, value) => {
    if (value !== null && typeof value === "object") {
      for (const key of Object.keys(value)) fill(prefix + "." + key, value[key]);
      return;
    }
    for (const place of find("[data-live]")) {
      if (place.dataset.live !== prefix) continue;
      const text = value === null ? "–" : String(value);
      if (place.textContent !== text) place.textContent = text;
    }
  };
  const replace = (html) => {
    const parsed = new DOMParser().parseFromString("<template>" + html + "</template>", "text/html");
    const template = parsed.querySelector("template");
    for (const element of find("[id]", template.content)) {
      if (element.parentElement && element.parentElement.closest("[id]")) continue;
      const old = document.getElementById(element.id);
      if (!old || old.isEqualNode(element)) continue;
      const had = old.contains(document.activeElement) ? document.activeElement.id : "";
      const now = document.importNode(element, true);
      old.replaceWith(now);
      if (window.htmx) window.htmx.process(now);
      rem.charts(now);
      if (had) document.getElementById(had)?.focus({ preventScroll: true });
    }
  };
  const tell = (name, data, id) => document.dispatchEvent(new CustomEvent("rem:" + name, { detail: { data, id }, cancelable: true }));
  rem.listen = (topics, since) => {
    let url = (document.body.dataset.eventsAt || "/events") + "?topics=" + encodeURIComponent(topics);
    if (since) url += "&since=" + encodeURIComponent(since);
    const stream = new EventSource(url);
    let last = new Date();
    stream.onopen = fresh;
    stream.onerror = () => {
      stale(last);
      // The browser does not try again after an answer such as 401 or 503.
      if (stream.readyState === EventSource.CLOSED) setTimeout(() => rem.listen(topics, ""), 5000);
    };
    stream.onmessage = (event) => {
      last = new Date();
      replace(event.data);
    };
    stream.addEventListener("resync", (event) => {
      if (tell("resync", event.data)) location.reload();
    });
    for (const topic of topics.split(",")) {
      stream.addEventListener(topic, (event) => {
        last = new Date();
        let data = event.data;
        try {
          data = JSON.parse(data);
          fill(topic, data);
        } catch {
          fill(topic, data);
        }
        tell(topic, data, event.lastEventId);
      });
    }
    addEventListener("pagehide", () => stream.close(), { once: true });
    return stream;
  };

  // Charts: <figure class="chart" data-src="…"> with {"time": [s…], "unit": "ms",
  // "series": [{"name": "…", "values": [n or null…]}], "bands"?: …}.
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const drawn = new Map();
  const short = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size >= 1e9) return (value / 1e9).toFixed(1) + " G";
    if (size >= 1e6) return (value / 1e6).toFixed(1) + " M";
    if (size >= 1e4) return (value / 1e3).toFixed(1) + " k";
    return String(Math.round(value * 100) / 100);
  };
  rem.short = short;
  rem.chart = (figure, data) => {
    const area = figure.querySelector(".chart-area");
    if (!area || !window.uPlot) return;
    const series = (data && data.series) || [];
    const has = data && data.time && data.time.length > 0 && series.length > 0;
    const before = drawn.get(figure);
    if (before) before.plot.destroy();
    drawn.delete(figure);
    if (!has) {
      area.dataset.empty = "No data in this range";
      return;
    }
    delete area.dataset.empty;
    const axis = { stroke: css("--ink-3"), font: "11px " + css("--font"), grid: { stroke: css("--line"), width: 1 }, ticks: { show: false } };
    const span = data.time[data.time.length - 1] - data.time[0];
    const two = (number) => String(number).padStart(2, "0");
    const moment = (seconds, long) => {
      const at = new Date(seconds * 1000);
      const day = two(at.getMonth() + 1) + "-" + two(at.getDate());
      const time = two(at.getHours()) + ":" + two(at.getMinutes());
      return span > 172800 && !long ? day : long ? day + " " + time + ":" + two(at.getSeconds()) : time;
    };
    const plot = new window.uPlot({
      width: Math.max(area.clientWidth, 120),
      height: figure.classList.contains("chart-l") ? 320 : 180,
      legend: { show: series.length > 1, live: true },
      cursor: { sync: { key: figure.dataset.sync || "rem" }, points: { size: 6 }, drag: { x: true, y: false } },
      scales: { x: { time: true }, y: { range: (_, min, max) => [Math.min(0, min), max > 0 ? max * 1.08 : 1] } },
      axes: [{ ...axis, size: 28, values: (_, ticks) => ticks.map((tick) => moment(tick)) }, { ...axis, size: 54, values: (_, ticks) => ticks.map(short) }],
      series: [{ label: "Time", value: (_, time) => (time === null ? "–" : moment(time, true)) }].concat(series.map((one, at) => ({
        label: one.name,
        stroke: css("--series-" + ((at % 6) + 1)),
        fill: series.length === 1 ? css("--accent-soft") : undefined,
        width: 1.6,
        spanGaps: false,
        points: { show: false },
        value: (_, value) => (value === null ? "–" : short(value) + (data.unit ? " " + data.unit : "")),
      }))),
    }, [data.time].concat(series.map((one) => one.values)), area);
    drawn.set(figure, { plot, data });
    table(figure, data, series);
  };
  const table = (figure, data, series) => {
    const body = figure.querySelector(".chart-data tbody");
    const head = figure.querySelector(".chart-data thead tr");
    if (!body || !head) return;
    const cell = (kind, text) => {
      const element = document.createElement(kind);
      element.textContent = text;
      if (kind === "th") element.scope = "col";
      return element;
    };
    head.replaceChildren(cell("th", "Time"), ...series.map((one) => cell("th", one.name)));
    const from = Math.max(0, data.time.length - 60);
    const rows = data.time.slice(from).map((time, at) => {
      const row = document.createElement("tr");
      row.append(cell("td", clock(new Date(time * 1000))), ...series.map((one) => cell("td", short(one.values[from + at]))));
      return row;
    });
    body.replaceChildren(...rows.reverse());
  };
  const load = async (figure) => {
    try {
      const answer = await fetch(figure.dataset.src, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.status);
      rem.chart(figure, await answer.json());
    } catch {
      const area = figure.querySelector(".chart-area");
      if (area && !drawn.has(figure)) area.dataset.empty = "Not available right now";
    }
  };
  const seen = "IntersectionObserver" in window && new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      load(entry.target);
    }
  }, { rootMargin: "200px" });
  rem.charts = (root) => {
    const inside = find("figure.chart[data-src]", root || document);
    if (root && root.matches && root.matches("figure.chart[data-src]")) inside.push(root);
    for (const figure of inside) {
      if (seen) seen.observe(figure);
      else load(figure);
      const seconds = Number(figure.dataset.refresh || 0);
      if (seconds > 0 && !figure.dataset.timed) {
        figure.dataset.timed = "1";
        const timer = setInterval(() => {
          if (!figure.isConnected) clearInterval(timer);
          else if (!document.hidden) load(figure);
        }, seconds * 1000);
      }
    }
  };
  const redraw = () => {
    for (const [figure, { plot, data }] of Array.from(drawn)) {
      if (figure.isConnected) rem.chart(figure, data);
      else {
        plot.destroy();
        drawn.delete(figure);
      }
    }
  };
  let resizing = 0;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(redraw, 120);
  });
  document.addEventListener("rem:theme", redraw);

  // <time data-ago datetime="…"> says how long ago, and keeps saying it right.
  const ago = () => {
    for (const place of find("time[data-ago]")) {
      const seconds = Math.round((Date.now() - Date.parse(place.dateTime)) / 1000);
      if (Number.isNaN(seconds)) continue;
      const steps = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
      const [size, unit] = steps.find(([size]) => seconds >= size) || [1, "s"];
      const text = Math.max(0, Math.floor(seconds / size)) + " " + unit + " ago";
      if (place.textContent !== text) place.textContent = text;
      if (!place.title) place.title = new Date(place.dateTime).toLocaleString();
    }
  };
  setInterval(() => document.hidden || ago(), 1000);

  document.addEventListener("DOMContentLoaded", () => {
    ago();
    rem.charts();
    const topics = document.body.dataset.events;
    if (topics) rem.listen(topics, document.body.dataset.since || "");
  });
})();
