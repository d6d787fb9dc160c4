// Browser tests of the monitor's pages: the real binary, real Chromium, no internet.
// `make ui` runs them; screenshots land in tests/ui/out for people to look at.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
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

async function start(folder, port, text) {
  const file = join(folder, "monitor.yaml");
  await writeFile(file, text);
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
async function visit(browser, origin, path, { size, scheme, scripts = true, state, credentials }) {
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: scheme, javaScriptEnabled: scripts, reducedMotion: "reduce", storageState: state, httpCredentials: credentials });
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

/** What every page has to be, and its picture for people. */
async function inspect(page, faults, picture) {
  // What is folded up has to be as good as what is seen at once.
  await page.evaluate(() => { for (const part of document.querySelectorAll("details")) part.open = true; });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wide <= 0, `the page is ${wide} px wider than the window`);
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
  check(violations.length === 0, `axe: ${violations.map((v) => `${v.id} (${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).slice(0, 3).join("; ")})`).join("\n")}`);
  // Graphs are drawn when they come into sight.
  await page.evaluate(async () => {
    for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
      scrollTo(0, y);
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    }
    scrollTo(0, 0);
  });
  await page.screenshot({ path: join(out, `${picture}.png`), fullPage: true });
  check(faults.length === 0, faults.join("\n"));
}

/** On each size, light and dark. */
async function everywhere(name, body) {
  for (const size of Object.keys(sizes)) {
    for (const scheme of ["light", "dark"]) {
      await test(`the page ${name} on a ${size}, ${scheme}`, () => body({ size, scheme }, `${name}-${size}-${scheme}`));
    }
  }
}

const folder = await mkdtemp(join(tmpdir(), "rem-ui-"));
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const port = await freePort();
const signPort = await freePort();
const origin = `http://127.0.0.1:${port}`;
const guarded = `http://127.0.0.1:${signPort}`;
const PASSWORD = "a long enough password";

/** What people were told by webhook, as one text. */
let told = "";
const hook = createHttpServer((request, reply) => {
  request.setEncoding("utf8").on("data", (piece) => { told += piece; }).on("end", () => reply.end("taken"));
}).listen(0, "127.0.0.1");
await once(hook, "listening");
const hash = spawnSync(binary, ["hash-password"], { input: `${PASSWORD}\n`, encoding: "utf8" }).stdout.trim();
const filled = { PORT: port, SIGN: signPort, HOOK: hook.address().port, HASH: hash };
const yaml = (await readFile(join(here, "monitor.yaml"), "utf8")).replaceAll(/PORT|SIGN|HOOK|HASH/g, (word) => filled[word]);
await mkdir(join(folder, "conf.d"));
const monitor = "/system_monitor/monitor";
let running = await start(folder, port, yaml);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

await test("within 15 seconds every monitor but the passive one has been looked at", async () => {
  await waitFor("no monitor waiting", async () => {
    const page = await (await fetch(`${origin}${monitor}.json`)).json();
    return page.total > 0 && page.counts.find((count) => count.state === "pending").number === 1;
  }, 15_000);
});

for (const size of Object.keys(sizes)) {
  for (const scheme of ["light", "dark"]) {
    await test(`the monitor page on a ${size}, ${scheme}`, async () => {
      const { context, page, faults } = await visit(browser, origin, monitor, { size, scheme });
      await page.waitForSelector(".graph canvas");
      await waitFor("a live stream", async () => (await page.textContent("[data-live-word]")) === "Live");
      await page.waitForFunction(() => document.querySelectorAll(".beat").length > 3);
      await inspect(page, faults, `monitor-${size}-${scheme}`);
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

const alerts = async () => (await call("alert.list", {})).alerts;
const posted = (await alerts()).find((alert) => alert.alert === "Posted");
const monitors = await call("monitor.list", {});
const oneOf = (id) => `/system_monitor/one?id=${encodeURIComponent(monitors.find((monitor) => monitor.id.endsWith(id)).id)}`;

let switchDown, held;
await test("what hangs on a failed switch is held, and the switch is one alert", async () => {
  await waitFor("the alert about the switch and the held one", async () => {
    const all = await alerts();
    switchDown = all.find((alert) => alert.subject === "machine:switch-1" && alert.display === "communicating");
    held = all.find((alert) => alert.subject === "machine:db-1" && alert.held_by);
    return switchDown && held;
  });
  await call("alert.ack", { id: posted.number, by: "ann" });
  await call("alert.comment", { id: posted.number, by: "ann", text: "the provider says 20 minutes", comment: "the provider says 20 minutes" });
  await call("hold.add", { match: "alert = Posted and x = two", why: "new disks", for: "2h", by: "ann" });
  await call("monitor.push", { id: monitors.find((monitor) => monitor.id.endsWith("/backup/nightly")).id, verdict: "critical", message: "no space left on the tape", readings: { took: "3h", written: "12GB" }, source: "backup.sh", ttl: "1d" });
});

let link;
await test("a message about it has a link to answer with", async () => {
  link = await waitFor("the link", async () => /\/system_monitor\/ack[/?][^"\s\\]+/.exec(told)?.[0]);
});

const others = {
  alerts: "/system_monitor/alerts",
  "alerts-of-cause": "/system_monitor/alerts?cause=machine%3Aswitch-1",
  "alert-acknowledged": `/system_monitor/alert?id=${posted?.number}`,
  "alert-open": `/system_monitor/alert?id=${switchDown?.number}`,
  "alert-held": `/system_monitor/alert?id=${held?.number}`,
  "one-levels": oneOf("/reach/reach"),
  "one-groups": oneOf("/linux/disk"),
  "one-passive": oneOf("/backup/nightly"),
  "one-long-name": oneOf("/web/broken"),
  oncall: "/system_monitor/oncall",
  calendar: "/system_monitor/calendar?role=web",
  "calendar-gaps": "/system_monitor/calendar?role=nobody-left",
  holds: "/system_monitor/holds",
  ack: link,
};
for (const [name, path] of Object.entries(others)) {
  await everywhere(name, async (how, picture) => {
    const { context, page, faults } = await visit(browser, origin, path, how);
    if (path.includes("/one?")) await page.waitForSelector(".graph canvas, .watch:not(:has(.graph))");
    await inspect(page, faults, picture);
    await context.close();
  });
}

await everywhere("sign-in", async (how, picture) => {
  const context = await browser.newContext({ viewport: sizes[how.size], colorScheme: how.scheme });
  const page = await context.newPage();
  await page.goto(`${guarded}/sign_in`);
  await inspect(page, [], picture);
  await page.fill("[name=user]", "bob");
  await page.fill("[name=password]", "not the password");
  await page.click("button[type=submit]");
  check((await page.textContent(".note-critical")).trim().length > 0, "a wrong password is not told");
  await inspect(page, [], `${picture}-refused`);
  await context.close();
});

await test("a user of the file signs in, and who may only look has no buttons", async () => {
  const context = await browser.newContext({ viewport: sizes.desktop });
  const page = await context.newPage();
  const signIn = async (name) => {
    await page.goto(`${guarded}/sign_in?next=/system_monitor/alert%3Fid=${switchDown.number}`);
    await page.fill("[name=user]", name);
    await page.fill("[name=password]", PASSWORD);
    await page.click("main button[type=submit]");
    await page.waitForURL(/system_monitor/);
    await page.goto(`${guarded}/system_monitor/alert?id=${switchDown.number}`);
  };
  await signIn("bob");
  check((await page.textContent(".who")) === "bob", "the page does not say who is signed in");
  check((await page.locator("button[value=ack]").count()) === 0, "a viewer has the buttons");
  await inspect(page, [], "alert-viewer-desktop-light");
  await context.clearCookies();
  await signIn("ann");
  check((await page.locator("button[value=ack]").count()) === 1, "an admin has no buttons");
  check((await page.locator("select[name=by]").count()) === 0, "who is signed in is asked for a name");
  await page.fill("#comment", "seen");
  await page.click("button[value=take]");
  await page.waitForURL(/done=take/);
  const alert = await call("alert.get", { id: switchDown.number });
  check(alert.owner === "ann", `it belongs to ${alert.owner}`);
  await context.close();
});

await test("on a phone the answer comes before what happened, large enough for thumbs", async () => {
  const { context, page } = await visit(browser, origin, `/system_monitor/alert?id=${held.number}`, { size: "phone", scheme: "light", scripts: false });
  const box = (selector) => page.locator(selector).first().boundingBox();
  const [ack, timeline, facts] = [await box("button[value=ack]"), await box("#timeline"), await box("#facts")];
  check(ack.y < timeline.y && ack.y < facts.y, "the answer stands below");
  check(ack.y + ack.height <= sizes.phone.height, `the button is not on the first screen: ${ack.y}`);
  for (const value of ["ack", "snooze:10m", "snooze:30m", "snooze:1h", "snooze", "take", "comment"]) {
    const { width, height } = await box(`.answer button[value="${value}"]`);
    check(width >= 44 && height >= 48, `${value} is ${width} x ${height}`);
  }
  await page.locator("#by").selectOption("ann");
  await page.locator("#comment").fill("from the train");
  await page.click('.answer button[value="snooze:30m"]');
  await page.waitForURL(/done=snooze/);
  const alert = await call("alert.get", { id: held.number });
  check(alert.ack?.by === "ann", "nobody snoozed it");
  check(alert.timeline.some((line) => line.text.includes("from the train")), "the comment is lost");
  await context.close();
});

await test("a file that is not in order is said on every page, and changes nothing", async () => {
  await writeFile(join(folder, "conf.d", "broken.yaml"), "machines: {web-09: {adress: 192.0.2.9}}\nservices: {shop: {packages: [apache]}}\n");
  const notice = async () => (await (await fetch(`${origin}/system_monitor/alerts`)).text()).includes("The file is not in order");
  await waitFor("the notice", notice);
  for (const size of Object.keys(sizes)) {
    for (const scheme of ["light", "dark"]) {
      const { context, page, faults } = await visit(browser, origin, "/system_monitor/alerts", { size, scheme });
      check((await page.textContent(".banner-text")).includes("did you mean address?"), "the mistake is not shown");
      await inspect(page, faults, `broken-file-${size}-${scheme}`);
      await context.close();
    }
  }
  await rm(join(folder, "conf.d", "broken.yaml"));
  await waitFor("the notice to go", async () => !(await notice()));
});

await test("a site with nothing in it says what to do", async () => {
  const bare = await mkdtemp(join(tmpdir(), "rem-ui-"));
  const barePort = await freePort();
  const site = await start(bare, barePort, `site: empty\nlisten: [{http: "127.0.0.1:${barePort}"}]\n`);
  for (const name of ["monitor", "alerts", "oncall", "calendar", "holds"]) {
    for (const [size, scheme] of [["desktop", "light"], ["phone", "dark"]]) {
      const { context, page, faults } = await visit(browser, `http://127.0.0.1:${barePort}`, `/system_monitor/${name}`, { size, scheme });
      // One hold is always there: that of deployments with `notify: none`.
      check(name === "holds" || (await page.locator(".empty").count()) > 0, `${name} says nothing`);
      await inspect(page, faults, `empty-${name}-${size}-${scheme}`);
      await context.close();
    }
  }
  await stop(site);
  await rm(bare, { recursive: true, force: true });
});

await test("without scripts and by keyboard alone an alert is acknowledged on a phone", async () => {
  const unanswered = (await alerts()).find((alert) => alert.alert === "Posted" && !alert.ack);
  const { context, page } = await visit(browser, origin, "/system_monitor/alerts", { size: "phone", scheme: "light", scripts: false });
  await page.locator("#by-list").selectOption("ann");
  await page.locator("#comment-list").fill("on my way");
  const button = page.locator(`button[value="ack:${unanswered.number}"]`);
  await button.focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/system_monitor/alerts?done=ack");
  check((await page.locator(".note-ok").textContent()).includes("Acknowledged"), "the page does not say so");
  const alert = await call("alert.get", { id: unanswered.number });
  check(alert.ack?.by === "ann", "nobody acknowledged it");
  check(alert.timeline.some((line) => line.text.includes("on my way")), "the comment is lost");
  await context.close();
});

await test("no page weighs more than its budget", async () => {
  const weigh = async (url) => {
    const [reply] = await once(get(url, { headers: { "accept-encoding": "gzip, br" } }), "response");
    let total = 0;
    for await (const chunk of reply) total += chunk.length;
    return total;
  };
  const known = new Map();
  for (const [name, path] of Object.entries({ monitor, ...others, "sign-in": `${guarded}/sign_in` })) {
    const url = path.startsWith("http") ? path : origin + path;
    const html = await (await fetch(url)).text();
    const own = await weigh(url);
    let total = own;
    for (const [, asset] of html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
      if (!known.has(asset)) known.set(asset, await weigh(origin + asset));
      total += known.get(asset);
    }
    console.log(`        ${name.padEnd(20)} ${String(own).padStart(6)} bytes alone, ${String(total).padStart(6)} with its assets, compressed`);
    check(total > 5_000 && total <= PAGE_BUDGET, `${name} weighs ${total} bytes, the budget is ${PAGE_BUDGET}`);
  }
});

await test("a stopped monitor is seen, and the page recovers by itself", async () => {
  const { context, page } = await visit(browser, origin, monitor, { size: "desktop", scheme: "dark" });
  await waitFor("a live stream", async () => (await page.textContent("[data-live-word]")) === "Live");
  await stop(running);
  await page.waitForSelector("#rem-stale:not([hidden])");
  check((await page.textContent("[data-live-word]")) === "Stale", "the page does not say so beside its name");
  await page.screenshot({ path: join(out, "monitor-stale.png") });
  running = await start(folder, port, yaml);
  await waitFor("a live stream again", async () => (await page.textContent("[data-live-word]")) === "Live");
  const numbers = await (await fetch(`${origin}/system_monitor/series?range=1h`)).json();
  const known = Object.values(numbers.series).some(({ fields }) => Object.values(fields).some((values) => values.filter((v) => v !== null).length > 2));
  check(known, "the graphs began anew after the restart");
  await context.close();
});

await browser.close();
hook.close();
hook.closeAllConnections();
await stop(running);
await rm(folder, { recursive: true, force: true });
console.log(`\n${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
