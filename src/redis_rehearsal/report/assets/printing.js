// On paper all is shown, on white, and as wide as the page; after it all is as it was. Needs panels.js.
"use strict";

(() => {
  const PAPER_WIDTH = 650;

  // charts: gives those that there are now; theme: gives what they have on the screen.
  RehearsalCharts.printAll = (charts, theme) => {
    let closed = [];

    function show(name, width) {
      for (const each of charts()) {
        each.setTheme(name);
        each.drawAll(width);
      }
    }

    addEventListener("beforeprint", () => {
      closed = [...document.querySelectorAll("details:not([open])")];
      for (const details of closed) details.open = true;
      show("light", PAPER_WIDTH);
    });
    addEventListener("afterprint", () => {
      for (const details of closed) details.open = false;
      show(theme(), null);
    });
  };
})();
