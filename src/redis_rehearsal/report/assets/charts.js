// Charts over time, for the live page and for report.html. Needs Plotly and panels.js.
//
// A chart draws at most MOST_POINTS of a line; what is zoomed into is drawn anew from all rows. So that a page stays
// quick however long the run: what nobody sees is not drawn until it is scrolled to, one chart is drawn a frame, and
// what is new is drawn every other second, with 3,600 rows shown every fourth, when a second is a pixel wide.
"use strict";

(() => {
  const { THEMES, PHASES, PANELS, points, decimate } = RehearsalCharts;
  const MOST_POINTS = 1200;
  const MARKED_POINTS = 90;
  const MILLISECONDS_PER_ROW = 0.95;
  // Drawing takes some 50 ms a chart, and the load may be driven on the same machine.
  const LEAST_MILLISECONDS = 2000;
  const HEIGHT = 250;
  const LABEL_ROWS = 4;
  const LABEL_HEIGHT = 14;
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
  const CONFIG = { displayModeBar: false, responsive: true, showTips: false, doubleClick: false };

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  function clock(second) {
    const two = (value) => String(value).padStart(2, "0");
    const whole = Math.round(second);
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }

  // Plotly reads tags and templates in its texts.
  function escapeText(text) {
    return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/%\{/g, "% {");
  }

  function shaded(hex, alpha) {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${red},${green},${blue},${alpha})`;
  }

  // Where the label of each phase goes: the first row above the plot in which there is room, as far to the left as its
  // phase allows; none left, no label.
  function labels(phases, [from, to], width) {
    const ends = new Array(LABEL_ROWS).fill(-Infinity);
    const perSecond = width / Math.max(to - from, 1e-9);
    const placed = [];
    for (const phase of phases) {
      const size = 6.4 * phase.name.length + 8;
      const begin = Math.min((Math.max(phase.from_second, from) - from) * perSecond, width - size);
      const end = (Math.min(phase.to_second ?? to, to) - from) * perSecond;
      const row = ends.findIndex((taken) => taken <= begin || taken + size <= end);
      if (row < 0) continue;
      const start = Math.max(begin, ends[row]);
      ends[row] = start + size;
      placed.push({ phase, row, at: from + start / perSecond });
    }
    return placed;
  }

  function summary(panel, series) {
    const said = panel.lines.map((each, place) => {
      const known = series[place].y.filter((value) => value !== null);
      if (!known.length) return `${each.name}: nothing measured`;
      const [low, high] = known.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [Infinity, -Infinity]);
      const show = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
      return `${each.name}: ${show(low)} to ${show(high)}${panel.unit && ` ${panel.unit}`}`;
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
    const grid = element("div", "charts");
    container.append(reset, grid);

    const charts = panels.map((panel) => {
      const figure = element("figure", "chart");
      const caption = element("figcaption");
      const heading = element(`h${headingLevel}`, "", panel.unit ? `${panel.title} (${panel.unit})` : panel.title);
      const plot = element("div", "chart-plot");
      plot.setAttribute("role", "img");
      plot.setAttribute("aria-label", panel.title);
      caption.append(heading, element("p", "chart-text", panel.text));
      figure.setAttribute("aria-label", panel.title);
      figure.dataset.chart = panel.id;
      figure.append(caption, plot);
      grid.append(figure);
      return { panel, figure, plot, stale: false, seen: false, listens: false };
    });

    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const chart = charts.find((each) => each.plot === entry.target);
        chart.seen = entry.isIntersecting;
      }
      schedule();
    }, { rootMargin: "300px" });
    charts.forEach((chart) => observer.observe(chart.plot));

    let frame = 0;
    function schedule() {
      if (!frame) frame = requestAnimationFrame(drawSeen);
    }

    function drawSeen() {
      frame = 0;
      const waiting = charts.filter((chart) => chart.seen && chart.stale && !chart.figure.hidden);
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
      const { panel, plot } = chart;
      const theme = THEMES[state.theme] || THEMES.light;
      const range = state.range || whole();
      // One second more on both sides, so that lines go on to the edge.
      const rows = state.rows.filter((row) => row.second + 1.5 >= range[0] && row.second - 0.5 <= range[1]);
      const series = panel.lines.map((each) => points(rows, each, panel.log));
      const traces = panel.lines.map((each, place) => trace(panel, each, decimate(series[place], MOST_POINTS), theme));
      // Before anything is drawn its width is that of its place.
      const width = state.width || plot.clientWidth || 600;
      Plotly.react(plot, traces, layout(panel, theme, range, state, width), CONFIG);
      plot.setAttribute("aria-label", `${panel.title}. ${panel.text} ${summary(panel, series)}`);
      chart.stale = false;
      if (!chart.listens) {
        chart.listens = true;
        plot.on("plotly_relayout", (change) => {
          const [from, to] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
          if (typeof from === "number" && typeof to === "number") zoom([Math.max(0, from), to]);
        });
        plot.on("plotly_doubleclick", () => zoom(null));
      }
    }

    function zoom(range) {
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
        state.theme = theme;
        redraw();
      },
      // Draws all at once, also what nobody sees: for paper. Without a width as wide as there is room.
      drawAll(width = null) {
        state.width = width;
        charts.filter(({ figure }) => !figure.hidden).forEach(draw);
      },
      destroy() {
        cancelAnimationFrame(frame);
        clearTimeout(later);
        observer.disconnect();
        charts.forEach(({ plot }) => Plotly.purge(plot));
        reset.remove();
        grid.remove();
      },
    };
  }

  function trace(panel, each, { x, y }, theme) {
    const color = theme.colors[each.color];
    const few = x.length <= MARKED_POINTS;
    const mode = each.marker ? "markers" : few ? "lines+markers" : "lines";
    return {
      type: "scatter", mode, x, y, name: each.name, connectgaps: false,
      line: { color, width: 1.75, dash: each.dash || "solid" },
      marker: { color, size: each.marker ? 8 : 3.5, symbol: each.marker || "circle" },
      hovertemplate: `%{y:,.4~g} ${panel.unit}<extra>${each.name}</extra>`,
      showlegend: panel.lines.length > 1,
    };
  }

  function ticks([from, to], width) {
    const most = Math.max(2, Math.floor(width / 70));
    const step = STEPS.find((each) => (to - from) / each <= most) || STEPS[STEPS.length - 1];
    const values = [];
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) values.push(at);
    return values;
  }

  function layout(panel, theme, range, state, width) {
    const inside = (each) => each.from_second < range[1] && (each.to_second ?? Infinity) > range[0];
    const phases = state.phases.filter(inside);
    const plotWidth = width - 56 - 12;
    const placed = labels(phases, range, plotWidth);
    const rows = 1 + Math.max(0, ...placed.map((each) => each.row));
    const shade = (each, fillcolor, edge) => ({
      type: "rect", xref: "x", yref: "paper", y0: 0, y1: 1, layer: "below", fillcolor,
      x0: Math.max(each.from_second, range[0]), x1: Math.min(each.to_second ?? range[1], range[1]),
      line: { width: edge ? 1 : 0, color: edge || fillcolor },
    });
    // What happened to a server of itself, in the live rows and in a report.
    const told = state.rows.filter((row) => row.annotations).map((row) => ({ second: row.second, text: row.annotations }));
    const marks = [...state.marks, ...told].filter(({ second }) => second >= range[0] && second <= range[1]);
    const line = ({ second }) => ({
      type: "line", xref: "x", yref: "paper", x0: second, x1: second, y0: 0, y1: 1,
      line: { width: 1.5, dash: "dot", color: theme.colors.vermilion },
    });
    const color = (phase) => theme.colors[PHASES[phase.name] || "gray"];
    const values = ticks(range, plotWidth);
    const font = { family: "system-ui, sans-serif", size: 12, color: theme.text };
    return {
      height: HEIGHT, ...(state.width ? { width: state.width, autosize: false } : { autosize: true }),
      margin: { l: 56, r: 12, t: 8 + rows * LABEL_HEIGHT, b: panel.lines.length > 1 ? 62 : 32 },
      paper_bgcolor: theme.paper, plot_bgcolor: theme.paper, font,
      hovermode: "x unified", hoverlabel: { bgcolor: theme.hover, bordercolor: theme.grid, font },
      // A finger on a chart is on its way down the page.
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      legend: { orientation: "h", x: 0, y: -0.16, yanchor: "top", font: { ...font, size: 12 }, itemclick: "toggle" },
      uirevision: "same",
      xaxis: {
        range, tickvals: values, ticktext: values.map(clock), gridcolor: theme.grid, zeroline: false,
        tickfont: { color: theme.muted }, hoverformat: ".1f", ticks: "outside", ticklen: 4,
        tickcolor: theme.paper, unifiedhovertitle: { text: "%{x} s" },
      },
      yaxis: {
        type: panel.log ? "log" : "linear", fixedrange: true, gridcolor: theme.grid, zeroline: false,
        tickfont: { color: theme.muted }, rangemode: panel.zero ? "tozero" : "normal", tickformat: ",~g",
        ...(panel.log ? { dtick: 1, tickformat: "~g" } : {}),
      },
      shapes: [
        ...phases.map((phase) => shade(phase, shaded(color(phase), theme.shade), shaded(color(phase), 0.5))),
        ...state.bands.filter((band) => band.kind === panel.bands).filter(inside)
          .map((band) => shade(band, shaded(theme.colors.vermilion, 0.35), shaded(theme.colors.vermilion, 0.9))),
        ...marks.map(line),
      ],
      annotations: marks.map(({ second, text }) => ({
        text: escapeText(text), xref: "x", yref: "paper", x: second, y: 0, xanchor: "left", yanchor: "bottom",
        showarrow: false, font: { ...font, size: 11, color: theme.text }, bgcolor: theme.paper,
      })).concat(placed.map(({ phase, row, at }) => ({
        text: escapeText(phase.name), xref: "x", yref: "paper", x: at, y: 1,
        xanchor: "left", yanchor: "bottom", yshift: row * LABEL_HEIGHT, showarrow: false,
        font: { ...font, size: 11, color: theme.muted }, bgcolor: "rgba(0,0,0,0)",
      }))),
    };
  }

  RehearsalCharts.create = create;
  RehearsalCharts.parts = { element, escapeText, CONFIG };
})();
