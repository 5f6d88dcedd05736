// What the top of the page says: which server does what, the figures of the last second, the migration.

import { count, duration, element, inUnit, known, percent, say, sum } from "./words.js";

const STATUSES = { pass: "PASS", fail: "FAIL", unknown: "UNKNOWN" };

function named(server) {
  return server ? `${server.product} ${server.version}` : "–";
}

export function showServers({ document: run, now }) {
  const servers = run.servers || {};
  const on = now ? now.route : (run.migration && run.migration.application_on) || {};
  for (const role of ["source", "target"]) {
    say(`${role}-name`, named(servers[role]));
    say(`${role}-address`, servers[role] ? servers[role].address : "");
    for (const kind of ["reads", "writes"]) {
      const goes = on[kind] === role || on[kind] === "both";
      const flow = window.document.querySelector(`.links[data-role=${role}] .${kind}`);
      flow.classList.toggle("active", goes);
      flow.classList.toggle("held", goes && kind === "writes" && Boolean(now && now.frozen));
    }
  }
  const moving = now && now.route.moving ? " Tenants are moving over." : "";
  const frozen = now && now.frozen ? " Writes are held." : "";
  say("app-frozen", now && now.frozen ? "writes are held" : moving ? "tenants are moving" : "");
  if (on.reads) say("route-text", `Reads go to ${on.reads}, writes to ${on.writes}.${moving}${frozen}`);
}

// Of the last second while it runs; once it has ended, of all of it.
function lastSecond(row, load) {
  const asked = load || {};
  const of = (rate) => (known(rate) ? ` of ${count(rate)}` : "");
  const names = ["queries_failed", "queries_unknown", "queries_shed", "events_failed", "events_unknown", "events_shed"];
  return {
    queries: `${count(row.queries_ok)}${of(asked.queries_per_second)}`,
    events: `${count(row.events_ok)}${of(asked.events_per_second)}`,
    rate: sum(row.queries_ok, row.events_ok),
    p99: row.query_response_p99,
    hitRatio: row.hit_ratio,
    database: row.database_queries,
    notOk: sum(...names.map((name) => row[name])),
    cpu: row.generator_cpu_ratio,
    saturated: Boolean(row.generator_saturated),
  };
}

function wholeRun(run) {
  const { totals = {}, rates = {}, latency = {}, cache = {}, database = {}, generator = {} } = run;
  const { generator_saturated: judged } = run.impact || {};
  const notOk = [totals.queries, totals.events].flatMap((each) => (each ? [each.failed, each.unknown, each.shed] : [null]));
  const seconds = sum(run.duration_seconds, run.warmup_seconds);
  // A run that ended before its load has no rates.
  const [queries, events] = run.duration_seconds > 0 ? [rates.queries_per_second, rates.events_per_second] : [null, null];
  return {
    queries: count(queries),
    events: count(events),
    rate: sum(queries, events),
    p99: latency.queries && latency.queries.response_seconds ? latency.queries.response_seconds.p99 : null,
    hitRatio: cache.hit_ratio,
    database: seconds > 0 ? database.queries / seconds : null,
    notOk: sum(...notOk),
    cpu: seconds > 0 ? generator.cpu_ratio : null,
    saturated: typeof judged === "boolean" ? judged : Boolean(generator.saturated),
  };
}

export function showFigures({ document: run, now, load, progress, ended }, row) {
  const stage = ended ? "ended" : run.stage;
  const steps = Object.entries(progress || {}).filter(([, [done, all]]) => done < all);
  const far = steps.map(([step, [done, all]]) => `, ${step} ${count(done)} of ${count(all)}`).join("");
  say("run", run.started ? `run ${run.started}: ${stage}${far}` : stage);
  say("phase", (now && now.phase) || (run.migration && run.migration.phase) || "–");
  say("figures-text", ended ? "Figures of the whole run:" : "Figures of the last second:");
  if (!row && !ended) return;
  const figures = ended ? wholeRun(run) : lastSecond(row, load);
  say("queries", figures.queries);
  say("events", figures.events);
  say("app-rate", `${count(figures.rate)}/s`);
  say("p99", duration(figures.p99));
  say("hit-ratio", percent(figures.hitRatio));
  say("database", count(figures.database));
  say("not-ok", count(figures.notOk)).classList.toggle("bad", figures.notOk > 0);
  const busy = `${percent(figures.cpu, 0)} of a core`;
  say("generator", figures.saturated ? `${busy}, the bottleneck` : busy).classList.toggle("bad", figures.saturated);
}

export function showVerdict({ document: run, so_far: soFar }) {
  const verdict = run.verdict || (run.migration && run.migration.verdict);
  const place = window.document.getElementById("verdict");
  say("verdict-label", verdict ? "Verdict" : "Verdict so far");
  place.className = verdict ? `verdict ${verdict.status}` : "";
  if (verdict) {
    say("verdict", STATUSES[verdict.status] || "UNKNOWN");
  } else if (soFar) {
    const failed = soFar.criteria.filter((each) => each.status === "failed").map((each) => each.name);
    const open = soFar.criteria.filter((each) => each.status === "unknown").length;
    const rest = open ? `, ${open} not known yet` : "";
    const said = failed.length ? `failed: ${failed.join(", ")}` : `nothing failed${rest}`;
    say("verdict", said).classList.toggle("bad", failed.length > 0);
  } else {
    say("verdict", "–");
  }
}

const NEXT = {
  pass: "To do next: keep the report with the change; reset, and rehearse it with your own servers or at a higher load.",
  fail: "To do next: the report says what to do about each criterion; reset, and try another strategy. The application stays where it is until you go back.",
  unknown: "To do next: remove the reason, reset, and rehearse again; unknown proves nothing.",
};

// Of a run that has ended nothing can be reset.
const NEXT_OF_SAVED = {
  pass: "To do next: keep the report with the change, and rehearse it with your own servers or at a higher load.",
  fail: "To do next: the report says what to do about each criterion; rehearse again, or another strategy.",
  unknown: "To do next: remove the reason, and rehearse again; unknown proves nothing.",
};

const ICON = window.document.querySelector("link[rel=icon]").href;
const GROUNDS = { pass: "#006b4f", fail: "#a83200", unknown: "#7a5200" };
const MARKS = { pass: "M8 17l5 5 11-12", fail: "M9 9l14 14M23 9L9 23", unknown: "M12 12a4 4 0 1 1 5 4q-1 .5-1 3M16 24v.1" };
let icon = "";

// The tab says the verdict where nobody sees the page.
function showIcon(status) {
  if (status === icon) return;
  icon = status;
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="${GROUNDS[status]}"/>`
    + `<path d="${MARKS[status]}" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
  window.document.querySelector("link[rel=icon]").href = status ? `data:image/svg+xml,${encodeURIComponent(drawn)}` : ICON;
}

function why(verdict, sentence) {
  const of = (status) => verdict.criteria.filter((each) => each.status === status);
  const failed = of("failed").map((each) => `${each.name} ${each.measured === null ? "" : `${inUnit(each.measured, each.unit)} (limit ${inUnit(each.limit, each.unit)})`}`.trim());
  const unknown = of("unknown").map((each) => each.name);
  if (failed.length) return `Failed: ${failed.join("; ")}.`;
  if (unknown.length) return `Could not be measured: ${unknown.join(", ")}.`;
  return sentence;
}

// What stands above everything once there is a verdict: the word, why, what was lost, what to do next.
export function showOutcome({ document: run, reports, phases, now }) {
  const verdict = run.verdict || (run.migration && run.migration.verdict);
  const place = window.document.getElementById("outcome");
  place.hidden = !verdict;
  const status = verdict ? (STATUSES[verdict.status] ? verdict.status : "unknown") : "";
  const phase = now && now.phase ? `${now.phase} · ` : "";
  window.document.title = verdict ? `${STATUSES[status]} · redis-rehearsal` : `${phase}redis-rehearsal`;
  showIcon(status);
  if (!verdict) return;
  place.className = `outcome ${status}`;
  say("outcome-word", `${STATUSES[status]}: ${run.migration ? run.migration.strategy : "the migration"}`);
  say("outcome-why", why(verdict, `All ${verdict.criteria.length} criteria passed.`));
  const ledger = run.ledger || {};
  const told = ["lost", "duplicated", "stranded"].map((name) => `${count(ledger[name])} ${name}`);
  say("outcome-lost", `Of ${count(ledger.acknowledged)} acknowledged increments: ${told.join(", ")}.`);
  const over = window.document.getElementById("actions").hidden;
  say("outcome-next", (over ? NEXT_OF_SAVED : NEXT)[status]);
  for (const link of place.querySelectorAll("a")) link.hidden = reports === false;
  const reset = window.document.querySelector("[data-opens=reset]");
  window.document.getElementById("outcome-reset").hidden = over || reset.disabled;
  const left = Boolean(now && now.route && now.route.reads !== "source" && now.route.writes !== "source");
  window.document.getElementById("outcome-back").hidden = over || !left;
  // It is over, and the verdict says more.
  if (window.document.getElementById("done").textContent.endsWith("has begun.")) say("done", "");
}

// How long the baseline and the observation still last, and for how long the others have.
export function showLeft({ document: run, now, phases, ended }, rows) {
  const last = (phases || []).at(-1);
  const options = (run.migration && run.migration.options) || {};
  if (ended || !last || !rows.length || !run.migration || run.migration.status !== "running") return void say("left", "");
  const lasted = Math.max(0, rows.at(-1).second + 1 - last.from_second);
  const whole = { baseline: options.baseline, recovery: options.observe }[last.name];
  if (!known(whole)) return void say("left", `for ${count(lasted)} s`);
  say("left", lasted < whole ? `${count(Math.ceil(whole - lasted))} s left` : "until all is as before");
}

function stepItem(step) {
  const item = element("li", null, { class: `step ${step.status}` });
  const took = step.duration_seconds === null ? "" : `, ${duration(step.duration_seconds)}`;
  item.append(element("strong", step.name), element("span", ` ${step.status}${took}`, { class: "muted" }));
  if (step.detail) item.append(element("p", step.detail));
  return item;
}

function criterionRow(criterion) {
  const row = element("tr");
  const met = criterion.limit === null && criterion.measured === null;
  const name = element("th", criterion.name, { scope: "row" });
  if (criterion.reason) name.append(element("p", criterion.reason, { class: "muted" }));
  row.append(
    name,
    element("td", met ? "" : inUnit(criterion.limit, criterion.unit)),
    element("td", met ? "" : inUnit(criterion.measured, criterion.unit)),
    element("td", criterion.status, { class: `status ${criterion.status}` }),
  );
  return row;
}

let shown = "";

export function showMigration({ document: run, so_far: soFar }) {
  const migration = run.migration;
  window.document.getElementById("migration").hidden = !migration;
  if (!migration) return;
  const reason = migration.reason ? `: ${migration.reason}` : "";
  say("migration-heading", `Migration: ${migration.strategy}`);
  say("migration-text", `${migration.status}, phase ${migration.phase}${reason}`);
  say("migration-progress", migration.progress ? migration.progress.text : "");
  const verdict = run.verdict || migration.verdict;
  say("criteria-heading", verdict ? "Criteria" : "Criteria so far");
  const criteria = (verdict || soFar || {}).criteria || [];
  // Redrawn only where something is different, so that nobody's place in it is lost.
  const next = JSON.stringify([migration.steps, criteria]);
  if (next === shown) return;
  shown = next;
  window.document.getElementById("steps").replaceChildren(...(migration.steps || []).map(stepItem));
  window.document.querySelector("#criteria tbody").replaceChildren(...criteria.map(criterionRow));
}

function worstCounter(each) {
  const made = element("details");
  const told = ["lost", "duplicated", "stranded"].filter((name) => each[name]).map((name) => `${count(each[name])} ${name}`);
  made.append(element("summary", `${each.key}: ${told.join(", ")}`));
  if (known(each.on_truth)) {
    const sure = each.before + each.acknowledged;
    made.append(
      element("p", `Organisation ${count(each.organization)}. B = ${count(each.before)} before the first write, A = ${count(each.acknowledged)} acknowledged, `
        + `U = ${count(each.unknown)} unknown, S = ${count(each.too_late)} acknowledged by a server that was not the truth any more, T = ${count(each.on_truth)} on the truth.`),
      element("p", `B + A is ${count(sure)}${each.unknown ? `, and up to ${count(sure + each.unknown)} with U` : ""}; the truth has ${count(each.on_truth)}.`, { class: "muted" }),
    );
  }
  return made;
}

let worst = "";

export function showWorst({ document: run }) {
  const found = ((run.ledger || {}).worst || []).filter((each) => each && typeof each.key === "string");
  window.document.getElementById("worst").hidden = found.length === 0;
  // What somebody has opened stays open.
  const next = JSON.stringify(found);
  if (next === worst) return;
  worst = next;
  window.document.getElementById("worst-counters").replaceChildren(...found.map(worstCounter));
}

export function showFailures({ document: run }) {
  const { queries = {}, events = {} } = run.failures || {};
  const reasons = [...new Set([...Object.keys(queries), ...Object.keys(events)])].filter(
    (reason) => queries[reason] || events[reason],
  );
  window.document.getElementById("no-failures").hidden = reasons.length > 0;
  window.document.getElementById("failures").hidden = reasons.length === 0;
  const rows = reasons.map((reason) => {
    const row = element("tr");
    row.append(
      element("th", reason, { scope: "row" }),
      element("td", count(queries[reason] || 0)),
      element("td", count(events[reason] || 0)),
    );
    return row;
  });
  window.document.querySelector("#failures tbody").replaceChildren(...rows);
}
