// The desk: views of what a person may do, and beside them the call or the copy that is played, in a frame of its own.
// Each view and each button is a command of the program, which decides and logs. Texts from the server are only ever
// `textContent`, and nothing of them is stored: the browser keeps the path of this page alone, until it is closed.

import { byId, enter, forget, tell, watch, words } from "./visit.js";

const TYPED = "input:not([type=checkbox]), textarea, select";

const say = (code, values = {}) => (words.get(code) ?? "").replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
const frame = byId("frame");

let facts = null; // the person, and what they may do
let view = null; // the name of the view that is shown
let rows = []; // of the view
let current = null; // the row that is open beside it: its view, its id, its place in the list, and what was said of it
let observer = null; // of the end of what is open
let isBusy = false; // while a button is carried out
let asked = 0; // requests for a view; only the answer to the newest is shown
let isOver = false;

// -- the program that serves the page ---------------------------------------------------------------------

// The answer to a request; null after a complaint of the program, which is shown.
async function request(body) {
  byId("complaint").textContent = "";
  const waits = setTimeout(() => announce(say("working")), 400);
  try {
    const answer = await tell("/ask", JSON.stringify(body));
    const told = answer.status === 200 || answer.status === 422 ? await answer.json() : null;
    if (answer.ok) return told;
    if (told) complain(told.message);
  } catch {
    return null; // whether the program still answers is for `watch` to say
  } finally {
    clearTimeout(waits);
    if (byId("status").textContent === say("working")) announce("");
  }
  return null;
}

async function begin() {
  facts = await enter();
  if (facts === null) return finish("refused");
  byId("person").textContent = `${facts.name}, ${facts.role}`;
  byId("purpose").value = facts.purpose;
  byId("reason").value = facts.reason;
  frame.addEventListener("load", lookInto);
  showViews();
  byId("panes").hidden = false;
  document.body.dataset.state = "ready";
  watch(() => isOver, finish, "closed");
  await show(facts.views[0]);
  if (!facts.reason && !byId("terms").hidden) byId("reason").focus();
}

// The end, whatever the reason: nothing of a call, a name or a case stays on the page.
function finish(code) {
  if (isOver) return;
  isOver = true;
  forget();
  leaveFrame();
  byId("panes").remove();
  byId("terms").remove();
  byId("views").replaceChildren();
  byId("person").textContent = "";
  byId("close").remove();
  byId("keys").remove();
  document.body.dataset.state = "over";
  byId("end").textContent = say(code);
}

// -- views ------------------------------------------------------------------------------------------------

function showViews() {
  const items = facts.views.map((name, index) => {
    const button = made("button", say(`view_${name}`));
    button.dataset.view = name;
    button.setAttribute("aria-keyshortcuts", `Alt+${index + 1}`);
    button.addEventListener("click", () => show(name, { isChosen: true }));
    const item = document.createElement("li");
    item.append(button);
    return item;
  });
  byId("views").replaceChildren(...items);
}

async function show(name, { isChosen = false } = {}) {
  if (document.body.dataset.open === "copy") {
    if (!mayLeave()) return;
    await leave();
  }
  const isOther = name !== view;
  view = name;
  for (const each of document.querySelectorAll("[data-view]")) {
    if (each.dataset.view === name) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  byId("view-name").textContent = say(`view_${name}`);
  byId("terms").hidden = !["calls", "copies"].includes(name);
  byId("filter").hidden = name !== "calls";
  byId("ask").hidden = name !== "access";
  byId("steps").hidden = name !== "calls";
  byId("purpose").closest(".field").hidden = name === "copies"; // a copy is made, reviewed and released for training
  if (isOther) {
    announce("");
    complain("");
    forgetDetail();
    fill({ lines: [], headings: [], rows: [], names: [] });
  }
  showBeside();
  if (isChosen) byId("view-name").focus();
  await refresh();
}

// Decisions of a review that would be lost are asked about in its frame, before anything else is done.
function mayLeave() {
  const leaving = new Event("leaving", { cancelable: true });
  return document.body.dataset.open !== "copy" || frame.contentWindow.dispatchEvent(leaving);
}

// The rows as they are now; what is open stays open, and stays marked.
async function refresh() {
  const mine = (asked += 1);
  if (view === "calls" && !byId("reason").value.trim()) return fill({ lines: [say("reason_first")] });
  const told = await request({ do: "show", view, ...terms(), ...(view === "calls" ? typedIn("filter") : {}) });
  if (mine !== asked || isOver) return;
  fill(told ?? {}); // what may not be shown any more is not left there
}

const typedIn = (form) => Object.fromEntries(new FormData(byId(form)));
const terms = () => typedIn("terms");

function fill(told) {
  const [inUse, focused] = [byId("table").querySelector("form")?.closest("tr"), focusedRow()];
  rows = told.rows ?? [];
  byId("lines").replaceChildren(...(told.lines ?? []).map((line) => made("p", line)));
  byId("table").hidden = !rows.length;
  const hasButtons = rows.some((row) => row.opens || row.acts?.length);
  const head = document.createElement("tr");
  head.append(...(hasButtons ? [made("td", "")] : []), ...(told.headings ?? []).map(heading));
  byId("table").tHead.replaceChildren(head);
  const isKept = (row) => inUse?.dataset.id === row.id; // with what is typed there
  const lines = rows.map((row) => (isKept(row) ? inUse : rowOf(row, told.headings, hasButtons)));
  byId("table").tBodies[0].replaceChildren(...lines);
  if (focused) (lineOf(focused.id)?.querySelector(focused.at) ?? byId("view-name")).focus();
  const option = (name) => Object.assign(document.createElement("option"), { value: name });
  if (told.names) byId("teams").replaceChildren(...told.names.map(option));
  markCurrent();
}

const lineOf = (id) => [...byId("table").tBodies[0].rows].find((line) => line.dataset.id === id);

// The row that has the focus, and where in it; so that a list that is shown anew leaves the focus there.
function focusedRow() {
  const line = document.activeElement.closest("#table tbody tr");
  const at = ["form input", "form button", "button.open", "button.act"].find((each) => document.activeElement.matches(each));
  return line && at ? { id: line.dataset.id, at } : null;
}

function made(kind, text) {
  return Object.assign(document.createElement(kind), { textContent: text });
}

function heading(text) {
  return Object.assign(made("th", text), { scope: "col" });
}

function rowOf(row, headings, hasButtons) {
  const line = document.createElement("tr");
  line.dataset.id = row.id;
  if (row.mark) line.dataset.mark = row.mark;
  if (hasButtons) {
    const cell = document.createElement("td");
    cell.className = "buttons";
    if (row.opens) cell.append(buttonFor(row, say(`open_${row.opens}`), () => open(row), "open"));
    for (const act of row.acts ?? []) cell.append(buttonFor(row, say(`act_${act}`), () => ask(row, act, cell), "act"));
    line.append(cell);
  }
  row.cells.forEach((text, at) => {
    const cell = made("td", text);
    cell.dataset.heading = headings?.[at] ?? "";
    line.append(cell);
  });
  return line;
}

// A screen reader hears which row a button is of; on the page the row says it.
function buttonFor(row, text, act, kind) {
  const button = made("button", text);
  button.className = kind;
  button.setAttribute("aria-label", `${text}: ${row.cells.filter(Boolean).slice(0, 3).join(", ")}`);
  button.addEventListener("click", act);
  return button;
}

// -- buttons ----------------------------------------------------------------------------------------------

// What a button does is said before it is done, where it stands, with the reason that it takes.
function ask(row, act, cell) {
  const before = cell.querySelector("form");
  before?.remove();
  if (before?.dataset.act === act) return;
  const form = document.createElement("form");
  form.dataset.act = act;
  const told = Object.assign(made("p", say(`act_${act}_told`)), { tabIndex: -1 });
  form.append(told);
  let reason = null;
  if (["deny", "deny_refusal", "release", "reject"].includes(act)) {
    const label = made("label", say("reason"));
    reason = Object.assign(document.createElement("input"), { maxLength: 500, autocomplete: "off" });
    label.append(reason);
    form.append(label);
  }
  const cancel = Object.assign(made("button", say("cancel")), { type: "button" });
  cancel.addEventListener("click", () => {
    form.remove();
    cell.querySelector("button.act")?.focus();
  });
  form.append(Object.assign(made("button", say(`act_${act}`)), { className: "main" }), cancel);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = reason ? { reason: reason.value } : {};
    carryOut({ do: "act", act, id: row.id, holder: row.holder ?? "", ...given }, form);
  });
  form.addEventListener("keydown", (event) => event.key === "Escape" && cancel.click());
  cell.append(form);
  (reason ?? told).focus(); // not the button: a key that is held down would press it
}

async function carryOut(body, form) {
  if (isBusy) return;
  isBusy = true;
  const told = await request(body);
  isBusy = false;
  if (!told) return;
  form.reset();
  form.closest("#table form")?.remove();
  forgetDetail();
  await refresh();
  announce(told.lines.join(" "));
  byId("view-name").focus();
}

function announce(text) {
  byId("status").textContent = text;
}

function complain(text) {
  if (text) announce("");
  byId("complaint").textContent = text;
  if (text) byId("complaint").scrollIntoView({ block: "nearest" });
}

// -- what is open beside the list -------------------------------------------------------------------------

async function open(row) {
  if (!mayLeave()) return;
  const id = row.opened || row.id;
  observer?.disconnect(); // the end of what is open now is no news
  frame.contentWindow?.dispatchEvent(new Event("pagehide")); // it reports what was heard so far
  const told = await request({ do: "open", kind: row.opens, id, ...terms() });
  if (isOver) return;
  current = { view, id: row.id, at: rows.indexOf(row) };
  if (!told) {
    const text = byId("complaint").textContent;
    await refresh(); // it may be gone from the list
    return complain(text);
  }
  if (row.opens === "case") {
    leaveFrame();
    byId("detail").textContent = told.lines.join("\n");
    showBeside();
    byId("detail").focus();
  } else {
    forgetDetail();
    frame.contentWindow.location.replace(told.url);
    document.body.dataset.open = row.opens;
    showBeside();
    if (matchMedia("(max-width: 74.99rem)").matches) byId("beside").scrollIntoView({ block: "start" });
  }
  if (row.opens === "call") noteHeard(row);
  current.told = say("now_open", { what: row.cells.slice(0, 4).join(", ") });
  announce(current.told);
  markCurrent();
}

// As the next list would say; to ask for that would be a search.
function noteHeard(row) {
  row.mark = "";
  row.cells[row.cells.length - 1] = say("heard");
  const line = lineOf(row.id);
  delete line?.dataset.mark;
  if (line) line.lastChild.textContent = say("heard");
}

// What is open stays beside every view; a text goes with the view that it is of.
function showBeside() {
  const [kind, isRead] = [document.body.dataset.open, byId("detail").textContent !== ""];
  byId("back").hidden = kind !== "copy";
  byId("steps").hidden = view !== "calls" || kind === "copy";
  byId("detail").hidden = !isRead;
  frame.hidden = !kind;
  const nothing = { calls: "nothing_open", copies: "nothing_copy", cases: "nothing_read" }[view];
  byId("nothing").hidden = Boolean(kind || isRead || !nothing);
  byId("nothing").textContent = nothing ? say(nothing) : "";
  byId("beside").hidden = !(kind || isRead || nothing);
}

function forgetDetail() {
  byId("detail").textContent = "";
  if (view) showBeside();
}

// Keys go to the list from the frame too. When a call or a review is over, the list is what it is then.
function lookInto() {
  const inside = frame.contentWindow;
  inside.addEventListener("keydown", press);
  const state = () => inside.document.body?.dataset.state;
  observer = new MutationObserver(() => {
    if (state() !== "over") return;
    observer.disconnect();
    if (byId("status").textContent === current?.told) announce(""); // it may be erased, and is open no more
    if (!isOver) refresh();
  });
  if (state()) observer.observe(inside.document.body, { attributes: true, attributeFilter: ["data-state"] });
  if (document.body.dataset.open === "copy") inside.focus(); // its keys are at hand
}

async function leave() {
  observer?.disconnect();
  leaveFrame();
  showBeside();
  markCurrent();
  await request({ do: "leave" });
}

async function back() {
  if (!mayLeave()) return;
  await leave();
  await refresh();
  byId("view-name").focus();
}

function leaveFrame() {
  delete document.body.dataset.open;
  frame.hidden = true;
  frame.removeAttribute("src");
  frame.contentWindow?.location.replace("about:blank");
  forget("/"); // the frame's path, which it kept for a reload
  current = null;
}

function markCurrent() {
  for (const line of byId("table").tBodies[0].rows) {
    const isCurrent = current?.view === view && line.dataset.id === current.id;
    if (isCurrent) line.setAttribute("aria-current", "true");
    else line.removeAttribute("aria-current");
  }
  const [at, last] = [placeOf(current), rows.length - 1];
  byId("next").disabled = !rows.length || at >= last;
  byId("previous").disabled = at <= 0;
}

const placeOf = (one) => (one?.view === view ? rows.findIndex((row) => row.id === one.id) : -1);

// The next call of the list, or the first; a call that is gone from the list leaves its place to the one behind it.
async function step(by) {
  const at = placeOf(current);
  const gone = current?.view === view ? current.at + Math.min(by, 0) : 0;
  const row = rows[at < 0 ? gone : at + by];
  if (view !== "calls" || !row) return;
  await open(row);
  lineOf(row.id)?.scrollIntoView({ block: "nearest" });
}

// -- what a person does -----------------------------------------------------------------------------------

const KEYS = { n: () => step(1), p: () => step(-1), w: () => chooseDay(say("last_week")), "/": () => byId("day").select() };

function press(event) {
  if (isOver || !facts || event.defaultPrevented || event.ctrlKey || event.metaKey) return;
  const number = /^Digit(\d)$/.exec(event.code)?.[1] ?? event.key; // with Alt a key may give another sign
  if (event.altKey && facts.views[number - 1]) {
    event.preventDefault();
    return show(facts.views[number - 1], { isChosen: true });
  }
  if (document.body.dataset.open === "copy" && !frame.hidden) return; // a review has its keys for itself
  if (event.altKey || event.target.closest?.(TYPED)) return;
  const key = event.key.toLowerCase();
  if (KEYS[key] && view === "calls") {
    event.preventDefault();
    return KEYS[key]();
  }
  const isHere = event.view === window;
  const isNative = event.target.closest?.("button") && (key === " " || key === "enter");
  if (isHere && !isNative && !frame.hidden && (key === " " || key === "j" || key === "l")) {
    event.preventDefault(); // the player has these keys, wherever the focus is
    const again = new KeyboardEvent("keydown", { key: event.key, bubbles: true });
    frame.contentDocument?.body?.dispatchEvent(again);
  }
}

function chooseDay(day) {
  byId("day").value = day;
  refresh();
}

// Arrows go through the list, as in every list.
function walk(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by || !event.target.matches("button.open")) return;
  const buttons = [...byId("table").querySelectorAll("button.open")];
  const next = buttons[buttons.indexOf(event.target) + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

document.addEventListener("keydown", press);
byId("table").addEventListener("keydown", walk);
byId("back").addEventListener("click", back);
byId("again").addEventListener("click", refresh);
byId("next").addEventListener("click", () => step(1));
byId("previous").addEventListener("click", () => step(-1));
for (const each of document.querySelectorAll("[data-day]")) {
  each.addEventListener("click", () => chooseDay(each.dataset.day));
}
byId("filter").addEventListener("submit", (event) => {
  event.preventDefault();
  refresh();
});
byId("terms").addEventListener("submit", (event) => event.preventDefault());
byId("terms").addEventListener("change", () => refresh());
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  carryOut({ do: "act", act: "ask", ...typedIn("ask") }, byId("ask"));
});
byId("close").addEventListener("click", async () => {
  if (!mayLeave()) return;
  finish("closed");
  await tell("/close", undefined, true).catch(() => {});
});
addEventListener("hashchange", () => location.reload()); // another address of this program, in the same window

begin().catch(() => finish("lost"));
