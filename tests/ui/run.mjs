// Browser tests of the monitor's pages: the real binary, real Chromium, no internet.
// `make ui` runs them; screenshots land in tests/ui/out for people to look at.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import axe from "axe-core";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const out = join(here, "out");
const binary = process.env.REM_MONITOR ?? join(root, "target", "debug", "rem-monitor");
const PAGE_BUDGET = 65_000; // bytes, compressed

const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const failures = [];
let passed = 0;

async function test(name, body) {
  const started = Date.now();
  try {
    await body();
    passed += 1;
    console.log(`ok      ${name} (${Date.now() - started} ms)`);
  } catch (problem) {
    failures.push(name);
    console.log(`FAILED  ${name}\n        ${String(problem.stack ?? problem).replaceAll("\n", "\n        ")}`);
  }
}

function check(truth, words) {
  if (!truth) throw new Error(words);
}

async function waitFor(what, condition, patience = 30_000) {
  const until = Date.now() + patience;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (problem) {
      if (Date.now() > until) throw problem;
    }
    if (Date.now() > until) throw new Error(`waited ${patience} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function start(folder, port) {
  const file = join(folder, "monitor.yaml");
  const text = await readFile(join(here, "monitor.yaml"), "utf8");
  await writeFile(file, text.replaceAll("PORT", String(port)));
  const child = spawn(binary, [file, "--log", "warn"], { stdio: ["ignore", "inherit", "inherit"] });
  const ended = once(child, "exit");
  await waitFor("the first page", async () => (await fetch(`http://127.0.0.1:${port}/system_monitor/monitor`)).ok);
  return { child, ended };
}

async function stop({ child, ended }) {
  child.kill("SIGTERM");
  const [code] = await ended;
  check(code === 0, `rem-monitor ended with ${code} after SIGTERM`);
}

/** A page that notes everything that should not happen. */
async function visit(browser, origin, path, { size, scheme, scripts = true }) {
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: scheme, javaScriptEnabled: scripts, reducedMotion: "reduce" });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  await context.route("**/*", (route) => {
    const { url } = { url: route.request().url() };
    if (url.startsWith(origin) || url.startsWith("data:")) return route.continue();
    faults.push(`another origin: ${url}`);
    return route.abort();
  });
  const reply = await page.goto(origin + path, { waitUntil: "domcontentloaded" });
  check(reply.status() === 200, `${path} answered ${reply.status()}`);
  return { context, page, faults };
}

const folder = await mkdtemp(join(tmpdir(), "rem-ui-"));
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const monitor = "/system_monitor/monitor";
let running = await start(folder, port);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

await test("within 15 seconds every monitor has been looked at", async () => {
  await waitFor("no monitor waiting", async () => {
    const page = await (await fetch(`${origin}${monitor}.json`)).json();
    return page.total > 0 && page.counts.find((count) => count.state === "pending").number === 0;
  }, 15_000);
});

for (const size of Object.keys(sizes)) {
  for (const scheme of ["light", "dark"]) {
    await test(`the monitor page on a ${size}, ${scheme}`, async () => {
      const { context, page, faults } = await visit(browser, origin, monitor, { size, scheme });
      await page.waitForSelector(".graph canvas");
      await waitFor("a live stream", async () => (await page.textContent("[data-live-word]")) === "Live");
      await page.waitForFunction(() => document.querySelectorAll(".beat").length > 3);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `the page is ${wide} px wider than the window`);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
      check(violations.length === 0, `axe: ${violations.map((v) => `${v.id} (${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).slice(0, 3).join("; ")})`).join("\n")}`);
      await page.screenshot({ path: join(out, `monitor-${size}-${scheme}.png`), fullPage: true });
      check(faults.length === 0, faults.join("\n"));
      await context.close();
    });
  }
}

await test("a failing target says why, in words and not by colour alone", async () => {
  const { context, page } = await visit(browser, origin, monitor, { size: "desktop", scheme: "light" });
  const card = page.locator(".watch", { hasText: "A target that fails" }).first();
  await waitFor("the failure", async () => (await card.locator("[data-pill]").textContent()).trim() === "Critical");
  check((await card.locator("[data-message]").textContent()).includes("refused"), "the reason is missing");
  check((await card.locator("[data-pill] .pill-critical svg").count()) === 1, "the icon is missing");
  check((await page.locator("[data-problem-list]").textContent()).includes("A target that fails"), "it is not in the list of problems");
  await context.close();
});

await test("values, bars and graphs move without a reload", async () => {
  const { context, page, faults } = await visit(browser, origin, monitor, { size: "desktop", scheme: "light" });
  await page.waitForSelector(".graph canvas");
  await page.evaluate(() => { globalThis.isStillTheSamePage = true; });
  const card = page.locator(".watch", { hasText: "CPU" }).first();
  const at = await card.getAttribute("data-at");
  const points = () => page.evaluate(() => globalThis.remMonitor.points());
  const before = await points();
  await waitFor("a newer check on the page", async () => (await card.getAttribute("data-at")) !== at);
  await waitFor("more points in the graphs", async () => (await points()) > before);
  check(await page.evaluate(() => globalThis.isStillTheSamePage), "the page was loaded again");
  check(faults.length === 0, faults.join("\n"));
  await context.close();
});

await test("the ranges are reached by keyboard and change the graphs in place", async () => {
  const { context, page, faults } = await visit(browser, origin, monitor, { size: "desktop", scheme: "light" });
  await page.waitForSelector(".graph canvas");
  await page.locator("[data-range-link='1d']").focus();
  const loaded = page.waitForResponse((reply) => reply.url().includes("range=1d"));
  await page.keyboard.press("Enter");
  check((await loaded).ok(), "the numbers of one day could not be loaded");
  check((await page.locator("[data-range-link][aria-current]").textContent()).trim() === "1 day", "the range is not marked");
  check(page.url().includes("range=1d"), "the address does not say the range");
  const week = page.waitForResponse((reply) => reply.url().includes("range=1w"));
  await page.locator("[data-range-link='1w']").click();
  check((await week).ok(), "the numbers of one week could not be loaded");
  check(faults.length === 0, faults.join("\n"));
  await context.close();
});

await test("without scripts the page still shows states, values and graphs", async () => {
  const { context, page } = await visit(browser, origin, monitor, { size: "desktop", scheme: "light", scripts: false });
  check((await page.locator(".pill").count()) > 5, "no states");
  check((await page.locator(".figures dd").count()) > 3, "no values");
  const image = await page.locator(".graph img").first().getAttribute("src");
  const reply = await fetch(origin + image);
  check(reply.ok && reply.headers.get("content-type").startsWith("image/svg"), `the picture of a graph answered ${reply.status}`);
  await page.screenshot({ path: join(out, "monitor-no-scripts.png") });
  await context.close();
});

// ---------------------------------------------------------------- alerts, shifts, holds

async function call(method, params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const reply = await (await fetch(`${origin}/rpc`, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
  check(!reply.error, `${method}: ${reply.error?.message}`);
  return reply.result;
}

await test("alerts that are posted are on the page at once", async () => {
  const alerts = ["one", "two", "three"].map((x) => ({ labels: { alertname: "Posted", instance: "this-machine:9100", x }, annotations: { summary: `<b>${x}</b> is too high` } }));
  const reply = await fetch(`${origin}/api/v2/alerts`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(alerts) });
  check(reply.ok, `the post answered ${reply.status}`);
  const { context, page, faults } = await visit(browser, origin, "/system_monitor/alerts", { size: "desktop", scheme: "light" });
  check((await page.locator(".alert-title", { hasText: "Posted" }).count()) === 3, "they are not listed");
  check((await page.locator(".alert-why", { hasText: "<b>one</b> is too high" }).count()) === 1, "the message is not shown as text");
  check(faults.length === 0, faults.join("\n"));
  await context.close();
});

const posted = (await call("alert.list", {})).alerts.find((alert) => alert.alert === "Posted");
const one = (await call("monitor.list", {}))[0].id;
const others = {
  alerts: "/system_monitor/alerts",
  alert: `/system_monitor/alert?id=${posted?.number}`,
  one: `/system_monitor/one?id=${encodeURIComponent(one)}`,
  oncall: "/system_monitor/oncall",
  calendar: "/system_monitor/calendar?role=web",
  holds: "/system_monitor/holds",
};
for (const [name, path] of Object.entries(others)) {
  for (const size of Object.keys(sizes)) {
    for (const scheme of ["light", "dark"]) {
      await test(`the page ${name} on a ${size}, ${scheme}`, async () => {
        const { context, page, faults } = await visit(browser, origin, path, { size, scheme });
        // What is folded up has to be as good as what is seen at once.
        await page.evaluate(() => { for (const part of document.querySelectorAll("details")) part.open = true; });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(wide <= 0, `the page is ${wide} px wider than the window`);
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
        check(violations.length === 0, `axe: ${violations.map((v) => `${v.id} (${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).slice(0, 3).join("; ")})`).join("\n")}`);
        await page.screenshot({ path: join(out, `${name}-${size}-${scheme}.png`), fullPage: true });
        check(faults.length === 0, faults.join("\n"));
        await context.close();
      });
    }
  }
}

await test("without scripts and by keyboard alone an alert is acknowledged on a phone", async () => {
  const { context, page } = await visit(browser, origin, "/system_monitor/alerts", { size: "phone", scheme: "light", scripts: false });
  await page.locator("#by-list").selectOption("ann");
  await page.locator("#comment-list").fill("on my way");
  const button = page.locator(`button[value="ack:${posted.number}"]`);
  await button.focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/system_monitor/alerts?done=ack");
  check((await page.locator(".note-ok").textContent()).includes("Acknowledged"), "the page does not say so");
  const alert = await call("alert.get", { id: posted.number });
  check(alert.ack?.by === "ann", "nobody acknowledged it");
  check(alert.timeline.some((line) => line.text.includes("on my way")), "the comment is lost");
  await context.close();
});

await test("the page weighs no more than its budget", async () => {
  const urls = new Set([`${origin}${monitor}`]);
  const html = await (await fetch(`${origin}${monitor}`)).text();
  for (const [, url] of html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) urls.add(origin + url);
  let total = 0;
  for (const url of urls) {
    const [reply] = await once(get(url, { headers: { "accept-encoding": "gzip, br" } }), "response");
    for await (const chunk of reply) total += chunk.length;
  }
  check(total > 10_000 && total <= PAGE_BUDGET, `${urls.size} files weigh ${total} bytes, the budget is ${PAGE_BUDGET}`);
  console.log(`        ${urls.size} files, ${total} bytes compressed`);
});

await test("a stopped monitor is seen, and the page recovers by itself", async () => {
  const { context, page } = await visit(browser, origin, monitor, { size: "desktop", scheme: "dark" });
  await waitFor("a live stream", async () => (await page.textContent("[data-live-word]")) === "Live");
  await stop(running);
  await page.waitForSelector("#rem-stale:not([hidden])");
  check((await page.textContent("[data-live-word]")) === "Stale", "the page does not say so beside its name");
  await page.screenshot({ path: join(out, "monitor-stale.png") });
  running = await start(folder, port);
  await waitFor("a live stream again", async () => (await page.textContent("[data-live-word]")) === "Live");
  const numbers = await (await fetch(`${origin}/system_monitor/series?range=1h`)).json();
  const known = Object.values(numbers.series).some(({ fields }) => Object.values(fields).some((values) => values.filter((v) => v !== null).length > 2));
  check(known, "the graphs began anew after the restart");
  await context.close();
});

await browser.close();
await stop(running);
await rm(folder, { recursive: true, force: true });
console.log(`\n${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
