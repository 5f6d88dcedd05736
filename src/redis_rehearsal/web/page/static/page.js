// The live page: what the run tells goes to the parts that show it.

import { allow, askForToken, greet, listenToButtons, showCost, showLoad } from "./actions.js";
import { showFailures, showFigures, showLeft, showMigration, showOutcome, showServers, showVerdict, showWorst } from "./now.js";
import { listen } from "./stream.js";
import { authorization, takeFromLink } from "./token.js";
import { element, say } from "./words.js";

const HERE = /^(localhost|127\.[0-9.]+|\[::1\])$/;

let run = null;
let rows = [];
let charts = null;
let phases = [];
let over = false;

const theme = () => document.documentElement.dataset.theme;

function drawCharts() {
  if (charts) charts.destroy();
  const seconds = Number(document.getElementById("window").value);
  charts = RehearsalCharts.create(document.getElementById("plots"), {
    theme: theme(), windowSeconds: seconds || null,
  });
  charts.update({ rows, phases });
}

function begin(name) {
  if (name === run) return;
  // Another run answers at the same address.
  run = name;
  rows = [];
  phases = [];
  drawCharts();
}

function take({ run: name, rows: more }) {
  begin(name);
  const last = rows.length ? rows[rows.length - 1].second : -1;
  const fresh = more.filter((row) => row.second > last);
  rows.push(...fresh);
  charts.append(fresh, phases);
}

function showState(state) {
  begin(state.run);
  phases = state.phases;
  over = state.ended;
  charts.append([], phases);
  // Of a damaged run one part may be beyond showing; the others are shown all the same, the verdict first.
  const parts = [
    // With the run goes what served its report.
    () => showOutcome({ ...state, reports: !over || Boolean(state.saved) }),
    () => showVerdict(state),
    () => showMigration(state),
    () => showServers(state),
    () => showFigures(state, rows[rows.length - 1]),
    () => showLeft(state, rows),
    () => showCost(state.acknowledged_since_cutover || 0, state),
    () => showWorst(state),
    () => showFailures(state),
    () => showLoad(state.load),
    () => allow(state),
  ];
  for (const part of parts) {
    try {
      part();
    } catch (error) {
      console.error(error);
    }
  }
  const ended = document.getElementById("ended");
  ended.hidden = !over;
  if (over) {
    say("ended", state.saved
      ? "This is a saved run."
      : `This run has ended; this is how it ended. To open it again: redis-rehearsal view ${state.directory || ""}`);
    say("connection", state.saved ? "saved run" : "ended");
  }
}

function lost(why) {
  document.getElementById("connection").classList.add("bad");
  if (over) return;
  say("connection", "not connected");
  say("lost", why || "The connection to the run is lost; what is shown is old. Trying again…").hidden = false;
}

function found() {
  document.getElementById("lost").hidden = true;
  document.getElementById("connection").classList.remove("bad");
  say("connection", "live");
}

function refused(again) {
  document.getElementById("connection").classList.add("bad");
  say("connection", "needs the token");
  askForToken(again);
}

// From another machine a link alone would lack the token.
async function saveReport(event) {
  if (HERE.test(location.hostname)) return;
  event.preventDefault();
  const answer = await fetch("/report.html", { headers: authorization() });
  if (!answer.ok) {
    askForToken(() => saveReport(event));
    return;
  }
  const href = URL.createObjectURL(await answer.blob());
  element("a", null, { href, download: "report.html" }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

function setTheme(next) {
  document.documentElement.dataset.theme = next;
  const button = document.getElementById("theme");
  button.setAttribute("aria-pressed", String(next === "dark"));
  try {
    localStorage.setItem("rehearsal-theme", next);
  } catch {
    // It is as it is for this visit.
  }
  if (charts) charts.setTheme(next);
}

document.getElementById("theme").setAttribute("aria-pressed", String(theme() === "dark"));
document.getElementById("theme").addEventListener("click", () => setTheme(theme() === "dark" ? "light" : "dark"));
document.getElementById("window").addEventListener("change", drawCharts);
for (const id of ["report-link", "report-download"]) document.getElementById(id).addEventListener("click", saveReport);
window.addEventListener("hashchange", takeFromLink);
takeFromLink();
drawCharts();
RehearsalCharts.printAll(() => [charts], theme);
listenToButtons();
listen({
  greeting: (content) => {
    say("version", `redis-rehearsal ${content.version}`);
    greet(content);
  },
  rows: take, state: showState, lost, found, refused,
});
