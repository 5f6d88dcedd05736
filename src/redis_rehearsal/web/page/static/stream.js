// The run's events, as they come, and again where the connection is lost. An EventSource could not send the token.

import { authorization } from "./token.js";

const AGAIN_MILLISECONDS = 1000;
const FULL_MILLISECONDS = 10_000;
const SILENT_MILLISECONDS = 5000;

function parsed(block) {
  const event = { name: "", data: "", id: null };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    const [field, value] = [line.slice(0, colon), line.slice(colon + 2)];
    if (field === "event") event.name = value;
    if (field === "data") event.data = value;
    if (field === "id") event.id = value;
  }
  return event;
}

async function read(body, hear) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    if (!value.includes("\n")) continue;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    blocks.map(parsed).filter((event) => event.data).forEach(hear);
  }
}

export function listen({ greeting, rows, state, lost, found, refused }) {
  const hearers = { greeting: (content) => { found(); greeting(content); }, rows, state };
  let last = "";

  async function follow() {
    const connection = new AbortController();
    let silence = 0;
    let saved = false;
    let full = "";

    function heard() {
      clearTimeout(silence);
      // A connection may die without a word.
      silence = setTimeout(() => connection.abort(), SILENT_MILLISECONDS);
    }

    function hear({ name, data, id }) {
      heard();
      if (id) last = id;
      try {
        const content = JSON.parse(data);
        if (hearers[name]) hearers[name](content);
        saved = saved || Boolean(content.saved);
      } catch (error) {
        console.error(error);
      }
      // Nothing more will ever come of it.
      if (saved) connection.abort();
    }

    try {
      heard();
      const headers = { ...authorization(), ...(last ? { "Last-Event-ID": last } : {}) };
      const answer = await fetch("/api/events", { headers, cache: "no-store", signal: connection.signal });
      if (answer.status === 401) {
        clearTimeout(silence);
        refused(follow);
        return;
      }
      if (answer.ok) await read(answer.body, hear);
      else full = answer.status === 503 ? (await answer.json()).error : "";
    } catch {
      // Whatever it was, the connection is lost.
    }
    clearTimeout(silence);
    if (saved) return;
    lost(full);
    setTimeout(follow, full ? FULL_MILLISECONDS : AGAIN_MILLISECONDS);
  }

  follow();
}
