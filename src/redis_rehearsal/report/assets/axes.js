// What an axis spans, where its ticks are, and what stands at them. No drawing. Needs panels.js.
"use strict";

(() => {
  const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
  const TIME_TICK_WIDTH = 70;
  const [VALUE_TICK_HEIGHT, POWER_TICK_HEIGHT] = [30, 20];
  // What is too long for the room beside a chart is in thousands or millions: size, its sign, and from where on.
  const UNITS = [[1e6, "M", 1e6], [1e3, "k", 1e5], [1, "", -Infinity]];
  // Of what is spanned, so that no line runs along the edge.
  const PADDING = 0.05;

  function readable(value, digits = 6) {
    return value.toLocaleString("en", { maximumSignificantDigits: digits });
  }

  function clock(second) {
    const two = (value) => String(value).padStart(2, "0");
    const whole = Math.round(second);
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }

  // The multiples of a step within a range, without what adding fractions leaves behind: 0.3, not 0.30000000000000004.
  function multiples([from, to], step) {
    const found = [];
    for (let count = Math.ceil(from / step); count * step <= to; count += 1) {
      found.push(Number((count * step).toPrecision(12)));
    }
    return found;
  }

  function timeTicks([from, to], width) {
    const most = Math.max(2, Math.floor(width / TIME_TICK_WIDTH));
    const step = SECONDS.find((each) => (to - from) / each <= most) || SECONDS[SECONDS.length - 1];
    return multiples([from, to], step).map((at) => ({ at, text: clock(at) }));
  }

  function extent(series) {
    let [low, high] = [Infinity, -Infinity];
    for (const values of series) {
      for (const value of values) {
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    return low <= high ? [low, high] : null;
  }

  // series: lists of values, in which null is a gap.
  function valueRange(series, { log = false, zero = false }) {
    const found = extent(series);
    if (!found) return log ? [1, 10] : [0, 1];
    let [low, high] = found;
    if (log) {
      if (low === high) return [low / 2, high * 2];
      const factor = (high / low) ** PADDING;
      return [low / factor, high * factor];
    }
    if (zero) [low, high] = [Math.min(0, low), Math.max(0, high)];
    if (low === high) return zero ? [0, 1] : [low - 1, high + 1];
    const padding = (high - low) * PADDING;
    return [zero && low === 0 ? 0 : low - padding, zero && high === 0 ? 0 : high + padding];
  }

  function linearTicks(range, most) {
    const least = (range[1] - range[0]) / most;
    const power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least * 0.999) || 10 * power;
    return multiples(range, step);
  }

  // Powers of ten; where there are too few of them, what is between them.
  function logTicks([from, to], most) {
    const [first, last] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))];
    const inside = (value) => value >= from && value <= to;
    const powers = Array.from({ length: last - first + 1 }, (_, place) => 10 ** (first + place));
    const decades = powers.filter(inside);
    const every = Math.ceil(decades.length / most);
    if (decades.length >= 2) return decades.filter((_, place) => place % every === 0);
    const between = powers.flatMap((power) => [power, 2 * power, 5 * power]).filter(inside);
    return between.length >= 2 ? between : linearTicks([from, to], Math.ceil(most / 2));
  }

  function valueTicks(range, log, height) {
    const most = Math.max(2, Math.floor(height / (log ? POWER_TICK_HEIGHT : VALUE_TICK_HEIGHT)));
    const ticks = log ? logTicks(range, most) : linearTicks(range, most);
    const [size, unit] = UNITS.find(([, , least]) => Math.max(...ticks.map(Math.abs)) >= least);
    return ticks.map((at) => ({ at, text: at ? `${readable(at / size)}${unit}` : "0" }));
  }

  RehearsalCharts.axes = { readable, timeTicks, valueRange, valueTicks };
})();
