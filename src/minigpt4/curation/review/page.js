// The review page. What models wrote only ever becomes text nodes; the server's policy forbids more.
import { Failure, ask, askJson, keepKey, kept, newId, takeKey, waiting, windowName } from "/link.js";
import { $, element, enterValue, showHelp } from "/sheets.js";

const HEARTBEAT_MS = 20000, RETRY_MS = 3000;
const form = { choices: [], guide: [], noun: "item" };
let pile = "", reviewer = "", tab = "";
let away = false; // the server could not do it last time, and may the next time
let cards = [], last = null, progress = null;
let view = localStorage.getItem("mg-view") || "changes";
let mode = "read"; // or "edit", or "reasons"
let asked = null; // the choice whose reason is asked for
let looked = { ms: 0, since: 0 };
let sending = null;
const pictures = new Map(); // number -> promise of a blob's address
const given = new Map(); // number -> card, for taking back what could not be sent yet

const editName = (number, by = reviewer) => `edit-${by}-${number}`;
const here = () => ({ reviewer, tab });

function trouble(message) {
  $("trouble").textContent = message || "";
  $("trouble").hidden = !message;
}

function failed(error) {
  if (!(error instanceof Failure)) throw error;
  if (error.status === 401) return askForKey();
  away = !error.final;
  if (!away) return trouble(error.message);
  const count = waiting.list().length;
  const what = count === 1 ? "1 decision is" : `${count} decisions are`;
  trouble(`${error.message}; trying again.${count ? ` ${what} kept in this browser and will be sent.` : ""}`);
}

function flush() {
  sending ??= sendAll().catch(failed).finally(() => (sending = null));
  return sending;
}

async function sendAll() {
  let state = null, refused = "";
  for (let next; (next = waiting.list()[0]); ) {
    try {
      const answer = await askJson("/api/decide", { ...next, tab });
      state = next.reviewer === reviewer ? answer : null;
      kept.drop(editName(next.number, next.reviewer));
    } catch (error) {
      if (!error.final) throw error;
      // An edit that is refused stays in this browser, to be mended.
      if (next.text) kept.write(editName(next.number, next.reviewer), next.text);
      refused = `${form.noun} ${next.number}: ${error.message}`;
      state = null;
    }
    waiting.drop(next.id);
  }
  away = false;
  show(state ?? (await askJson("/api/state", here())));
  trouble(refused);
}

async function refresh() {
  try {
    show(await askJson("/api/state", here()));
    if (away) trouble("");
    away = false;
  } catch (error) {
    failed(error);
  }
}

// Showing

function show(state) {
  if (state.pile !== pile) return location.reload();
  const sent = new Set(waiting.list().map((each) => each.number));
  const onScreen = cards[0], before = cards[0]?.number;
  cards = state.cards.filter((card) => !sent.has(card.number));
  // A run may have changed its text meanwhile; what is judged is what can be read here.
  if (onScreen && cards[0]?.number === before) cards[0] = onScreen;
  last = state.last;
  progress = state.progress;
  showProgress(state.agreement);
  for (const card of cards) given.set(card.number, card), load(card.number);
  for (const [number, address] of pictures) {
    if (cards.some((card) => card.number === number)) continue;
    pictures.delete(number);
    address.then(URL.revokeObjectURL, () => {});
  }
  if (cards[0]?.number !== before || $("work").hidden) showCard();
  else showButtons();
}

function showProgress(agreement) {
  const { num_judged: judged, num_items: all, median_seconds: seconds } = progress;
  $("progress").hidden = false;
  $("fill").style.width = `${(100 * judged) / Math.max(1, all)}%`;
  $("bar").setAttribute("aria-valuenow", Math.round((100 * judged) / Math.max(1, all)));
  $("count").textContent = `${judged} of ${all} ${form.noun}s`;
  const pace = [`${progress.num_yours} by you`];
  if (seconds && progress.num_yours >= 3) {
    pace.push(`${Math.round(3600 / Math.max(1, seconds))} an hour`);
    const minutes = Math.round((progress.num_open_to_you * seconds) / 60);
    if (minutes) pace.push(`about ${minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`} left`);
  }
  $("pace").textContent = pace.join(" · ");
  const { num_pairs: pairs, observed, kappa } = agreement;
  const value = kappa === null ? "" : `, κ ${kappa.toFixed(2)}`;
  $("agreement").textContent = pairs ? `judged twice: ${pairs}, ${Math.round(100 * observed)} % agree${value}` : "";
  $("agreement").title = "Cohen's kappa: the share of the agreement that chance left open";
}

function load(number) {
  if (!pictures.has(number)) {
    const address = ask(`/api/picture/${number}`).then((answer) => answer.blob()).then(URL.createObjectURL);
    address.catch(() => pictures.delete(number));
    pictures.set(number, address);
  }
  return pictures.get(number);
}

async function showPicture(number) {
  $("figure").classList.remove("zoomed");
  $("picture").hidden = true;
  $("missing").hidden = true;
  try {
    const address = await load(number);
    if (cards[0]?.number !== number) return;
    $("picture").src = address;
    $("picture").hidden = false;
  } catch (error) {
    if (cards[0]?.number !== number) return;
    $("missing").textContent = `The picture can't be shown: ${error.message}`;
    $("missing").hidden = false;
  }
}

function showCard() {
  const card = cards[0];
  $("entry").hidden = true;
  $("work").hidden = !card;
  $("done").hidden = Boolean(card);
  if (!card) return showDone();
  looked = { ms: 0, since: document.hidden ? 0 : performance.now() };
  asked = null;
  showPicture(card.number);
  $("question").textContent = form.question;
  $("request").textContent = card.request;
  $("request").hidden = !card.request;
  $("notes").replaceChildren(...card.notes.map((note) => element("li", note)));
  const earlier = card.earlier;
  $("earlier").hidden = !earlier;
  if (earlier) $("earlier").textContent = `Taken back: ${earlier.decision}${earlier.reason && `, ${earlier.reason}`}`;
  $("read").scrollTop = 0;
  const unfinished = kept.read(editName(card.number));
  enter(unfinished === null ? "read" : "edit");
  if (unfinished !== null) say("your unfinished edit is here again");
  else say(`${form.noun} ${card.number}`);
}

function showDone() {
  const second = progress.num_awaiting_second;
  const left = progress.num_items - progress.num_judged;
  const parts = [`${progress.num_yours} ${form.noun}s were judged by you.`];
  if (left) parts.push(`${left} more are with others.`);
  if (second) parts.push(`${second} wait for one more person, who must not be you.`);
  $("done-text").textContent = parts.join(" ");
  $("done-undo").disabled = !last;
}

function enter(next) {
  mode = next;
  const card = cards[0], editing = mode === "edit";
  const changed = card.changes.some((each) => each.kind !== "same");
  $("views").hidden = editing || !changed;
  $("text").hidden = editing;
  $("editor").hidden = !editing;
  $("reasons").hidden = mode !== "reasons";
  if (editing) {
    $("editor").value = kept.read(editName(card.number)) ?? card.earlier?.text ?? card.text;
    $("editor").focus({ preventScroll: true });
  } else {
    document.activeElement?.blur();
    showText();
  }
  if (mode === "reasons") {
    const buttons = asked.reasons.map((reason, place) => {
      const button = element("button", "", { type: "button", onclick: () => decide(asked, { reason }) });
      button.append(...(place < 9 ? [element("kbd", String(place + 1))] : []), reason);
      return button;
    });
    $("reason-list").replaceChildren(...buttons);
    $("reason").value = "";
  }
  showButtons();
}

function showText() {
  const card = cards[0], changes = card.changes.length ? card.changes : [{ kind: "same", text: card.text }];
  const changed = changes.some((each) => each.kind !== "same");
  const shown = changed ? view : "after";
  const hidden = { after: "removed", before: "added" }[shown];
  const marks = { removed: "del", added: "ins" };
  $("text").replaceChildren();
  for (const { kind, text } of changes) {
    if (kind === hidden) continue;
    const word = text.trimStart(), mark = shown === "changes" && word && marks[kind];
    // White space before a mark stays outside of it.
    if (mark) $("text").append(text.slice(0, text.length - word.length), element(mark, word));
    else $("text").append(text);
  }
  for (const button of $("views").children) button.setAttribute("aria-pressed", String(button.dataset.view === view));
}

function showButtons() {
  const button = (label, letter, className, onclick, disabled = false) => {
    const made = element("button", label, { type: "button", className, onclick, disabled });
    if (letter) made.append(" ", element("kbd", letter));
    return made;
  };
  const back = button("Back", "Esc", "", () => enter("read"));
  const shown = {
    edit: () => [button("Save", "Ctrl ⏎", "good", saveEdit), back, button("Discard", "", "undo", discardEdit)],
    reasons: () => [back],
    read: () => [
      ...form.choices.map((choice) => button(choice.label, choice.key.toUpperCase(), choice.tone, () => choose(choice))),
      button("Undo", "U", "undo", undo, !last && !waiting.list().length),
    ],
  };
  $("buttons").replaceChildren(...shown[mode]());
}

const say = (message) => ($("said").textContent = message);

// Deciding

function choose(choice) {
  if (!cards.length) return;
  // Over a slow line the text may be here first; nobody shall judge a picture unseen.
  if ($("picture").hidden && $("missing").hidden) return say("the picture is still coming");
  if (choice.edits) return enter("edit");
  if (!choice.reasons.length) return decide(choice, {});
  asked = choice;
  enter("reasons");
}

function saveEdit() {
  const text = $("editor").value.trim();
  const choice = form.choices.find((each) => each.edits);
  if (!text) return trouble("An edit needs a text; Esc goes back, then reject.");
  // A text that stayed as it was is simply accepted.
  const plain = form.choices.find((each) => each.tone === "good" && !each.edits);
  if (text === cards[0].text.trim() && plain) decide(plain, {});
  else decide(choice, { text });
}

function discardEdit() {
  kept.drop(editName(cards[0].number));
  cards[0].earlier = null;
  enter("read");
}

function seconds() {
  const now = looked.since ? performance.now() - looked.since : 0;
  return Math.min(86400, Math.round(looked.ms + now) / 1000);
}

function decide(choice, { reason = "", text = null }) {
  const card = cards.shift();
  const made = { id: newId(), number: card.number, decision: choice.decision, reason, text, seconds: seconds(), reviewer, shown: card.text };
  waiting.add(made);
  trouble("");
  mode = "read";
  // The next one is here already; without one the answer brings it.
  if (cards.length) showCard();
  else $("work").hidden = true;
  flush();
}

async function undo() {
  await flush();
  const unsent = waiting.list().filter((each) => each.reviewer === reviewer).at(-1);
  if (!unsent && !last) return;
  if (unsent && given.has(unsent.number)) {
    waiting.drop(unsent.id);
    if (unsent.text) kept.write(editName(unsent.number), unsent.text);
    cards = [{ ...given.get(unsent.number), earlier: unsent }, ...cards];
    return showCard();
  }
  try {
    show(await askJson("/api/undo", { ...here(), id: last.id }));
  } catch (error) {
    failed(error);
  }
}

// Keys

const isTyping = () => ["INPUT", "TEXTAREA"].includes(document.activeElement?.tagName);

function onKey(event) {
  if ($("guide").open || $("entry").offsetParent || event.isComposing) return;
  const letter = event.key.toLowerCase(), command = event.ctrlKey || event.metaKey;
  const act = (action) => (event.preventDefault(), action());
  if (mode === "edit" && command && event.key === "Enter") return act(saveEdit);
  if (event.key === "Escape") {
    if ($("figure").classList.contains("zoomed")) return act(zoom);
    if (mode !== "read" && cards.length) return act(() => enter("read"));
  }
  if (isTyping() || event.altKey) return;
  if (command) return letter === "z" ? act(undo) : undefined;
  if (letter === "u") return act(undo);
  if (letter === "?") return act(() => showHelp(form));
  if (!cards.length || event.repeat) return;
  const reason = mode === "reasons" && asked.reasons[Number(letter) - 1];
  if (reason) return act(() => decide(asked, { reason }));
  if (letter === "z") return act(zoom);
  if (letter === "d") return act(() => setView({ changes: "after", after: "before", before: "changes" }[view]));
  const choice = form.choices.find((each) => each.key === letter);
  if (choice && mode === "read") act(() => choose(choice));
}

function setView(next) {
  view = next;
  localStorage.setItem("mg-view", view);
  showText();
}

const zoom = () => $("figure").classList.toggle("zoomed");

// Beginning

function askForKey() {
  const done = (value) => (keepKey(value), location.reload());
  enterValue({ title: "Key", text: "Whoever started this page has it; without the right one nothing is shown.", type: "password", value: "", done });
}

function askForName() {
  const text = "It stands beside what you decide. Use the same name every time.";
  const done = (value) => {
    if (!/^[\p{L}\p{N}_][\p{L}\p{N}_ .\-]{0,39}$/u.test(value)) {
      return trouble("A name has up to 40 letters, digits, spaces, dots and dashes.");
    }
    localStorage.setItem("mg-reviewer", value);
    sessionStorage.setItem("mg-reviewer", value);
    location.reload();
  };
  enterValue({ title: "Your name", text, type: "text", value: reviewer, done });
}

function watch() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && looked.since) looked = { ms: looked.ms + performance.now() - looked.since, since: 0 };
    else if (!document.hidden && !looked.since) looked.since = performance.now();
  });
  addEventListener("pagehide", () => {
    ask("/api/seen", { ...here(), leaving: true }, { keepalive: true }).catch(() => {});
  });
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  setInterval(() => ask("/api/seen", here()).catch(failed), HEARTBEAT_MS);
  setInterval(() => (waiting.list().length ? flush() : away && refresh()), RETRY_MS);
  $("editor").addEventListener("input", () => kept.write(editName(cards[0].number), $("editor").value));
  $("reasons").addEventListener("submit", (event) => {
    event.preventDefault();
    const reason = $("reason").value.trim();
    if (reason && asked) decide(asked, { reason });
  });
  for (const button of $("views").children) button.addEventListener("click", () => setView(button.dataset.view));
  $("picture").addEventListener("click", zoom);
  $("name").addEventListener("click", askForName);
  $("help").addEventListener("click", () => showHelp(form));
  $("again").addEventListener("click", refresh);
  $("done-undo").addEventListener("click", undo);
}

async function begin() {
  let hello;
  try {
    hello = await askJson("/api/hello", {});
  } catch (error) {
    failed(error);
    if (error.status !== 401) setTimeout(begin, RETRY_MS);
    return;
  }
  Object.assign(form, hello.form);
  pile = hello.pile;
  kept.begin(pile);
  document.title = $("title").textContent = form.title;
  reviewer = sessionStorage.getItem("mg-reviewer") || hello.reviewer || localStorage.getItem("mg-reviewer") || "";
  trouble("");
  if (!reviewer) return askForName();
  $("name").textContent = reviewer;
  tab = await windowName();
  watch();
  await flush();
}

takeKey();
begin();
