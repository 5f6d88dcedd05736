// Figures as people read them; what was not measured is a dash, never 0.

const NONE = "–";

export const known = (value) => typeof value === "number" && Number.isFinite(value);

export function count(value, digits = 0) {
  return known(value) ? value.toLocaleString("en", { maximumFractionDigits: digits }) : NONE;
}

export function percent(value, digits = 2) {
  return known(value) ? `${(100 * value).toLocaleString("en", { maximumFractionDigits: digits })}%` : NONE;
}

export function duration(seconds) {
  if (!known(seconds)) return NONE;
  if (Math.abs(seconds) >= 1) return `${seconds.toLocaleString("en", { maximumFractionDigits: 2 })} s`;
  return `${(1000 * seconds).toLocaleString("en", { maximumSignificantDigits: 3 })} ms`;
}

export function inUnit(value, unit) {
  if (unit === "seconds") return duration(value);
  return unit === "ratio" ? percent(value, 4) : count(value, 3);
}

export function sum(...values) {
  return values.every(known) ? values.reduce((a, b) => a + b, 0) : null;
}

export function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}

// Only what differs, so that a screen reader is told of changes and of nothing else.
export function say(id, text) {
  const place = document.getElementById(id);
  if (place.textContent !== text) place.textContent = text;
  return place;
}
