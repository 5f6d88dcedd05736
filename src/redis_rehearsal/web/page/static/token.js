// The run's token, which changing something needs: it comes by the page's link, or is asked for, and stays in this tab.

const NAME = "rehearsal-token";
const IN_LINK = /^#token=(.+)$/;
let here = null;

export function kept() {
  try {
    return here || sessionStorage.getItem(NAME);
  } catch {
    return here;
  }
}

export function keep(token) {
  here = token;
  try {
    sessionStorage.setItem(NAME, token);
  } catch {
    // It is kept until the page is left.
  }
}

export function forget() {
  here = null;
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // It was not kept either.
  }
}

export const authorization = () => (kept() ? { Authorization: `Bearer ${kept()}` } : {});

// What is in the link must not stay there, where it would be copied and remembered.
export function takeFromLink() {
  const found = IN_LINK.exec(location.hash);
  if (!found) return;
  try {
    keep(decodeURIComponent(found[1]));
  } catch {
    // It is none; the page will ask.
  }
  history.replaceState(null, "", location.pathname + location.search);
}
