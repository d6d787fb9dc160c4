"use strict";
// Pages of alerts load themselves anew when something changes. They are whole without
// this file.

const place = document.querySelector("[data-alerts-page]");

/** What a person has begun to fill in, ticked or opened must not vanish. */
function isBusy() {
  if (document.activeElement?.matches("input, select, textarea")) return true;
  if (document.querySelector("[data-alerts-page] details[open]")) return true;
  const fields = [...document.querySelectorAll("[data-alerts-page] :is(input, textarea)")];
  return fields.some((field) => (field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue));
}

let waits = false;

async function renew() {
  if (document.hidden || isBusy()) {
    waits = true;
    return;
  }
  waits = false;
  const address = new URL(location.href);
  address.searchParams.delete("done");
  const reply = await fetch(address, { headers: { accept: "text/html" } });
  if (!reply.ok || reply.redirected) return;
  const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
  const now = fresh.querySelector("[data-alerts-page]");
  if (!now || isBusy()) return;
  const focused = document.activeElement?.id;
  document.querySelector("[data-alerts-page]").replaceWith(document.adoptNode(now));
  document.querySelector(".nav").replaceChildren(...fresh.querySelector(".nav").childNodes);
  if (focused) document.getElementById(focused)?.focus();
}

if (place) {
  let stream = rem.listen("alerts", "");
  document.addEventListener("rem:alerts", renew);
  document.addEventListener("rem:resync", (event) => {
    event.preventDefault();
    renew();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return stream.close();
    if (stream.readyState !== EventSource.CLOSED) return;
    stream = rem.listen("alerts", "");
    renew();
  });
  document.addEventListener("focusout", () => setTimeout(() => waits && renew(), 0));
  // "5 min ago" gets older although nothing happens.
  setInterval(renew, 60_000);
}
