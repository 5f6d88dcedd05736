// What a chart's lines are at the pointer, all in one box. Needs panels.js and legend.js.
"use strict";

(() => {
  const { element } = RehearsalCharts;
  const GAP = 12;

  // read: from a place in the chart, in pixels from its left edge, to {at, title, rows: [{color, text}]}, or null.
  RehearsalCharts.createTooltip = (place, read) => {
    const cursor = element("div", "chart-cursor");
    const box = element("div", "chart-tip");
    place.append(cursor, box);

    function hide() {
      cursor.hidden = true;
      box.hidden = true;
    }

    function move(event) {
      const { left, width } = place.getBoundingClientRect();
      const found = event.buttons && event.pointerType === "mouse" ? null : read(event.clientX - left);
      if (!found) {
        hide();
        return;
      }
      const rows = found.rows.map(({ color, text }) => {
        const row = element("div", "", text);
        row.style.setProperty("--line", color);
        return row;
      });
      box.replaceChildren(element("strong", "", found.title), ...rows);
      cursor.hidden = false;
      box.hidden = false;
      cursor.style.left = `${found.at}px`;
      const after = found.at + GAP + box.offsetWidth <= width;
      box.style.left = `${Math.max(0, after ? found.at + GAP : found.at - GAP - box.offsetWidth)}px`;
    }

    // A finger has no place where it is while it touches nothing: what it touched last stays, until it touches another.
    const leave = (event) => { if (event.pointerType === "mouse") hide(); };
    const elsewhere = (event) => { if (!place.contains(event.target)) hide(); };
    place.addEventListener("pointermove", move);
    place.addEventListener("pointerdown", move);
    place.addEventListener("pointerleave", leave);
    place.addEventListener("pointercancel", hide);
    document.addEventListener("pointerdown", elsewhere);
    hide();
    return {
      hide,
      destroy() {
        document.removeEventListener("pointerdown", elsewhere);
      },
    };
  };
})();
