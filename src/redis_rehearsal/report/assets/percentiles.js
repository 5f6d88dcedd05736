// Latency by percentile, a line a phase, as HdrHistogram plots it. Needs Plotly, panels.js and charts.js.
"use strict";

(() => {
  const { THEMES, PHASES } = RehearsalCharts;
  const { element, escapeText, CONFIG } = RehearsalCharts.parts;
  const HEIGHT = 340;
  const DASHES = {
    "warm-up": "dot", prepare: "dot", sync: "dash", recovery: "longdash", done: "dashdot", "rolled-back": "longdashdot",
  };

  // lines: [{kind: "queries" | "events", phase, x: [1/(1-quantile)], y: [seconds]}], oldest phase first.
  RehearsalCharts.createPercentiles = (container, lines, options = {}) => {
    const state = { theme: options.theme || "light", width: null };
    const grid = element("div", "charts");
    container.append(grid);
    const charts = ["queries", "events"].filter((kind) => lines.some((line) => line.kind === kind)).map((kind) => {
      const title = `Response time of ${kind} by percentile (ms)`;
      const figure = element("figure", "chart");
      const caption = element("figcaption");
      const text = "One line a phase; both axes are logarithmic. Each step to the right is a tenth of what is left.";
      const plot = element("div", "chart-plot");
      caption.append(element(`h${options.headingLevel || 3}`, "", title), element("p", "chart-text", text));
      figure.setAttribute("aria-label", title);
      figure.dataset.chart = `percentiles_${kind}`;
      plot.setAttribute("role", "img");
      plot.setAttribute("aria-label", `${title}. ${text} ${said(lines.filter((line) => line.kind === kind))}`);
      figure.append(caption, plot);
      grid.append(figure);
      return { kind, plot };
    });

    function said(some) {
      const highest = (line) => line.y[line.y.length - 1] * 1000;
      const show = (line) => highest(line).toLocaleString("en", { maximumSignificantDigits: 3 });
      return `${some.map((line) => `${line.phase}: up to ${show(line)} ms`).join("; ")}.`;
    }

    function draw({ kind, plot }) {
      const theme = THEMES[state.theme] || THEMES.light;
      const shown = lines.filter((line) => line.kind === kind);
      const traces = shown.map((line) => {
        // A later phase of the same name, such as `cutover 2`, has the colour of the first, and dots.
        const name = line.phase.replace(/ \d+$/, "");
        return {
          type: "scatter", mode: "lines", name: escapeText(line.phase), x: line.x,
          y: line.y.map((seconds) => seconds * 1000),
          line: {
            color: theme.colors[PHASES[name] || "gray"], width: name === "cutover" ? 2.75 : 1.75,
            dash: name === line.phase ? DASHES[name] || "solid" : "dot",
          },
          hovertemplate: `%{y:,.4~g} ms<extra>${escapeText(line.phase)}</extra>`,
        };
      });
      const furthest = Math.max(10, ...shown.map((line) => line.x[line.x.length - 1]));
      const decades = Array.from({ length: Math.ceil(Math.log10(furthest)) + 1 }, (_, place) => 10 ** place);
      const label = (x) => `${Number((100 * (1 - 1 / x)).toPrecision(12))}%`;
      const font = { family: "system-ui, sans-serif", size: 12, color: theme.text };
      const axis = { gridcolor: theme.grid, zeroline: false, tickfont: { color: theme.muted }, type: "log" };
      Plotly.react(plot, traces, {
        height: HEIGHT, ...(state.width ? { width: state.width, autosize: false } : { autosize: true }),
        margin: { l: 56, r: 24, t: 12, b: 84 }, paper_bgcolor: theme.paper, plot_bgcolor: theme.paper, font,
        hovermode: "x unified", hoverlabel: { bgcolor: theme.hover, bordercolor: theme.grid, font },
        dragmode: false, showlegend: true, legend: { orientation: "h", x: 0, y: -0.14, yanchor: "top" },
        xaxis: {
          ...axis, tickvals: decades, ticktext: decades.map(label), fixedrange: true, hoverformat: ",.4~g",
          unifiedhovertitle: { text: "one in %{x}" },
        },
        yaxis: { ...axis, fixedrange: true, tickformat: "~g", dtick: 1 },
      }, CONFIG);
    }

    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        observer.unobserve(entry.target);
        draw(charts.find((each) => each.plot === entry.target));
      }
    }, { rootMargin: "300px" });
    charts.forEach(({ plot }) => observer.observe(plot));

    return {
      drawAll(width = null) {
        state.width = width;
        charts.forEach(draw);
      },
      setTheme(theme) {
        state.theme = theme;
        charts.filter(({ plot }) => plot.data).forEach(draw);
      },
      destroy() {
        observer.disconnect();
        charts.forEach(({ plot }) => Plotly.purge(plot));
        grid.remove();
      },
    };
  };
})();
