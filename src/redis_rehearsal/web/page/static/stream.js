// The run's events, as they come. The browser connects again by itself; where it has given up, this does.

const AGAIN_MILLISECONDS = 1000;
const SILENT_MILLISECONDS = 5000;

export function listen({ greeting, rows, state, lost, found }) {
  let source = null;
  let silence = 0;

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(() => {
      // A connection may die without a word.
      lost();
      source.close();
      open();
    }, SILENT_MILLISECONDS);
  }

  function open() {
    source = new EventSource("/api/events");
    source.addEventListener("greeting", (event) => { heard(); found(); greeting(JSON.parse(event.data)); });
    source.addEventListener("rows", (event) => { heard(); rows(JSON.parse(event.data)); });
    source.addEventListener("state", (event) => {
      heard();
      const content = JSON.parse(event.data);
      state(content);
      if (content.saved) {
        // Nothing more will ever come of it.
        clearTimeout(silence);
        source.close();
      }
    });
    source.addEventListener("error", () => {
      lost();
      clearTimeout(silence);
      if (source.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MILLISECONDS);
    });
  }

  open();
}
