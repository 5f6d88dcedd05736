// Charts over time, for the live page and for report.html. Needs Bokeh, and all that assets/__init__.py loads before.
//
// A chart draws at most MOST_POINTS of a line; what is zoomed into is drawn anew from all rows. So that a page stays
// quick however long the run: what nobody sees is drawn once, for who captures the page, and then not until it is
// scrolled to; one chart is drawn a frame, and
// what is new is drawn every other second, with 3,600 rows shown every fourth, when a second is a pixel wide.
"use strict";

(() => {
  const { THEMES, PHASES, PANELS, points, decimate, element, createFigure, createPlot, labels } = RehearsalCharts;
  const { readable, timeTicks, valueRange, valueTicks } = RehearsalCharts.axes;
  const MOST_POINTS = 1200;
  const POINTED = 90;
  const MILLISECONDS_PER_ROW = 0.95;
  // Drawing takes some 20 ms a chart, and the load may be driven on the same machine.
  const LEAST_MILLISECONDS = 2000;
  const [HEIGHT, LEGEND_HEIGHT] = [250, 30];

  function shaded(hex, alpha) {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${red},${green},${blue},${alpha})`;
  }

  function summary(panel, series) {
    const said = panel.lines.map((each, place) => {
      const known = series[place].y.filter((value) => value !== null);
      if (!known.length) return `${each.name}: nothing measured`;
      const [low, high] = known.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [Infinity, -Infinity]);
      return `${each.name}: ${readable(low, 3)} to ${readable(high, 3)}${panel.unit && ` ${panel.unit}`}`;
    });
    return `${said.join("; ")}.`;
  }

  function create(container, options = {}) {
    const { groups = null, headingLevel = 3, windowSeconds = null } = options;
    const state = { rows: [], phases: [], bands: [], marks: [], range: null, theme: options.theme || "light", width: null };
    const order = groups || [...new Set(PANELS.map((panel) => panel.group))];
    const panels = order.flatMap((group) => PANELS.filter((panel) => panel.group === group));
    const reset = element("button", "chart-reset", "Show the whole run again");
    reset.type = "button";
    reset.hidden = true;
    reset.addEventListener("click", () => zoom(null));
    // It floats, so that nothing moves when it comes.
    const float = element("div", "chart-float");
    const grid = element("div", "charts");
    float.append(reset);
    container.append(float, grid);

    const charts = panels.map((panel) => {
      const { id, title, unit, text, lines } = panel;
      const chart = { panel, stale: false, seen: false, drawn: false };
      // A line alone is named by the heading.
      const named = lines.length > 1;
      Object.assign(chart, createFigure(grid, {
        id, title, heading: unit && `${title} (${unit})`, text, headingLevel, lines, named, changed: () => draw(chart),
      }));
      chart.drawing = createPlot(chart.plot, {
        lines, height: HEIGHT - (named ? LEGEND_HEIGHT : 0), log: { y: panel.log },
        zoomed: (range) => zoom(range && [Math.max(0, range[0]), range[1]]),
        title: (second) => `${second.toFixed(1)} s`,
        text: (line, value) => `${lines[line].name}: ${readable(value, 4)} ${unit}`,
      });
      return chart;
    });

    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const chart = charts.find((each) => each.plot === entry.target);
        chart.seen = entry.isIntersecting;
      }
      schedule();
    }, { rootMargin: "300px" });
    charts.forEach((chart) => observer.observe(chart.plot));

    let room = null;
    const resized = new ResizeObserver(([{ contentRect }]) => {
      if (room !== null && room !== contentRect.width && !state.width) redraw();
      room = contentRect.width;
    });
    resized.observe(grid);

    let frame = 0;
    function schedule() {
      if (!frame) frame = requestAnimationFrame(drawSeen);
    }

    function drawSeen() {
      frame = 0;
      const wanted = ({ seen, drawn }) => seen || (!drawn && state.rows.length);
      const waiting = charts.filter((chart) => wanted(chart) && chart.stale && !chart.figure.hidden);
      waiting.sort((one, other) => other.seen - one.seen);
      if (waiting.length) draw(waiting[0]);
      if (waiting.length > 1) schedule();
    }

    let later = 0;
    let redrawnAt = 0;
    // A run of an older version lacks columns: a chart of which it has none is not shown.
    function hideUnmeasured() {
      const last = state.rows[state.rows.length - 1];
      for (const { panel, figure } of charts) {
        figure.hidden = Boolean(last) && panel.lines.every((each) => !((each.needs || each.value) in last));
      }
    }

    function redraw() {
      hideUnmeasured();
      clearTimeout(later);
      later = 0;
      redrawnAt = performance.now();
      charts.forEach((chart) => { chart.stale = true; });
      schedule();
    }

    function redrawInTime() {
      const shown = Math.min(state.rows.length, windowSeconds || Infinity);
      const wait = redrawnAt + Math.max(LEAST_MILLISECONDS, shown * MILLISECONDS_PER_ROW) - performance.now();
      if (wait <= 0) redraw();
      else if (!later) later = setTimeout(redraw, wait);
    }

    function whole() {
      const { rows, phases } = state;
      const last = rows.length ? rows[rows.length - 1].second + 1 : 1;
      const ends = phases.map((phase) => phase.to_second).filter((end) => typeof end === "number");
      const to = Math.max(last, ...ends);
      return [windowSeconds ? Math.max(0, to - windowSeconds) : 0, to];
    }

    function draw(chart) {
      const { panel, plot, legend } = chart;
      const range = state.range || whole();
      // One second more on both sides, so that lines go on to the edge.
      const rows = state.rows.filter((row) => row.second + 1.5 >= range[0] && row.second - 0.5 <= range[1]);
      const series = panel.lines.map((each) => points(rows, each, panel.log));
      // Before anything is drawn its width is that of its place.
      const width = state.width || plot.clientWidth || 600;
      const theme = THEMES[state.theme] || THEMES.light;
      const lines = panel.lines.map((each, place) => ({
        ...decimate(series[place], MOST_POINTS), color: theme.colors[each.color], width: 1.75,
        hidden: !legend.isShown(place),
      }));
      for (const line of lines) line.pointed = line.x.length <= POINTED;
      legend.paint(lines.map((line) => line.color));
      chart.drawing.show({ ...looks(chart, range, lines, width), theme, lines });
      chart.describe(summary(panel, series));
      chart.stale = false;
      chart.drawn = chart.drawn || state.rows.length > 0;
    }

    // What is not the lines: where they are, and what is behind and above them.
    function looks({ panel, drawing }, range, lines, width) {
      const theme = THEMES[state.theme] || THEMES.light;
      const inside = (each) => each.from_second < range[1] && (each.to_second ?? Infinity) > range[0];
      const phases = state.phases.filter(inside);
      const color = (phase) => theme.colors[PHASES[phase.name] || "gray"];
      const shade = (each, fill, edge) => ({
        fill, edge, from: Math.max(each.from_second, range[0]), to: Math.min(each.to_second ?? range[1], range[1]),
      });
      const bands = state.bands.filter((band) => band.kind === panel.bands && inside(band));
      const yRange = valueRange(lines.filter((line) => !line.hidden).map((line) => line.y), panel);
      const names = labels.arrange(phases, range, drawing.frame(width).width);
      const frame = drawing.frame(width, 1 + Math.max(0, ...names.map((each) => each.row)));
      // What happened to a server of itself, in the live rows and in a report.
      const told = state.rows.filter((row) => row.annotations).map((row) => ({ second: row.second, text: row.annotations }));
      return {
        frame, names, xRange: range, yRange,
        xTicks: timeTicks(range, frame.width), yTicks: valueTicks(yRange, panel.log, frame.height),
        shades: [
          ...phases.map((phase) => shade(phase, shaded(color(phase), theme.shade), shaded(color(phase), 0.5))),
          ...bands.map((band) => shade(band, shaded(theme.colors.vermilion, 0.35), shaded(theme.colors.vermilion, 0.9))),
        ],
        notes: [...state.marks, ...told].filter(({ second }) => second >= range[0] && second <= range[1]),
      };
    }

    // All of them must be drawn anew, seen or not.
    function forget() {
      for (const chart of charts) chart.drawn = false;
    }

    function zoom(range) {
      forget();
      state.range = range;
      reset.hidden = range === null;
      redraw();
    }

    return {
      update({ rows, phases, bands, annotations }) {
        state.rows = [...(rows || [])];
        state.phases = phases || [];
        state.bands = bands || [];
        state.marks = annotations || [];
        redraw();
      },
      append(rows, phases) {
        const last = state.rows.length ? state.rows[state.rows.length - 1].second : -1;
        for (const row of rows) if (row.second > last) state.rows.push(row);
        if (phases) state.phases = phases;
        redrawInTime();
      },
      setTheme(theme) {
        forget();
        state.theme = theme;
        redraw();
      },
      // Draws all at once, also what nobody sees: for paper. Without a width as wide as there is room.
      drawAll(width = null) {
        state.width = width;
        for (const chart of charts.filter(({ figure }) => !figure.hidden)) {
          draw(chart);
          chart.drawing.paintNow(width !== null);
        }
      },
      destroy() {
        cancelAnimationFrame(frame);
        clearTimeout(later);
        observer.disconnect();
        resized.disconnect();
        charts.forEach(({ drawing }) => drawing.destroy());
        float.remove();
        grid.remove();
      },
    };
  }

  RehearsalCharts.create = create;
})();
