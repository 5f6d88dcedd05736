// What is around a plot: heading, explanation, and the names of its lines. Needs panels.js and legend.js.
"use strict";

(() => {
  const { element, createLegend } = RehearsalCharts;

  // lines: [{name, dash, marker}]; named, whether they are listed; changed is called when one was hidden or shown.
  RehearsalCharts.createFigure = (grid, { id, title, heading, text, headingLevel, lines, named = true, changed }) => {
    const figure = element("figure", "chart");
    const caption = element("figcaption");
    const plot = element("div", "chart-plot");
    const legend = createLegend(lines, title, changed);
    caption.append(element(`h${headingLevel}`, "", heading || title), element("p", "chart-text", text));
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", title);
    figure.setAttribute("aria-label", title);
    figure.dataset.chart = id;
    figure.append(caption, plot);
    if (named) figure.append(legend.place);
    grid.append(figure);
    return {
      figure, plot, legend,
      // What the picture shows, for who hears it.
      describe: (said) => plot.setAttribute("aria-label", `${title}. ${text} ${said}`),
    };
  };
})();
