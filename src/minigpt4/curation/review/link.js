// What the review page keeps in this browser, and how it talks to its server.

const HEADERS = { "X-Minigpt4-Review": "1" };
let prefix = "mg";

// What must survive the death of this browser. Each thing has an entry of its own, so that two
// windows can't overwrite each other's.
export const kept = {
  begin: (pile) => (prefix = `mg-${pile}`),
  read: (name) => JSON.parse(localStorage.getItem(`${prefix}-${name}`)),
  write: (name, value) => localStorage.setItem(`${prefix}-${name}`, JSON.stringify(value)),
  drop: (name) => localStorage.removeItem(`${prefix}-${name}`),
};

// Decisions for which no answer came, by whichever window, the oldest first.
export const waiting = {
  all() {
    const names = Object.keys(localStorage).filter((name) => name.startsWith(`${prefix}-waiting-`));
    return names.map((name) => JSON.parse(localStorage.getItem(name))).sort((a, b) => a.since - b.since);
  },
  add: (decided) => kept.write(`waiting-${decided.id}`, { since: Date.now(), decided }),
  drop: (id) => kept.drop(`waiting-${id}`),
  list: () => waiting.all().map((each) => each.decided),
};

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function windowName() {
  // A lock ends with its window, however that dies; so the next one takes the same name and work.
  const browser = localStorage.getItem("mg-browser") || newId();
  localStorage.setItem("mg-browser", browser);
  for (let place = 0; navigator.locks && place < 50; place++) {
    const name = `${browser}-${place}`;
    const free = await new Promise((done) => {
      navigator.locks.request(`mg-${name}`, { ifAvailable: true }, (lock) => {
        done(lock !== null);
        return lock && new Promise(() => {});
      });
    });
    if (free) return name;
  }
  // Pages of other machines without https have no locks.
  const own = sessionStorage.getItem("mg-tab") || `${browser}-${newId().slice(0, 8)}`;
  sessionStorage.setItem("mg-tab", own);
  return own;
}

export function takeKey() {
  // The key comes behind the address's #, which no browser sends anywhere.
  const found = new URLSearchParams(location.hash.slice(1)).get("key");
  if (found) {
    sessionStorage.setItem("mg-key", found);
    history.replaceState(null, "", location.pathname); // It shall not stay in the history.
  }
}
export const keepKey = (key) => sessionStorage.setItem("mg-key", key);

export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status; // 0: no answer at all
    // What the request itself has at fault it will have again; a full disk or a lost key passes.
    this.final = [400, 413, 422].includes(status);
  }
}

export async function ask(path, body, options = {}) {
  const headers = { ...HEADERS };
  const key = sessionStorage.getItem("mg-key");
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  let answer;
  try {
    const method = body ? "POST" : "GET";
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), ...options });
  } catch {
    throw new Failure(0, "The server does not answer");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Failure(answer.status, said.error || `the server answered ${answer.status}`);
}
export const askJson = async (path, body) => (await ask(path, body)).json();
