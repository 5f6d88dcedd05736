// What can be done to a run: each action is a dialog that says what it does, asks, and shows what came of it.

import { authorization, forget, keep, kept } from "./token.js";
import { element, say } from "./words.js";

let cost = { acknowledged: 0, now: null };
let load = null;
let offered = [];
let waiting = null;

const dialog = (name) => document.getElementById(`dialog-${name}`);
const text = (form, name) => form.elements[name].value.trim();

function number(form, name) {
  const given = text(form, name);
  const found = Number(given);
  if (given === "" || !Number.isFinite(found)) throw new Error(`${form.elements[name].labels[0].textContent.trim()}: give a number.`);
  return found;
}

// What came of a rollback is for the migration to say: it may have ended otherwise meanwhile.
function rolledBack({ status, reason, application_on: on }) {
  if (status === "rolled-back" && on.reads === "source" && on.writes === "source") {
    return "The migration was rolled back; the application is on the source.";
  }
  const unsure = on.confirmed === false ? " Not every worker confirmed it: some may be elsewhere." : "";
  return `The migration ended as ${status}${reason ? `: ${reason}` : ""}. Reads go to ${on.reads}, writes to ${on.writes}.${unsure}`;
}

// What the chosen strategy has a use for that is not for all, and which options of others' packages it brings along.
const chosenOf = (form) => offered.find(({ name }) => name === form.elements.strategy?.value) || { uses: [], options: [] };

const CALLS = {
  migrate: (form) => {
    const strategy = form.elements.strategy.value;
    const body = { strategy, freeze: text(form, "freeze") };
    const texts = ["rollout", "baseline", "observe", "freeze_bound", "max_query_downtime", "max_event_downtime", "max_cutover_p99", "max_recovery"];
    for (const name of texts) if (text(form, name)) body[name] = text(form, name);
    for (const name of ["copy_rate", "max_lost"]) if (text(form, name)) body[name] = number(form, name);
    for (const name of ["clear_target", "allow_server_wide", "force", "rollback_on_fail"]) if (form.elements[name].checked) body[name] = true;
    if (form.elements.then.checked) body.then = "rollback";
    const conditions = text(form, "abort_if").split(/[\s,]+/).filter(Boolean);
    if (conditions.length) body.abort_if = conditions;
    const { uses, options } = chosenOf(form);
    if (uses.includes("command")) body.command = text(form, "command");
    for (const { name, type } of options) {
      if (type === "boolean") body[name] = form.elements[name].checked;
      else if (text(form, name)) body[name] = text(form, name);
    }
    return ["POST", "/api/migrations", body, () => `The migration (${strategy}) has begun.`];
  },
  switch: (form) => {
    const what = text(form, "what");
    const body = { to: text(form, "to"), freeze: text(form, "freeze") };
    if (text(form, "rollout")) body.rollout = text(form, "rollout");
    if (what !== "both") body[what] = true;
    const told = ({ route }) => `Reads go to ${route.reads} now, writes to ${route.writes}.`;
    return ["POST", "/api/switch", body, told];
  },
  rollback: (form) => (form.dataset.how === "carry"
    ? ["POST", "/api/migrations/current/return", null, () => "The way back has begun, with what was written meanwhile."]
    : ["POST", "/api/migrations/current/rollback", null, rolledBack]),
  load: (form) => {
    const body = { queries_per_second: number(form, "queries_per_second"), events_per_second: number(form, "events_per_second") };
    for (const name of ["query_mix", "event_mix"]) if (load && text(form, name) !== load[name]) body[name] = text(form, name);
    return ["PATCH", "/control", body, () => "The load was changed."];
  },
  reset: () => ["POST", "/api/reset", null, () => "The run ends, and begins again from a fresh state."],
};

async function call([method, path, body]) {
  const headers = { ...authorization(), ...(body ? { "Content-Type": "application/json" } : {}) };
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body ? JSON.stringify(body) : undefined });
  } catch {
    throw new Error("The run does not answer; whether this was done is not known.");
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401) {
    forget();
    throw Object.assign(new Error(said.error), { token: true });
  }
  if (!answer.ok) throw Object.assign(new Error(said.error || `The run answered with status ${answer.status}.`), { field: said.field });
  return said;
}

function showError(form, error) {
  form.querySelector(".error").textContent = error ? error.message : "";
  for (const field of form.elements) {
    if (field.name) field.setAttribute("aria-invalid", String(Boolean(error && error.field === field.name)));
  }
  const wrong = error && error.field && form.elements[error.field];
  if (wrong && wrong.focus) {
    // It may stand in a part that is folded.
    const folded = wrong.closest("details");
    if (folded) folded.open = true;
    wrong.focus();
  }
}

async function submit(form) {
  if (form.dataset.does === "token") {
    if (!/^[\x21-\x7e]+$/.test(text(form, "token"))) {
      showError(form, new Error("A token has only letters, digits and signs of ASCII, and no space."));
      return;
    }
    keep(text(form, "token"));
    form.reset();
    dialog("token").close();
    const wanted = waiting;
    waiting = null;
    if (wanted) await wanted();
    return;
  }
  const button = form.querySelector("[type=submit]");
  if (button.disabled) return;
  showError(form, null);
  let wanted;
  try {
    wanted = CALLS[form.dataset.does](form);
  } catch (error) {
    showError(form, error);
    return;
  }
  if (!kept()) {
    askForToken(() => submit(form));
    return;
  }
  button.disabled = true;
  // What the last action came to would be taken for this one's.
  say("done", "");
  try {
    const told = wanted[3](await call(wanted));
    form.closest("dialog").close();
    say("done", told);
  } catch (error) {
    showError(form, error);
    if (error.token) askForToken(() => submit(form));
  } finally {
    button.disabled = false;
  }
}

// Then does what was wanted; who cancels wants it no more.
export function askForToken(wanted) {
  waiting = wanted;
  if (!dialog("token").open) dialog("token").showModal();
}

function chosen() {
  const form = dialog("migrate").querySelector("form");
  const { uses } = chosenOf(form);
  for (const place of form.querySelectorAll("[data-option]")) place.hidden = !uses.includes(place.dataset.option);
}

function offer(strategies, presets) {
  offered = strategies;
  const place = document.getElementById("strategies");
  place.replaceChildren(...strategies.map((strategy, index) => {
    const label = element("label", null, { class: "strategy" });
    const input = element("input", null, { type: "radio", name: "strategy", value: strategy.name });
    input.checked = strategy.suggested || (index === 0 && !strategies.some((each) => each.suggested));
    const words = element("span");
    words.append(
      element("strong", strategy.name), element("span", ` ${strategy.summary}`),
      element("span", `Expected to go wrong: ${strategy.goes_wrong}`, { class: "muted wrong" }),
    );
    label.append(input, words);
    return label;
  }));
  document.getElementById("of-strategy").append(...strategies.flatMap(({ options }) => options).map(({ name, meaning, type, on }) => {
    const label = element("label", `${meaning} `, { "data-option": name });
    const input = element("input", null, { name, type: type === "boolean" ? "checkbox" : "text", autocomplete: "off" });
    input.checked = on;
    label.append(input);
    return label;
  }));
  document.getElementById("presets").replaceChildren(...Object.entries(presets).map(([name, rates]) => {
    const button = element("button", name, { type: "button" });
    button.addEventListener("click", () => {
      const form = dialog("load").querySelector("form");
      for (const [field, rate] of Object.entries(rates)) form.elements[field].value = rate;
    });
    return button;
  }));
  chosen();
}

export function greet({ controllable, strategies, presets }) {
  document.getElementById("actions").hidden = !controllable;
  if (controllable && !document.querySelector("#strategies input")) offer(strategies, presets);
}

export function showLoad(now) {
  load = now;
}

// Why an action cannot be done now; empty where it can.
function whyNot(action, { ended, document: run, now }) {
  if (ended) return "the run has ended";
  if (run.stage !== "running") return `the load does not run yet (${run.stage})`;
  const going = Boolean(run.migration && run.migration.status === "running");
  if (action === "rollback") return going ? "" : "no migration is under way";
  if (action === "load" || action === "reset") return "";
  if (going) return "a migration is under way";
  const on = (now && now.route) || {};
  return action === "migrate" && on.writes && (on.writes !== "source" || on.reads !== "source")
    ? "the application is not on the source, where every migration begins: reset, or switch it back"
    : "";
}

// Only what can be done now, and why not what cannot.
export function allow(state) {
  const reasons = new Map();
  for (const button of document.querySelectorAll("[data-opens]")) {
    const why = whyNot(button.dataset.opens, state);
    button.disabled = Boolean(why);
    button.title = why;
    if (why) reasons.set(why, [...(reasons.get(why) || []), button.textContent.replace("…", "")]);
  }
  say("why-not", [...reasons].map(([why, names]) => `${names.join(", ")}: ${why}.`).join(" "));
}

// What a return to the source leaves behind, before it is asked for.
export function showCost(acknowledged, { now }) {
  cost = { acknowledged, now };
  tellCost();
}

function tellCost() {
  const { acknowledged, now } = cost;
  const watched = Boolean(now && now.phase === "recovery" && now.route.writes === "target");
  document.getElementById("go-back").hidden = !watched;
  const left = acknowledged > 0
    ? `Since the cutover ${acknowledged.toLocaleString("en")} increments were acknowledged; those that only the target has will be missing on the source.`
    : "";
  const kept = " To keep them, go back with what was written: the target is compared, and then the source is made as the target is.";
  say("rollback-cost", left && watched ? left + kept : left);
  const switched = dialog("switch").querySelector("form").elements;
  say("switch-cost", switched.to.value === "source" && switched.what.value !== "reads" && now && now.route.writes === "target" ? left : "");
}

export function listenToButtons() {
  for (const button of document.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => {
      const form = dialog(button.dataset.opens).querySelector("form");
      showError(form, null);
      if (button.dataset.opens === "load" && load) {
        for (const [name, value] of Object.entries(load)) form.elements[name].value = value;
      }
      dialog(button.dataset.opens).showModal();
    });
  }
  document.getElementById("outcome-reset").addEventListener("click", () => document.querySelector("[data-opens=reset]").click());
  document.getElementById("outcome-back").addEventListener("click", () => {
    const { to, what } = dialog("switch").querySelector("form").elements;
    to.value = "source";
    what.value = "both";
    tellCost();
    document.querySelector("[data-opens=switch]").click();
  });
  for (const button of document.querySelectorAll("[data-closes]")) {
    button.addEventListener("click", () => { waiting = null; button.closest("dialog").close(); });
  }
  dialog("token").addEventListener("cancel", () => { waiting = null; });
  for (const form of document.querySelectorAll("dialog form")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.dataset.how = (event.submitter && event.submitter.value) || "";
      submit(form);
    });
    form.addEventListener("change", () => { chosen(); tellCost(); });
  }
}
