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

export function showFigures({ document: run, now, load, progress, ended }, row) {
  const stage = ended ? "ended" : run.stage;
  const steps = Object.entries(progress || {}).filter(([, [done, all]]) => done < all);
  const far = steps.map(([step, [done, all]]) => `, ${step} ${count(done)} of ${count(all)}`).join("");
  say("run", run.started ? `run ${run.started}: ${stage}${far}` : stage);
  say("phase", (now && now.phase) || (run.migration && run.migration.phase) || "–");
  if (!row) return;
  const asked = load ? [load.queries_per_second, load.events_per_second] : [null, null];
  say("queries", `${count(row.queries_ok)}${known(asked[0]) ? ` of ${count(asked[0])}` : ""}`);
  say("events", `${count(row.events_ok)}${known(asked[1]) ? ` of ${count(asked[1])}` : ""}`);
  say("app-rate", `${count(sum(row.queries_ok, row.events_ok))}/s`);
  say("p99", duration(row.query_response_p99));
  say("hit-ratio", percent(row.hit_ratio));
  say("database", count(row.database_queries));
  const names = ["queries_failed", "queries_unknown", "queries_shed", "events_failed", "events_unknown", "events_shed"];
  const notOk = sum(...names.map((name) => row[name]));
  say("not-ok", count(notOk)).classList.toggle("bad", notOk > 0);
  const busy = `${percent(row.generator_cpu_ratio, 0)} of a core`;
  say("generator", row.generator_saturated ? `${busy}, the bottleneck` : busy).classList.toggle("bad", row.generator_saturated);
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
    say("verdict", failed.length ? `failed: ${failed.join(", ")}` : "nothing failed").classList.toggle("bad", failed.length > 0);
  } else {
    say("verdict", "–");
  }
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

export function showMigration({ document: run, so_far: soFar, reports }) {
  const migration = run.migration;
  window.document.getElementById("migration").hidden = !migration;
  if (!migration) return;
  const reason = migration.reason ? `: ${migration.reason}` : "";
  say("migration-heading", `Migration: ${migration.strategy}`);
  say("migration-text", `${migration.status}, phase ${migration.phase}${reason}`);
  say("migration-progress", migration.progress ? migration.progress.text : "");
  const verdict = run.verdict || migration.verdict;
  window.document.getElementById("migration-report").hidden = !verdict || reports === false;
  say("criteria-heading", verdict ? "Criteria" : "Criteria so far");
  const criteria = (verdict || soFar || { criteria: [] }).criteria;
  // Redrawn only where something is different, so that nobody's place in it is lost.
  const next = JSON.stringify([migration.steps, criteria]);
  if (next === shown) return;
  shown = next;
  window.document.getElementById("steps").replaceChildren(...migration.steps.map(stepItem));
  window.document.querySelector("#criteria tbody").replaceChildren(...criteria.map(criterionRow));
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
