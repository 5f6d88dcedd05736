// Draws the charts of report.html from the data that stands in it.
"use strict";

(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => (dark.matches ? "dark" : "light");
  const drawn = [];

  function read(run) {
    const data = JSON.parse(run.querySelector("script[type='application/json']").textContent);
    const names = Object.keys(data.columns);
    const rows = data.second.map((second, place) => {
      const row = { second };
      for (const name of names) row[name] = data.columns[name][place];
      return row;
    });
    return { ...data, rows };
  }

  for (const run of document.querySelectorAll("[data-run]")) {
    const data = read(run);
    const headingLevel = Number(run.dataset.run) + 1;
    const options = { headingLevel, theme: theme() };
    if (data.rows.length) {
      for (const place of run.querySelectorAll("[data-groups]")) {
        const charts = RehearsalCharts.create(place, { ...options, groups: place.dataset.groups.split(" ") });
        charts.update(data);
        drawn.push(charts);
      }
    }
    if (data.percentiles.length) {
      for (const place of run.querySelectorAll("[data-percentiles]")) {
        drawn.push(RehearsalCharts.createPercentiles(place, data.percentiles, options));
      }
    }
  }

  dark.addEventListener("change", () => drawn.forEach((charts) => charts.setTheme(theme())));
  RehearsalCharts.printAll(() => drawn, theme);
})();
