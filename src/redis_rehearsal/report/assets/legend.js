// The lines of a chart by name, below it: each can be hidden and shown again, with the keyboard too. Needs panels.js.
"use strict";

(() => {
  // Lengths of stroke and gap.
  const DASHES = {
    solid: [], dot: [2, 3], dash: [7, 4], longdash: [12, 4], dashdot: [7, 3, 2, 3], longdashdot: [12, 3, 2, 3],
  };

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    // Words of a document, however hostile, are text.
    if (text) made.textContent = text;
    return made;
  }

  // A piece of the line as it is drawn, in the colour of its text.
  function sample({ dash, marker }) {
    const made = element("span", "chart-sample", marker ? "×" : "");
    made.setAttribute("aria-hidden", "true");
    if (marker) return made;
    let at = 0;
    const stops = DASHES[dash || "solid"].map((length, place) => {
      const from = at;
      at += length;
      return `${place % 2 ? "transparent" : "currentColor"} ${from}px ${at}px`;
    });
    if (!stops.length) stops.push("currentColor 0 100%");
    made.style.backgroundImage = `repeating-linear-gradient(90deg, ${stops.join(", ")})`;
    return made;
  }

  // lines: [{name, dash, marker}]. changed is called when a line was hidden or shown.
  function createLegend(lines, title, changed) {
    const hidden = new Set();
    const place = element("div", "chart-legend");
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", `Lines of: ${title}`);
    const samples = lines.map((line, at) => {
      const button = element("button");
      const picture = sample(line);
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.append(picture, element("span", "", line.name));
      button.addEventListener("click", () => {
        if (!hidden.delete(at)) hidden.add(at);
        button.setAttribute("aria-pressed", String(!hidden.has(at)));
        changed();
      });
      place.append(button);
      return picture;
    });
    return {
      place,
      isShown: (at) => !hidden.has(at),
      paint(colors) {
        samples.forEach((picture, at) => { picture.style.color = colors[at]; });
      },
    };
  }

  RehearsalCharts.element = element;
  RehearsalCharts.DASHES = DASHES;
  RehearsalCharts.createLegend = createLegend;
})();
