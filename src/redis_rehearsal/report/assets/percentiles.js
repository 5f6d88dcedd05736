// Latency by percentile, a line a phase, as HdrHistogram plots it. Needs Bokeh, and all that charts.js needs.
"use strict";

(() => {
  const { THEMES, PHASES, element, createFigure, createPlot } = RehearsalCharts;
  const { readable, valueRange, valueTicks } = RehearsalCharts.axes;
  const HEIGHT = 290;
  const DASHES = {
    "warm-up": "dot", prepare: "dot", sync: "dash", recovery: "longdash", done: "dashdot", "rolled-back": "longdashdot",
  };
  const TEXT = "One line a phase; both axes are logarithmic. Each step to the right is a tenth of what is left.";

  // A later phase of the same name, such as `cutover 2`, has the colour of the first, and dots.
  function looks({ phase }) {
    const name = phase.replace(/ \d+$/, "");
    return { name, dash: name === phase ? DASHES[name] || "solid" : "dot", width: name === "cutover" ? 2.75 : 1.75 };
  }

  function said(lines) {
    const highest = (line) => readable(line.y[line.y.length - 1] * 1000, 3);
    return `${lines.map((line) => `${line.phase}: up to ${highest(line)} ms`).join("; ")}.`;
  }

  // lines: [{kind: "queries" | "events", phase, x: [1/(1-quantile)], y: [seconds]}], oldest phase first.
  RehearsalCharts.createPercentiles = (container, lines, options = {}) => {
    const state = { theme: options.theme || "light", width: null };
    const grid = element("div", "charts");
    container.append(grid);
    const charts = ["queries", "events"].filter((kind) => lines.some((line) => line.kind === kind)).map((kind) => {
      const own = lines.filter((line) => line.kind === kind);
      const title = `Response time of ${kind} by percentile (ms)`;
      const named = own.map((line) => ({ name: line.phase, dash: looks(line).dash }));
      const chart = { own, drawn: false };
      Object.assign(chart, createFigure(grid, {
        id: `percentiles_${kind}`, title, text: TEXT, headingLevel: options.headingLevel || 3, lines: named,
        changed: () => draw(chart),
      }));
      chart.describe(said(own));
      chart.drawing = createPlot(chart.plot, {
        lines: named, height: HEIGHT, log: { x: true, y: true }, title: (x) => `one in ${readable(x, 4)}`,
        text: (line, value) => `${own[line].phase}: ${readable(value, 4)} ms`,
      });
      return chart;
    });

    function draw(chart) {
      const { own, plot, legend, drawing } = chart;
      const theme = THEMES[state.theme] || THEMES.light;
      const shown = own.map((line, at) => {
        const { name, width } = looks(line);
        return {
          x: line.x, y: line.y.map((seconds) => (seconds > 0 ? seconds * 1000 : null)), width,
          color: theme.colors[PHASES[name] || "gray"], hidden: !legend.isShown(at),
        };
      });
      const furthest = Math.max(10, ...own.map((line) => line.x[line.x.length - 1]));
      const decades = Array.from({ length: Math.floor(Math.log10(furthest)) + 1 }, (_, place) => 10 ** place);
      const frame = drawing.frame(state.width || plot.clientWidth || 600);
      const yRange = valueRange(shown.filter((line) => !line.hidden).map((line) => line.y), { log: true });
      legend.paint(shown.map((line) => line.color));
      drawing.show({
        theme, frame, lines: shown, xRange: [1, furthest], yRange, yTicks: valueTicks(yRange, true, frame.height),
        xTicks: decades.map((x) => ({ at: x, text: `${Number((100 * (1 - 1 / x)).toPrecision(12))}%` })),
      });
      chart.drawn = true;
    }

    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        observer.unobserve(entry.target);
        draw(charts.find((each) => each.plot === entry.target));
      }
    }, { rootMargin: "300px" });
    charts.forEach(({ plot }) => observer.observe(plot));

    const drawAgain = () => charts.filter(({ drawn }) => drawn).forEach(draw);
    const resized = new ResizeObserver(() => { if (!state.width) drawAgain(); });
    resized.observe(grid);

    return {
      drawAll(width = null) {
        state.width = width;
        for (const chart of charts) {
          draw(chart);
          chart.drawing.paintNow(width !== null);
        }
      },
      setTheme(theme) {
        state.theme = theme;
        drawAgain();
      },
      destroy() {
        observer.disconnect();
        resized.disconnect();
        charts.forEach(({ drawing }) => drawing.destroy());
        grid.remove();
      },
    };
  };
})();
