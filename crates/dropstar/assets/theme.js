// Runs before the page is painted, so that it never flashes in the wrong colours.
(() => {
  "use strict";
  const key = "rem-theme";
  const root = document.documentElement;
  const themes = ["system", "light", "dark"];
  const stored = () => {
    try {
      return localStorage.getItem(key) || "system";
    } catch {
      return "system";
    }
  };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      const text = "Colours: " + theme;
      button.setAttribute("aria-label", text);
      button.title = text;
      button.dataset.now = theme;
      for (const icon of button.querySelectorAll("[data-for]")) icon.toggleAttribute("hidden", icon.dataset.for !== theme);
    }
    document.dispatchEvent(new CustomEvent("rem:theme", { detail: theme }));
  };
  apply(stored());
  document.addEventListener("DOMContentLoaded", () => apply(stored()));
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-theme-switch]");
    if (!button) return;
    const next = themes[(themes.indexOf(stored()) + 1) % themes.length];
    try {
      localStorage.setItem(key, next);
    } catch {
      // Without storage the choice holds for this page.
    }
    apply(next);
  });
  addEventListener("storage", (event) => {
    if (event.key === key) apply(stored());
  });
})();
