// One plot: lines over an axis, with what is behind and above them. Needs Bokeh, panels.js, legend.js, tooltip.js and
// labels.js. It is made once, and then told what to show.
"use strict";

(() => {
  const { DASHES, element, createTooltip, labels } = RehearsalCharts;
  const [LEFT, RIGHT, TOP, BOTTOM] = [56, 12, 8, 28];
  const NEAR_PIXELS = 20;
  const FONT = { major_label_text_font: "system-ui, sans-serif", major_label_text_font_size: "12px" };
  // Nothing can be selected, for which there would be glyphs of their own.
  const PLAIN = { selection_glyph: null, nonselection_glyph: null, muted_glyph: null };
  const NONE = { x: [], y: [] };

  Bokeh.set_log_level("warn");

  const make = (type, attributes) => new Bokeh.Models[type](attributes);
  const source = (...names) => make("ColumnDataSource", { data: Object.fromEntries(names.map((name) => [name, []])) });
  const field = (name) => ({ field: name });

  function axis(log) {
    return make(log ? "LogAxis" : "LinearAxis", {
      ...FONT, ticker: make("FixedTicker", { ticks: [] }), axis_line_color: null, major_tick_line_color: null,
      minor_tick_line_color: null, major_tick_out: 4,
    });
  }

  // Between what is measured and the share of an axis that is before it.
  function scale([from, to], log) {
    const way = log ? Math.log : (value) => value;
    const [start, length] = [way(from), way(to) - way(from)];
    return {
      share: (value) => (way(value) - start) / length,
      value: (share) => (log ? Math.exp(start + share * length) : start + share * length),
    };
  }

  // The place in x, which rises, of what is closest to a value.
  function nearest(x, wanted) {
    let [low, high] = [0, x.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (x[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low > 0 && wanted - x[low - 1] < x[low] - wanted ? low - 1 : low;
  }

  function createModels({ lines, height, log }) {
    const ranges = { x: make("Range1d"), y: make("Range1d") };
    const plot = make("Plot", {
      x_range: ranges.x, y_range: ranges.y, x_scale: make(log.x ? "LogScale" : "LinearScale"),
      y_scale: make(log.y ? "LogScale" : "LinearScale"), height, toolbar_location: null, min_border: 0,
      min_border_left: LEFT, min_border_right: RIGHT, min_border_bottom: BOTTOM, background_fill_color: null, border_fill_color: null,
      outline_line_color: null, reset_policy: "event_only",
    });
    const axes = { x: axis(log.x), y: axis(log.y) };
    const grids = [make("Grid", { axis: axes.x, dimension: 0 }), make("Grid", { axis: axes.y, dimension: 1 })];
    plot.add_layout(axes.x, "below");
    plot.add_layout(axes.y, "left");
    grids.forEach((grid) => plot.add_layout(grid));
    const shades = plot.add_glyph(make("VStrip", {
      x0: field("from"), x1: field("to"), fill_color: field("fill"), line_color: field("edge"),
    }), source("from", "to", "fill", "edge"), { ...PLAIN, level: "underlay" });
    const drawn = lines.map(({ dash, marker }) => {
      const at = { x: field("x"), y: field("y") };
      const shape = marker ? { marker, size: 8, line_width: 1.75 } : { size: 3.5, line_width: 0 };
      return {
        line: plot.add_glyph(make("Line", { ...at, line_dash: DASHES[dash || "solid"] }), source("x", "y"), PLAIN),
        points: plot.add_glyph(make("Scatter", { ...at, ...shape }), source("x", "y"), PLAIN),
      };
    });
    const marks = plot.add_glyph(make("VSpan", { x: field("x"), line_width: 1.5, line_dash: DASHES.dot }), source("x"), PLAIN);
    return { plot, ranges, axes, grids, shades, drawn, marks };
  }

  // lines: [{dash, marker}]. log: {x, y}, whether an axis is logarithmic. zoomed is told a range that was dragged over,
  // and null at a double click. title and text, of the tooltip, are made from x, and from a line's place and its y.
  RehearsalCharts.createPlot = (place, { lines, height, log = {}, zoomed = null, title, text }) => {
    const [canvas, said] = [element("div"), element("div", "chart-words")];
    place.style.height = `${height}px`;
    place.append(canvas, said);
    const tooltip = createTooltip(place, read);
    const models = createModels({ lines, height, log });
    const { plot, ranges, axes } = models;
    const page = new (Bokeh.require("document").Document)();
    page.add_root(plot);
    let [begun, gone, paper, view, shown] = [false, false, false, null, null];

    const drag = make("BoxZoomTool", { dimensions: "width" });
    if (zoomed) place.addEventListener("dblclick", () => zoomed(null));
    // A finger on a chart is on its way down the page.
    if (zoomed && !matchMedia("(pointer: coarse)").matches) {
      plot.add_tools(drag);
      plot.toolbar.active_drag = drag;
      plot.on_event("rangesupdate", ({ x0, x1 }) => {
        // It would go back by itself at a double click.
        view.state.clear();
        tooltip.hide();
        zoomed([x0, x1]);
      });
    }

    async function begin() {
      begun = true;
      const views = await Bokeh.embed.add_document_standalone(page, canvas);
      view = views.get_one(plot);
      // The keyboard finds nothing in it.
      view.canvas_view.events_el.removeAttribute("tabindex");
      layer();
      if (gone) clear();
    }

    // Chromium prints a canvas as what was drawn on it: clearing the layer for what is dragged over clears the paper.
    function layer() {
      view.canvas_view.overlays.el.style.display = paper ? "none" : "";
    }

    function clear() {
      view.remove();
      page.clear();
      Bokeh.documents.splice(Bokeh.documents.indexOf(page), 1);
    }

    function paint(theme) {
      for (const each of Object.values(axes)) each.major_label_text_color = theme.muted;
      for (const grid of models.grids) grid.grid_line_color = theme.grid;
      models.marks.glyph.line_color = theme.colors.vermilion;
      drag.overlay.setv({ fill_color: theme.muted, fill_alpha: 0.2, line_color: theme.muted });
    }

    function fill({ line, points }, { x, y, color, width, pointed, hidden }, { marker }) {
      const data = hidden ? NONE : { x, y: Float64Array.from(y, (value) => (value === null ? NaN : value)) };
      line.data_source.data = marker ? NONE : data;
      points.data_source.data = marker || pointed ? data : NONE;
      line.glyph.setv({ line_color: color, line_width: width });
      points.glyph.setv({ line_color: color, fill_color: color });
    }

    function tick(each, ticks) {
      each.major_label_overrides = new Map(ticks.map(({ at, text: label }) => [at, label]));
      each.ticker.ticks = ticks.map(({ at }) => at);
    }

    function read(from) {
      if (!shown) return null;
      const { frame, across } = shown;
      if (from < frame.left || from > frame.left + frame.width) return null;
      const pixel = (x) => frame.left + across.share(x) * frame.width;
      const wanted = across.value((from - frame.left) / frame.width);
      const found = shown.lines.flatMap(({ x, y, color, hidden }, line) => {
        const at = hidden || !x.length ? -1 : nearest(x, wanted);
        if (at < 0 || y[at] === null || Math.abs(pixel(x[at]) - from) > NEAR_PIXELS) return [];
        return [{ x: x[at], color, text: text(line, y[at]) }];
      });
      if (!found.length) return null;
      const [{ x }] = [...found].sort((one, other) => Math.abs(one.x - wanted) - Math.abs(other.x - wanted));
      return { at: pixel(x), title: title(x), rows: found };
    }

    return {
      // Where lines are in a chart of a width, with so many rows of names above them.
      frame(width, rows = 0) {
        const top = TOP + rows * labels.ROW_HEIGHT;
        return { left: LEFT, top, bottom: BOTTOM, width: Math.max(1, width - LEFT - RIGHT), height: height - top - BOTTOM };
      },
      // lines: [{x, y, color, width, pointed, hidden}], null in y being a gap. shades: [{from, to, fill, edge}].
      // notes: [{text, second}], each at a line of its own; names: as labels.arrange gives them.
      show({ theme, frame, xRange, yRange, xTicks, yTicks, lines: all, shades = [], notes = [], names = [] }) {
        const across = scale(xRange, log.x);
        shown = { frame, across, lines: all };
        // All of it is painted at once: each change alone could be.
        plot.hold_render = true;
        paint(theme);
        tick(axes.x, xTicks);
        tick(axes.y, yTicks);
        ranges.x.setv({ start: xRange[0], end: xRange[1] });
        ranges.y.setv({ start: yRange[0], end: yRange[1] });
        const column = (name) => shades.map((each) => each[name]);
        models.shades.data_source.data = {
          from: column("from"), to: column("to"), fill: column("fill"), edge: column("edge"),
        };
        models.marks.data_source.data = { x: notes.map(({ second }) => second) };
        models.drawn.forEach((each, at) => fill(each, all[at], lines[at]));
        const placed = notes.map((note) => ({ text: note.text, at: across.share(note.second) * frame.width }));
        labels.say(said, { names, notes: placed }, frame);
        const moved = plot.min_border_top !== frame.top;
        plot.setv({ min_border_top: frame.top, width: frame.left + frame.width + RIGHT });
        if (view && moved) view.invalidate_layout();
        plot.hold_render = false;
        if (!begun) begin();
      },
      // Paper does not wait for the next frame. What is not made yet is painted as soon as it is, before paper too.
      paintNow(isPaper) {
        paper = isPaper;
        if (!view) return;
        layer();
        view.repaint();
      },
      destroy() {
        gone = true;
        tooltip.destroy();
        if (view) clear();
      },
    };
  };
})();
