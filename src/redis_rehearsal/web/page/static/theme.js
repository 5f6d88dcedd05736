// Before anything is drawn, so that nothing flashes: what was chosen here, else what the system says.
"use strict";

(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("rehearsal-theme");
  } catch {
    // A browser may keep nothing; then the system says.
  }
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
