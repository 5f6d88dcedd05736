// The words of a plot that come from the run: phases above it, marks in it. Needs panels.js and legend.js.
//
// They stand beside the canvas, as text: Bokeh takes some texts for formulas, and is given our own only.
"use strict";

(() => {
  const { element } = RehearsalCharts;
  const [ROWS, ROW_HEIGHT, LETTER_WIDTH] = [4, 14, 6.4];
  const GAP = 2;

  // Where the name of each phase goes: the first row above the plot in which there is room, as far to the left as its
  // phase allows; none left, no name. phases: [{name, from_second, to_second}]. Gives [{text, at, row}], at in pixels.
  function arrange(phases, [from, to], width) {
    const ends = new Array(ROWS).fill(-Infinity);
    const perSecond = width / Math.max(to - from, 1e-9);
    const placed = [];
    for (const { name, from_second: begins, to_second: ends_ } of phases) {
      const size = LETTER_WIDTH * name.length + 8;
      const begin = Math.min((Math.max(begins, from) - from) * perSecond, width - size);
      const end = (Math.min(ends_ ?? to, to) - from) * perSecond;
      const row = ends.findIndex((taken) => taken <= begin || taken + size <= end);
      if (row < 0) continue;
      const at = Math.max(begin, ends[row]);
      ends[row] = at + size;
      placed.push({ text: name, at, row });
    }
    return placed;
  }

  // names as arrange gives them; notes: [{text, at}]. frame: where the lines are, {left, top, bottom, width}.
  function say(place, { names, notes }, frame) {
    const above = names.map(({ text, at, row }) => {
      const made = element("span", "", text);
      made.style.left = `${frame.left + at}px`;
      made.style.top = `${frame.top - (row + 1) * ROW_HEIGHT - GAP}px`;
      return made;
    });
    const inside = notes.map(({ text, at }) => {
      const made = element("span", "chart-note", text);
      // It goes on to the side that has more room.
      if (at > frame.width / 2) made.style.right = `calc(100% - ${frame.left + at}px)`;
      else made.style.left = `${frame.left + at}px`;
      made.style.bottom = `${frame.bottom + GAP}px`;
      return made;
    });
    place.replaceChildren(...above, ...inside);
  }

  RehearsalCharts.labels = { arrange, say, ROW_HEIGHT };
})();
