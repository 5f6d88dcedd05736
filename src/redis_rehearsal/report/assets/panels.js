// What the charts over time show: panels, the columns behind their lines, colours. No drawing; charts.js does that.
//
// Read first; all are classic scripts and share the one global RehearsalCharts.
"use strict";

// eslint-disable-next-line no-unused-vars
var RehearsalCharts = (() => {
  // After Okabe and Ito, told apart with any colour vision; darker on white and lighter on black, so that every line
  // has a contrast of at least 3:1 with what it is drawn on.
  const THEMES = {
    light: {
      paper: "#ffffff", text: "#1b2430", muted: "#566273", grid: "#e4e8ee",
      colors: {
        blue: "#0072b2", orange: "#b36b00", green: "#008060", vermilion: "#d04a00", purple: "#a8508a",
        sky: "#1f86c0", gray: "#68737f", black: "#1b2430",
      },
      shade: 0.1,
    },
    dark: {
      paper: "#151b23", text: "#e8edf3", muted: "#a5b1bf", grid: "#2a333f",
      colors: {
        blue: "#4aa3e0", orange: "#e69f00", green: "#2bbf94", vermilion: "#ff7f41", purple: "#d98bbb",
        sky: "#7cc8f2", gray: "#9aa6b2", black: "#e8edf3",
      },
      shade: 0.14,
    },
  };

  // The same colour for a phase wherever it is shown: shaded over time, a line in the plots by percentile.
  const PHASES = {
    "warm-up": "gray", load: "gray", baseline: "gray", prepare: "purple", sync: "sky", cutover: "vermilion",
    recovery: "green", done: "blue", "rolled-back": "orange", failed: "black",
  };

  // A row that stands for several seconds brings its own.
  function conversionRate(row) {
    if (row.conversion_rate !== undefined) return row.conversion_rate;
    return typeof row.events_conversion === "number" && row.events_page_view > 0
      ? row.events_conversion / row.events_page_view : null;
  }

  // value: a column's name, or a function of a row, which then needs a column. scale: what it is multiplied by.
  const line = (name, value, color, more) => ({ name, value, color, ...more });
  const milliseconds = (name, value, color, more) => line(name, value, color, { scale: 1000, ...more });

  const PANELS = [
    {
      id: "queries", group: "load", title: "Queries per second", unit: "/s", bands: "queries", zero: true,
      text: "Queries that were due (asked) and those that were answered (held), second by second.",
      lines: [
        line("asked", "queries_offered", "gray", { dash: "dash" }),
        line("held", "queries_ok", "blue"),
      ],
    },
    {
      id: "events", group: "load", title: "Events per second", unit: "/s", bands: "events", zero: true,
      text: "Events that were due (asked) and those that a server acknowledged (held), second by second.",
      lines: [
        line("asked", "events_offered", "gray", { dash: "dash" }),
        line("held", "events_ok", "green"),
      ],
    },
    {
      id: "query_latency", group: "latency", title: "Response time of queries", unit: "ms", log: true, bands: "queries",
      text: "Response time from the intended start, and beside it the service time from write to reply. " +
        "The axis is logarithmic.",
      lines: [
        milliseconds("response p50", "query_response_p50", "blue"),
        milliseconds("response p95", "query_response_p95", "orange"),
        milliseconds("response p99", "query_response_p99", "vermilion"),
        milliseconds("service p50", "query_service_p50", "green", { dash: "dot" }),
        milliseconds("service p99", "query_service_p99", "purple", { dash: "dot" }),
      ],
    },
    {
      id: "event_latency", group: "latency", title: "Response time of events", unit: "ms", log: true, bands: "events",
      text: "Response time from the intended start, and beside it the service time from write to reply. " +
        "The axis is logarithmic.",
      lines: [
        milliseconds("response p50", "event_response_p50", "blue"),
        milliseconds("response p99", "event_response_p99", "vermilion"),
        milliseconds("service p99", "event_service_p99", "purple", { dash: "dot" }),
      ],
    },
    {
      id: "hit_ratio", group: "cache", title: "Hit ratio", unit: "%",
      text: "Share of cacheable queries whose report was in the cache.",
      lines: [line("hit ratio", "hit_ratio", "blue", { scale: 100 })],
    },
    {
      id: "database", group: "database", title: "Database queries per second", unit: "/s", zero: true,
      text: "Reports that were asked of PostgreSQL because the cache had none.",
      lines: [line("database queries", "database_queries", "purple")],
    },
    {
      id: "failures", group: "failures", title: "Operations that were not ok", unit: "/s", zero: true,
      text: "Failed (surely not applied), unknown (the reply never came) and shed (refused by the generator).",
      lines: [
        line("queries failed", "queries_failed", "vermilion"),
        line("queries unknown", "queries_unknown", "orange"),
        line("queries shed", "queries_shed", "gray"),
        line("events failed", "events_failed", "purple", { dash: "dot" }),
        line("events unknown", "events_unknown", "blue", { dash: "dot" }),
        line("events shed", "events_shed", "green", { dash: "dot" }),
      ],
    },
    {
      id: "servers", group: "servers", title: "Operations by server", unit: "/s", zero: true,
      text: "Operations that the source and the target answered.",
      lines: [
        line("source", "source_operations", "blue"),
        line("target", "target_operations", "orange"),
      ],
    },
    {
      id: "generator_lag", group: "generator", title: "Lag of the generator, p99", unit: "ms", log: true,
      text: "How long after its intended start an operation was written: what the generator itself added.",
      lines: [
        milliseconds("queries", "query_lag_p99", "blue"),
        milliseconds("events", "event_lag_p99", "green", { dash: "dash" }),
      ],
    },
    {
      id: "generator_cpu", group: "generator", title: "CPU of the busiest worker", unit: "%", zero: true,
      text: "Share of a core. Seconds in which the generator was the bottleneck are marked as saturated.",
      lines: [
        line("CPU", "generator_cpu_ratio", "gray", { scale: 100 }),
        line("saturated", (row) => (row.generator_saturated ? row.generator_cpu_ratio : null), "vermilion", {
          scale: 100, marker: "x", needs: "generator_saturated",
        }),
      ],
    },
    {
      id: "organizations", group: "business", title: "Active organisations", unit: "", zero: true,
      text: "Organisations with an event in the last 60 seconds.",
      lines: [line("active organisations", "active_organizations", "blue")],
    },
    {
      id: "conversion", group: "business", title: "Conversion rate", unit: "%", zero: true,
      text: "Conversions per page view, second by second.",
      lines: [
        line("conversion rate", conversionRate, "green", { scale: 100, needs: "events_conversion" }),
      ],
    },
    {
      id: "event_types", group: "business", title: "Events by type", unit: "/s", log: true,
      text: "Events that were due, by type. The axis is logarithmic; a second without any is a gap.",
      lines: [
        line("page views", "events_page_view", "blue"),
        line("clicks", "events_click", "orange"),
        line("conversions", "events_conversion", "green"),
        line("sign-ups", "events_sign_up", "purple", { dash: "dash" }),
        line("purchases", "events_purchase", "vermilion", { dash: "dot" }),
      ],
    },
  ];

  function number(value) {
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  }

  // A line's points: x in seconds since the load began, the middle of each row's second; null is a gap.
  function points(rows, { value, scale = 1 }, log) {
    const read = typeof value === "function" ? value : (row) => row[value];
    const x = new Array(rows.length);
    const y = new Array(rows.length);
    for (let i = 0; i < rows.length; i += 1) {
      const found = number(read(rows[i]));
      x[i] = rows[i].second + 0.5;
      y[i] = found === null || (log && found <= 0) ? null : found * scale;
    }
    return { x, y };
  }

  // At most `most` points that look like all of them: of each bin the lowest, the highest and the first gap, in order.
  // Bins are powers of two and begin at whole multiples, so that a line does not flicker while it grows.
  function decimate({ x, y }, most) {
    if (x.length <= most) return { x, y };
    let size = 1;
    while ((3 * x.length) / size > most) size *= 2;
    const kept = { x: [], y: [] };
    for (let from = 0; from < x.length; from += size) {
      const to = Math.min(from + size, x.length);
      let low = -1;
      let high = -1;
      let gap = -1;
      for (let i = from; i < to; i += 1) {
        if (y[i] === null) {
          if (gap < 0) gap = i;
        } else {
          if (low < 0 || y[i] < y[low]) low = i;
          if (high < 0 || y[i] > y[high]) high = i;
        }
      }
      for (const i of [...new Set([low, high, gap])].filter((each) => each >= 0).sort((a, b) => a - b)) {
        kept.x.push(x[i]);
        kept.y.push(y[i]);
      }
    }
    return kept;
  }

  return { THEMES, PHASES, PANELS, points, decimate };
})();
