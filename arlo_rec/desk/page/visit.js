// The visit of a page to the program that serves it: its words, its requests, and whether the program is still there.
// The browser keeps the path of the page alone, until it is closed, so that it can be reloaded.

const LOST_AFTER = 3; // seconds without a sign of the program
const KEPT = location.pathname; // the desk and the page in its frame share what is kept

export const byId = (id) => document.getElementById(id);
export const words = new Map(
  [...byId("words").content.textContent.matchAll(/^(\S+) (.*)$/gm)].map(([, code, text]) => [code, text]),
);

export let place = sessionStorage.getItem(KEPT) ?? "/nowhere"; // a path that only this page knows

export function ask(path, options = {}) {
  return fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...options });
}

export function tell(path, body, keepalive = false) {
  const headers = { "Content-Type": "application/json" };
  return ask(`${place}${path}`, { method: "POST", headers, body, keepalive });
}

// The facts of the page; null where it is refused. The token is out of the address, and so of the history, before
// anything else happens.
export async function enter() {
  const token = location.hash.slice(1);
  if (token) {
    history.replaceState(null, "", location.pathname);
    const entered = await ask("/enter", { method: "POST", body: token });
    if (!entered.ok) return null;
    place = `/${await entered.text()}`;
    sessionStorage.setItem(KEPT, place);
  }
  const answer = await ask(`${place}/facts`);
  return answer.ok ? answer.json() : null;
}

// The kept path goes; another page's is that of the frame.
export function forget(path = KEPT) {
  sessionStorage.removeItem(path);
}

// The program says twice a second that the page may stay. Without a word from it, `finish` is called, once at least;
// the word for another end than those that the page knows is `otherwise`.
export function watch(isOver, finish, otherwise) {
  let heardOf = performance.now();
  let looked = heardOf;
  let events;
  const connect = () => {
    if (isOver()) return;
    events = new EventSource(`${place}/events`);
    events.onmessage = (event) => {
      const news = JSON.parse(event.data);
      if (news.state === "open") heardOf = performance.now(); // else nobody looked lately
      if (news.state === "closed") finish(words.has(`closed_${news.why}`) ? `closed_${news.why}` : otherwise);
    };
    events.onerror = () => {
      events.close();
      setTimeout(connect, 500);
    };
  };
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - looked > 2000) heardOf = now; // this page slept, and what came meanwhile is still to be read
    looked = now;
    if (now - heardOf > 1000 * LOST_AFTER) finish("lost");
    if (isOver()) {
      clearInterval(timer);
      events.close();
    }
  }, 100);
  connect();
}
