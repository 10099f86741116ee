// The review of a training copy, on the listening page: what is cut, what stays, and what a person decides about it.
// Decisions stand here until they are saved or confirmed; the program then makes the copy anew, and the page is over.

import {
  ACTIONS, announce, audio, button, channel, channelName, chooseChannel, clearLoop, clock, done, draw, facts, finish,
  heardSpans, hooks, isOver, KEYS, listenTo, locale, mark, onAction, ONCE, paint, picture, playOn, playStretch,
  reportHeard, say, seek, setSpeed, sounds, stretch, timeAt, view, visible, wave, xOf,
} from "./listen.js";
import { ask, byId, place, tell, words } from "./visit.js";

const AROUND = 1.5; // seconds of sound before and behind a cut that is heard by itself
const BRIEFLY = 0.5; // the same of an unclear place: its words tell where it stands
const TOLERANCE = 0.1; // of what counts as heard, and of a word that is cut
const BADLY = 0.5; // a score below it
const ZOOMED = 20; // seconds in view
const SHORTEST = 0.05; // seconds of a cut
const PAUSE = 1; // seconds, between two turns of one person
const MOST = 60; // words of a turn, so that only those in view need be laid out
const SIGNS = new Map(Object.entries({ look: "!", proposed: "?", accepted: "✓", changed: "↔", added: "+", removed: "✕" }));

let given = null; // by the program: what was found, and what was decided before
let cuts = [];
let chosen = null;
let edge = "start";
let undos = []; // each a list of cuts with what they were before
let isZoomed = false;
let parts = []; // of the page, that go when it is over

const make = (name, values = {}, ...content) => {
  const element = Object.assign(document.createElement(name), values);
  element.append(...content);
  return element;
};
const unseen = (text) => make("span", { className: "unseen" }, text);
const exact = (seconds) => {
  const hundredths = Math.round(100 * seconds);
  const rest = (hundredths % 100) / 100;
  return clock((hundredths - (hundredths % 100)) / 100) + rest.toLocaleString(locale, { minimumFractionDigits: 2 }).slice(1);
};
const fromTo = ({ start, end }) => say("loop_stretch", { begin: exact(start), end: exact(end) });
const nameOf = (kind, code) => words.get(`${kind}_${code}`) ?? visible(code);

export async function begin() {
  const answer = await ask(`${place}/review`);
  if (!answer.ok) return finish("refused");
  given = await answer.json();
  for (const part of [...byId("review").content.cloneNode(true).children]) {
    document.querySelector(part.dataset.at).before(part);
    parts.push(part);
  }
  document.body.dataset.review = "";
  document.title = `${say("review_title")} – arlo-rec`;
  cuts = given.cuts.map((cut) => ({ ...cut, first: stateOf(cut) }));
  sounds.push(byId("original"));
  listenTo(byId("original"));
  byId("original").src = `${place}/original`;
  byId("warnings").hidden = !given.warnings.length;
  byId("warnings").lastChild.replaceChildren(...given.warnings.map((text) => make("li", {}, visible(text))));
  const signs = [...SIGNS].map(([status, sign]) => make("li", {}, signOf(status, sign), nameOf("status", status)));
  const doubtful = make("li", {}, make("b", { className: "zigzag", ariaHidden: "true" }), say("doubtful"));
  byId("legend").firstElementChild.append(...signs, doubtful);
  chosen = listed()[0] ?? null;
  readWords();
  Object.assign(hooks, HOOKS);
  showCuts();
  addActions();
  hooks.showSound();
}

function signOf(status, text) {
  const sign = make("b", { className: "sign", ariaHidden: "true" }, text);
  if (SIGNS.has(status)) sign.style.background = `var(--${status})`;
  return sign;
}

// Nothing of the call stays in the page: neither its words nor what was decided.
function forget() {
  for (const name of Object.keys(HOOKS)) delete hooks[name];
  for (const part of parts) part.remove();
  for (const each of [turns, mains]) each.length = 0;
  [given, cuts, chosen, undos, current, grip] = [null, [], null, [], null, null];
}

// -- cuts -------------------------------------------------------------------------------------------------

const stateOf = ({ start, end, status }) => ({ start, end, status });
const isActive = (cut) => cut.status !== "removed" && cut.status !== "look";
const isOpen = (cut) => cut.status === "proposed" || cut.status === "look";
const isLookOnly = (cut) => cut.sources.length === 1 && cut.sources[0] === "look"; // nobody proposed to cut it
const isShown = (cut) => cut.number !== null || isActive(cut); // an added one that is taken back never was
const isIn = (cut, lane) => cut.channels === null || lane === null || cut.channels.includes(lane);
const sorted = () => cuts.filter(isShown).sort((one, other) => one.start - other.start || one.end - other.end);
// As the list has them: where to look comes first, until somebody decided on it.
const listed = () => sorted().sort((one, other) => (other.status === "look") - (one.status === "look"));
const labelOf = (cut) => (cut.number === null ? say("new_cut") : say("cut_named", { number: cut.number }));

function differing() {
  const isNew = (cut) => !cut.first || Object.entries(cut.first).some(([name, value]) => cut[name] !== value);
  return cuts.filter((cut) => isShown(cut) && isNew(cut));
}

function decide(changes) {
  undos.push(changes.map(([cut]) => [cut, stateOf(cut)]));
  const before = undos.at(-1).map(([, state]) => state);
  for (const [cut, next] of changes) Object.assign(cut, next);
  showChanged([...before, ...changes.map(([cut]) => cut)]);
}

function undo() {
  const last = undos.pop();
  if (!last) return announce("now_nothing_undone");
  const after = last.map(([cut]) => stateOf(cut));
  for (const [cut, state] of last) Object.assign(cut, state);
  if (isShown(last[0][0])) choose(last[0][0]);
  showChanged([...after, ...last.map(([cut]) => cut)]);
  announce("now_undone");
}

function showChanged(stretches) {
  if (chosen && !isShown(chosen)) chosen = sorted().find((cut) => cut.start >= chosen.start) ?? sorted().at(-1) ?? null;
  markWords(stretches);
  showCuts();
}

function sayCut(code) {
  announce(code, { cut: labelOf(chosen), status: nameOf("status", chosen.status), stretch: fromTo(chosen) });
}

const withChosen = (act) => () => (chosen ? act(chosen) : announce("now_no_cuts"));

function accept(cut) {
  if (!isOpen(cut) && isActive(cut)) return sayCut("now_is_decided");
  const isMoved = cut.first && (cut.start !== cut.first.start || cut.end !== cut.first.end);
  decide([[cut, { status: isMoved ? "changed" : "accepted" }]]);
  sayCut("now_decided");
}

// Accept the proposed cuts that are like the chosen one, and go to the next that is open.
const acceptThose = (likeChosen) => () => {
  const isAlike = likeChosen(chosen);
  const those = cuts.filter((cut) => cut.status === "proposed" && isAlike(cut));
  if (those.length) decide(those.map((cut) => [cut, { status: "accepted" }]));
  const next = listed().find(isOpen);
  if (next) choose(next);
  announce("now_all_accepted", { count: those.length });
};

const ofKind = (other) => (cut) => cut.types.join() === other.types.join();

// Where words were heard that stay nowhere, as in the other: a name and its repetitions.
function saidIn(other) {
  const staying = new Set(mains.filter((word) => !word.cut).map((word) => plain(word.text)));
  const telling = (heard) => heard.split(" ").map(plain).filter((text) => text.length > 2 && !staying.has(text));
  const said = new Set(telling(other.heard));
  return (cut) => cut === other || telling(cut.heard).some((text) => said.has(text));
}

function remove(cut) {
  if (cut.status === "removed") return sayCut("now_is_decided");
  decide([[cut, { status: "removed" }]]);
  announce("now_removed", { cut: labelOf(cut) });
}

// Back to what the program proposed; what a person added in an earlier revision, to what it was then.
function takeBack(cut) {
  if (!cut.first) return remove(cut);
  const isAdded = cut.first.status === "added";
  const [start, end] = (!isAdded && cut.was) || [cut.first.start, cut.first.end];
  const next = { start, end, status: isAdded ? "added" : isLookOnly(cut) ? "look" : "proposed" };
  if (Object.entries(next).every(([name, value]) => cut[name] === value)) return sayCut("now_not_decided");
  decide([[cut, next]]);
  sayCut("now_taken_back");
}

function moved(cut, side, seconds) {
  const to = Math.round(100 * seconds) / 100;
  const status = cut.status === "added" ? "added" : "changed";
  if (side === "start") return { start: Math.min(Math.max(to, 0), cut.end - SHORTEST), status };
  return { end: Math.max(Math.min(to, facts.length_s), cut.start + SHORTEST), status };
}

const moveBy = (seconds) =>
  withChosen((cut) => {
    if (cut.status === "removed") return sayCut("now_is_removed");
    const next = moved(cut, edge, cut[edge] + seconds);
    if (next[edge] !== cut[edge]) decide([[cut, next]]);
    sayCut("now_moved");
  });

function chooseEdge(side) {
  edge = side;
  showEdge();
  redraw();
  announce(edge === "start" ? "now_edge_start" : "now_edge_end");
}

function addCut() {
  const { begin, end } = stretch;
  if (begin === null || end === null || end - begin < SHORTEST) return announce("now_nothing_marked");
  const [start, behind] = [begin, end].map((seconds) => Math.round(100 * seconds) / 100);
  const inside = mains.filter((word) => word.end > start && word.start < behind);
  const heard = inside.map((word) => word.text).join(" ");
  const cut = { number: null, start, end: behind, channels: null, types: ["other"], sources: ["manual"], score: null };
  cuts.push(Object.assign(cut, { status: "removed", was: null, heard, first: null }));
  decide([[cut, { status: "added" }]]);
  clearLoop();
  choose(cut);
  sayCut("now_added");
}

function choose(cut) {
  chosen = cut;
  if (isZoomed) zoomOn((cut.start + cut.end) / 2);
  if (audio.paused) seek(cut.start);
  showCuts();
}

const step = (by) =>
  withChosen(() => {
    const order = listed();
    const next = order[order.indexOf(chosen) + by];
    if (next) choose(next);
    else showCuts();
    sayCut("now_chosen");
  });

function hear(cut) {
  hearBoth(cut.channels);
  playStretch(byId("original"), cut.start - AROUND, cut.end + AROUND);
}

let afterwards = null; // what is played when a stretch has ended by itself

// The cut under the cursor, as it was said, and then as it stays in the copy.
function hearBeforeAndAfter(cut) {
  hear(cut);
  afterwards = () => playStretch(sounds[0], cut.start - AROUND, cut.end + AROUND);
}

function goOn(isPlayedOut) {
  const next = afterwards;
  afterwards = null;
  if (isPlayedOut) next?.();
}

// Who listens to one channel alone would not hear what is in the other.
function hearBoth(lanes) {
  if (channel !== null && !(lanes?.length === 1 && lanes[0] === channel)) chooseChannel(null);
}

function whoOf(lanes) {
  if (facts.channels.length < 2) return [];
  return [lanes === null ? say("both") : lanes.map((lane) => channelName(lane)).join(", ")];
}

let rows = new Map(); // of the list, by cut

function showCuts() {
  const order = listed();
  const list = byId("cuts");
  const hasFocus = list.contains(document.activeElement);
  rows = new Map(order.map((cut) => [cut, rows.get(cut) ?? make("li", {}, makeRow(cut))]));
  for (const [cut, row] of rows) fillRow(row.firstChild, cut);
  if (order.length !== list.children.length || order.some((cut, index) => list.children[index] !== rows.get(cut))) {
    list.replaceChildren(...rows.values());
  }
  const row = rows.get(chosen)?.firstChild;
  if (row) bring(list, row);
  if (hasFocus) row?.focus({ preventScroll: true });
  showEdge();
  showCounts();
  redraw();
}

function makeRow(cut) {
  const row = make("button", { type: "button" });
  row.addEventListener("click", () => {
    choose(cut);
    sayCut("now_chosen");
  });
  return row;
}

function fillRow(row, cut) {
  const looks = JSON.stringify([stateOf(cut), cut === chosen]);
  if (row.looks === looks) return;
  row.looks = looks;
  row.ariaPressed = String(cut === chosen);
  row.tabIndex = cut === chosen ? 0 : -1;
  const about = [
    ...whoOf(cut.channels),
    cut.types.map((type) => nameOf("type", type)).join(", "),
    cut.sources.map((source) => nameOf("source", source)).join(", "),
    ...(cut.score === null ? [] : [say("sure", { percent: Math.round(100 * cut.score) })]),
    ...(cut.was ? [say("was", { stretch: fromTo({ start: cut.was[0], end: cut.was[1] }) })] : []),
  ];
  const shown = [
    signOf(cut.status, SIGNS.get(cut.status) ?? "?"),
    make("strong", {}, labelOf(cut)),
    make("span", { className: "when" }, fromTo(cut)),
    make("span", { className: "status" }, nameOf("status", cut.status)),
    make("span", { className: "about" }, about.join(" · ")),
    make("q", { lang: "" }, visible(cut.heard)),
  ];
  row.replaceChildren(...shown.flatMap((part) => [part, " "]));
}

function showEdge() {
  byId("edge").textContent = chosen ? say(edge === "start" ? "edge_start" : "edge_end", { at: exact(chosen[edge]) }) : "–";
}

// -- doubtful stretches -----------------------------------------------------------------------------------

let lastPlace = null; // that was played as unclear
let shownAsLeft = "";

// Played wholly, in whatever sound and at whatever speed, or cut as a whole.
function isSettled(doubt) {
  const isCut = (cut) => isActive(cut) && cut.start <= doubt.start && cut.end >= doubt.end && isCutWhere(cut, doubt.channel);
  const [from, to] = [doubt.start + TOLERANCE, Math.max(doubt.end - TOLERANCE, doubt.start + TOLERANCE)];
  return heardSpans().some(([start, end]) => start <= from && end >= to) || cuts.some(isCut);
}

const isCutWhere = (cut, lane) => cut.channels === null || (lane !== null && cut.channels.includes(lane));
const left = () => given.unsure.filter((doubt) => !isSettled(doubt));

function playDoubt(doubt) {
  lastPlace = doubt;
  hearBoth(doubt.channel === null ? null : [doubt.channel]);
  let { start, end } = doubt; // with its neighbours, which would be heard with it
  for (const other of left()) if (other.start > start && other.start - end < 2 * BRIEFLY) end = Math.max(end, other.end);
  playStretch(sounds[0], start - BRIEFLY, end + BRIEFLY);
  goToWordAt(start);
  if (isZoomed) zoomOn(start);
}

// What is left to look at or to hear: first what may tell who it is, then what was heard worst.
function urgent() {
  const worst = (doubt) => {
    const inside = mains.filter((word) => word.end > doubt.start && word.start < doubt.end && isInLane(word, doubt));
    return Math.min(1, ...inside.map((word) => word.score ?? 0));
  };
  const doubts = left().map((doubt) => [doubt, worst(doubt)]);
  doubts.sort(([one, low], [other, high]) => low - high || one.start - other.start);
  return [...sorted().filter((cut) => cut.status === "look"), ...doubts.map(([doubt]) => doubt)];
}

const isInLane = (word, { channel: lane }) => lane === null || word.channel === null || word.channel === lane;

function nextDoubt() {
  const open = urgent();
  if (!open.length) return announce("now_no_doubt");
  const next = open[open.indexOf(lastPlace) + 1] ?? open[0];
  if (!cuts.includes(next)) return playDoubt(next);
  lastPlace = next;
  choose(next);
  hear(next);
}

function showCounts() {
  const shown = cuts.filter(isShown);
  const [hear, decided, heard] = byId("counts").children;
  const open = left();
  hear.textContent = say("count_hear", { left: open.length, all: given.unsure.length });
  decided.textContent = say("count_decide", { left: shown.filter(isOpen).length, all: shown.length });
  heard.textContent = say("count_heard", { heard: clock(heardSeconds()), all: clock(facts.length_s) });
  const looks = open.map((doubt) => doubt.start).join();
  if (looks !== shownAsLeft) redraw();
  shownAsLeft = looks;
}

const heardSeconds = () => heardSpans().reduce((sum, [start, end]) => sum + end - start, 0);

// -- the words that stay ----------------------------------------------------------------------------------

let turns = [];
let mains = []; // the words of the main transcript, by time
let current = null;
let isFollowing = true;
let scrolledAt = -Infinity; // by the person
const wordOf = new WeakMap(); // by element

const plain = (text) => text.toLocaleLowerCase(locale).replace(/[^\p{L}\p{N}]/gu, "");

function readWords() {
  const byTime = (one, other) => one.start - other.start;
  mains = given.words.filter((word) => word.pass === 0).sort(byTime);
  const open = new Map(); // the last turn of each channel
  for (const word of mains) {
    let turn = open.get(word.channel);
    const goesOn = turn && word.start - turn.end <= PAUSE && turn.words.length < MOST;
    if (!goesOn || (turn !== turns.at(-1) && word.start >= turns.at(-1).end)) {
      turn = { channel: word.channel, start: word.start, end: word.end, words: [], also: [] };
      turns.push(turn);
      open.set(word.channel, turn);
    }
    turn.words.push(word);
    turn.end = Math.max(turn.end, word.end);
  }
  readOthers(given.words.filter((word) => word.pass !== 0).sort((one, other) => one.pass - other.pass || byTime(one, other)));
  byId("spoken").replaceChildren(...turns.map((turn) => (turn.element = turnOf(turn))));
  if (!turns.length) byId("spoken").textContent = say("no_words");
}

// What another pass heard where the main transcript does not have it.
function readOthers(others) {
  let last = null;
  for (const word of others) {
    if (isInMain(word)) {
      last = null;
      continue;
    }
    if (last && last.pass === word.pass && last.channel === word.channel && word.start - last.end <= PAUSE) {
      last.text += ` ${word.text}`;
      last.end = word.end;
      continue;
    }
    last = { ...word };
    if (!turns.length) turns.push({ channel: word.channel, start: word.start, end: word.end, words: [], also: [] });
    turns[Math.max(lastBefore(turns, word.start), 0)].also.push(last);
  }
}

function isInMain(word) {
  const text = plain(word.text);
  for (let index = lastBefore(mains, word.end + 0.3); index >= 0 && mains[index].start > word.start - 3; index -= 1) {
    const main = mains[index];
    const isSameLane = main.channel === null || word.channel === null || main.channel === word.channel;
    if (isSameLane && main.end > word.start - 0.3 && plain(main.text) === text) return true;
  }
  return !text;
}

// The index of the last that starts at or before a time; -1 where none does.
function lastBefore(list, seconds) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].start <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const covers = (cut, word) =>
  isActive(cut) && isIn(cut, word.channel) && cut.start <= word.start + TOLERANCE && cut.end >= word.end - TOLERANCE;

function turnOf(turn) {
  const near = cuts.filter((cut) => isActive(cut) && cut.start < turn.end + 1 && cut.end > turn.start - 1);
  const who = turn.channel === null || facts.channels.length < 2 ? "" : ` ${channelName(turn.channel)}:`;
  const element = make("p", {}, make("span", { className: "who" }, clock(turn.start) + who), " ");
  let [run, cutOfRun] = [element, null];
  for (const word of turn.words) {
    const cut = near.find((each) => covers(each, word)) ?? null;
    if (cut !== cutOfRun) {
      if (cutOfRun) run.append(unseen(say("cut_ends")));
      run = cut ? make("s", {}, kindOf(cut)) : element;
      if (cut) element.append(run, " ");
      cutOfRun = cut;
    }
    word.cut = cut;
    word.element = wordElement(word);
    run.append(word.element, " ");
  }
  if (cutOfRun) run.append(unseen(say("cut_ends")));
  const seen = new Set();
  for (const other of turn.also) {
    const isCut = cuts.some((cut) => covers(cut, other));
    if (isCut || seen.has(other.text)) continue;
    seen.add(other.text);
    element.append(make("small", {}, say("also_heard", { time: clock(other.start), text: visible(other.text) })), " ");
  }
  return element;
}

function kindOf(cut) {
  const kind = cut.types.map((type) => nameOf("type", type)).join(", ");
  return make("b", { className: "kind" }, unseen(say("cut_begins")), kind, unseen(": "));
}

function wordElement(word) {
  const element = make(word.look ? "mark" : "span", { lang: "" }, visible(word.text));
  if (word.look) element.prepend(unseen(say("look_here")));
  if (word.score !== null && word.score < BADLY) {
    element.className = "badly";
    element.append(unseen(say("badly_heard")));
  }
  wordOf.set(element, word);
  return element;
}

function markWords(stretches) {
  for (const turn of turns) {
    if (!stretches.some(({ start, end }) => start < turn.end + 1 && end > turn.start - 1)) continue;
    const fresh = turnOf(turn);
    turn.element.replaceWith(fresh);
    turn.element = fresh;
  }
  if (current) current.element.classList.add("now");
}

function followWords(now) {
  const word = mains[lastBefore(mains, now + 0.02)] ?? null;
  if (word === current) return;
  current?.element.classList.remove("now");
  current = word;
  current?.element.classList.add("now");
  if (isFollowing && current) bring(byId("spoken"), current.element);
}

// Into view in its own box, so that the page stays where it is.
function bring(box, element) {
  const [seen, place] = [box.getBoundingClientRect(), element.getBoundingClientRect()];
  if (place.top < seen.top || place.bottom > seen.bottom) box.scrollTop += place.top - seen.top - seen.height / 3;
}

function isInView() {
  const [seen, word] = [byId("spoken"), current?.element].map((each) => each?.getBoundingClientRect());
  return !word || (word.bottom > seen.top && word.top < seen.bottom);
}

function followAgain() {
  isFollowing = true;
  if (current) bring(byId("spoken"), current.element);
}

function goToWordAt(seconds) {
  followWords(seconds);
  followAgain();
}

function goToWord(word) {
  isFollowing = true;
  seek(word.start);
  followWords(word.start);
  bring(byId("spoken"), word.element);
}

const goToTurn = (by) => () => {
  const spoken = turns.filter((turn) => turn.words.length);
  const turn = spoken[Math.max(lastBefore(spoken, audio.currentTime + 0.02) + by, 0)] ?? spoken.at(-1);
  if (turn) goToWord(turn.words[0]);
};

function clickWord(event) {
  const word = wordOf.get(event.target.closest("#spoken mark, #spoken p > span, #spoken s > span"));
  if (!word || String(getSelection())) return;
  goToWord(word);
  if (word.cut) choose(word.cut);
  playOn();
}

// -- the waveform -----------------------------------------------------------------------------------------

let layer = null; // cuts and doubtful stretches, as they are drawn
let grip = null; // the edge or the stretch that the pointer holds

function redraw() {
  layer = null;
  draw();
}

function zoomOn(middle) {
  const close = Math.max(ZOOMED, 1.3 * (chosen ? chosen.end - chosen.start : 0));
  const length = Math.min(isZoomed ? close : Infinity, facts.length_s);
  view.from = Math.min(Math.max(middle - length / 2, 0), facts.length_s - length);
  view.to = view.from + length;
  paint();
}

function zoom() {
  isZoomed = !isZoomed;
  button("zoom").ariaPressed = String(isZoomed);
  zoomOn(isZoomed && chosen ? (chosen.start + chosen.end) / 2 : audio.currentTime);
  announce(isZoomed ? "now_zoomed" : "now_whole", { begin: clock(view.from), end: clock(view.to) });
}

function drawLayer() {
  const canvas = make("canvas", { width: picture.width, height: picture.height });
  const brush = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`);
  const lanes = facts.channels.length;
  const high = canvas.height / lanes;
  const lanesOf = (numbers) => (numbers ?? [...facts.channels.keys()]).map((lane) => lane * high);
  for (const doubt of given.unsure) {
    for (const top of lanesOf(doubt.channel === null ? null : [doubt.channel])) drawDoubt(brush, doubt, top, colour("doubt"));
  }
  let free = -1; // no label over another one
  for (const cut of sorted()) {
    const [from, to] = [xOf(cut.start), Math.max(xOf(cut.end), xOf(cut.start) + 3 * devicePixelRatio)];
    if (to < 0 || from > canvas.width) continue;
    for (const top of lanesOf(cut.channels)) {
      drawCut(brush, cut.status, [from, top, to - from, high], colour(cut.status));
      if (cut === chosen) drawChosen(brush, [from, top, to - from, high], colour("ink"));
    }
    if (from > free || cut === chosen) free = drawLabel(brush, cut, from, colour(cut.status) || colour("ink"), colour("field"));
  }
  return canvas;
}

// Each status has its own hatching, beside its colour and its sign.
function drawCut(brush, status, [left, top, wide, high], colour) {
  const gap = 6 * devicePixelRatio;
  brush.save();
  brush.beginPath();
  brush.rect(left, top, wide, high);
  brush.clip();
  brush.strokeStyle = brush.fillStyle = colour;
  brush.lineWidth = devicePixelRatio;
  brush.globalAlpha = { accepted: 0.35, removed: 0, look: 0 }[status] ?? 0.12;
  brush.fillRect(left, top, wide, high);
  brush.globalAlpha = 0.9;
  brush.beginPath();
  const line = (...ends) => (brush.moveTo(ends[0], ends[1]), brush.lineTo(ends[2], ends[3]));
  if (status === "proposed") for (let x = left - high; x < left + wide; x += gap) line(x, top + high, x + high, top);
  if (status === "changed") for (let y = top; y < top + high; y += gap) line(left, y, left + wide, y);
  if (status === "added") for (let x = left; x < left + wide; x += gap) line(x, top, x, top + high);
  brush.stroke();
  brush.lineWidth = 3 * devicePixelRatio;
  if (status === "removed" || status === "look") brush.setLineDash([gap, gap]);
  brush.strokeRect(left, top - 9, wide, high + 18);
  brush.restore();
}

function drawChosen(brush, [left, top, wide, high], colour) {
  const size = 5 * devicePixelRatio;
  brush.strokeStyle = brush.fillStyle = colour;
  brush.lineWidth = 2 * devicePixelRatio;
  brush.strokeRect(left, top + 1, wide, high - 2);
  for (const [side, x] of [["start", left], ["end", left + wide]]) {
    const box = [x - size, top + high / 2 - 2 * size, 2 * size, 4 * size];
    if (side === edge) brush.fillRect(...box);
    else brush.strokeRect(...box);
  }
}

function drawLabel(brush, cut, from, colour, paper) {
  const size = 16 * devicePixelRatio;
  const text = `${cut.number ?? ""}${SIGNS.get(cut.status) ?? "?"}`;
  brush.font = `600 ${0.8 * size}px system-ui, sans-serif`;
  const wide = brush.measureText(text).width + size / 2;
  const left = Math.min(Math.max(from, 0), picture.width - wide);
  brush.fillStyle = colour;
  brush.fillRect(left, picture.height - 1.25 * size, wide, 1.25 * size);
  brush.fillStyle = paper;
  brush.fillText(text, left + size / 4, picture.height - 0.35 * size);
  return left + wide;
}

// A zigzag until it was heard, and a straight line then.
function drawDoubt(brush, doubt, top, colour) {
  const [from, to] = [xOf(doubt.start), Math.max(xOf(doubt.end), xOf(doubt.start) + 6 * devicePixelRatio)];
  const size = 4 * devicePixelRatio;
  const y = top + 4 * size;
  const swing = isSettled(doubt) ? 0 : size;
  brush.strokeStyle = colour;
  brush.lineWidth = (swing ? 2.5 : 1.5) * devicePixelRatio;
  brush.beginPath();
  brush.moveTo(from, y + swing);
  for (let x = from, up = -1; x < to; up = -up) brush.lineTo((x = Math.min(x + size, to)), y + up * swing);
  brush.stroke();
}

// An edge of the chosen cut, or with Shift a new stretch; true where the pointer does not move the place.
function drag(event) {
  const at = timeAt(event);
  if (event.type === "pointerdown") {
    grip = event.shiftKey ? { begin: at } : edgeAt(event);
    if (grip?.cut) chooseEdge(grip.side);
    const hit = grip || sorted().find((cut) => cut.start <= at && at <= cut.end && isIn(cut, laneAt(event)));
    if (hit && !grip) {
      chosen = hit;
      showCuts();
    }
    return Boolean(grip);
  }
  if (!grip) return false;
  if (!grip.cut) mark(...[grip.begin, at].map((time) => Math.min(Math.max(time, 0), facts.length_s)));
  else if (Math.abs(event.clientX - grip.x) > 2 || grip.isMoved) {
    grip.isMoved = true;
    Object.assign(grip.cut, moved(grip.cut, grip.side, at));
    redraw();
    showEdge();
  }
  return true;
}

function letGo() {
  if (grip?.isMoved) {
    const { cut, before } = grip;
    const after = stateOf(cut);
    Object.assign(cut, before);
    decide([[cut, after]]);
    sayCut("now_moved");
  }
  grip = null;
}

const laneAt = (event) =>
  Math.floor(((event.clientY - wave.getBoundingClientRect().top) / wave.clientHeight) * facts.channels.length);

function edgeAt(event) {
  if (!chosen || !isActive(chosen)) return null;
  const reach = ((event.pointerType === "mouse" ? 7 : 16) / wave.clientWidth) * (view.to - view.from);
  const away = (side) => Math.abs(chosen[side] - timeAt(event));
  const side = away("start") < away("end") ? "start" : "end";
  return away(side) <= reach ? { cut: chosen, side, x: event.clientX, before: stateOf(chosen) } : null;
}

// -- the end of a review ----------------------------------------------------------------------------------

let isSettling = false;
let workedAt = 0;

// Who reads and decides without hearing anything is at work, too: the program is told once a minute.
function work() {
  if (isOver || performance.now() - workedAt < 60000) return;
  workedAt = performance.now();
  reportHeard({ isAsked: true }).catch(() => {});
}

function complain(text) {
  for (const place of document.querySelectorAll(".complaint")) place.textContent = text;
}

async function settle(isConfirming, reason = null, vouches = false) {
  if (isSettling) return;
  isSettling = true;
  complain("");
  audio.pause();
  const changed = differing().map(({ number, start, end, status }) => ({ number, start, end, status }));
  const body = JSON.stringify({ cuts: changed, confirm: isConfirming, reason, vouches });
  try {
    await reportHeard({ isAsked: true });
    const answer = await tell("/decide", body);
    const told = await answer.json();
    if (isOver) return;
    if (answer.ok) finish(told.done === "confirmed" ? "closed_confirmed" : "closed_saved");
    else if (told.left) showLeft(told.left, told.unheard_s);
    else complain(visible(told.message ?? say("not_settled")));
  } catch {
    if (!isOver) complain(say("not_settled"));
  } finally {
    isSettling = false;
  }
}

function save() {
  if (!differing().length) return announce("now_nothing_to_save");
  settle(false);
}

function showLeft({ undecided = [], unheard = [] }, seconds = 0) {
  const linkTo = (text, act) => {
    const link = make("button", { type: "button", className: "link" }, text);
    link.addEventListener("click", () => {
      byId("left").close();
      act();
    });
    return make("li", {}, link);
  };
  const open = undecided.map((number) => cuts.find((cut) => cut.number === number)).filter(Boolean);
  const decisions = open.map((cut) =>
    linkTo(say("left_cut", { cut: labelOf(cut), stretch: fromTo(cut) }), () => {
      choose(cut);
      rows.get(cut).firstChild.focus();
    }),
  );
  const stretches = unheard.map(([start, end]) =>
    linkTo(say("left_doubt", { stretch: fromTo({ start, end }) }), () => {
      const known = given.unsure.find((doubt) => Math.abs(doubt.start - start) < TOLERANCE);
      playDoubt(known ?? { start, end, channel: null });
      wave.focus();
    }),
  );
  byId("left").querySelector("ul").replaceChildren(...decisions, ...stretches);
  byId("reason").hidden = !undecided.length && !unheard.length;
  byId("left-heard").textContent = seconds ? say("left_heard", { left: clock(seconds), all: clock(facts.length_s) }) : "";
  if (!byId("left").open) byId("left").showModal();
  byId("left").querySelector(byId("reason").hidden ? "#back" : ".link, textarea").focus();
}

function confirmAnyway() {
  if (byId("reason").hidden) return settle(true, null, true);
  const reason = byId("why").value.trim();
  if (reason) return settle(true, reason);
  complain(say("why_missing"));
  byId("why").focus();
}

// Whether decisions would be lost, and the person has not yet said that they may.
function keepsOpen() {
  const count = differing().length;
  if (!count || byId("leaving").open) return false;
  byId("leaving").querySelector("p").textContent = say("leaving_note", { count });
  byId("leaving").showModal();
  return true;
}

// -- what a person does -----------------------------------------------------------------------------------

const HOOKS = {
  draw: (brush) => brush.drawImage((layer ??= drawLayer()), 0, 0),
  paint: () => (layer = null),
  heardBefore: () => given?.heard ?? [],
  lookWhatIsHeard: showCounts,
  playing: () => (audio === sounds[0] ? "now_copy" : "now_original"),
  stopped: goOn,
  forget,
  keepsOpen,
  drag,
  follow(now) {
    followWords(now);
    if (isZoomed && !grip && (now < view.from || now > view.to)) zoomOn(now + (view.to - view.from) / 2 - 1);
  },
  showSound() {
    const heard = audio.paused ? "still" : audio === sounds[0] ? "copy" : "original";
    byId("which").dataset.sound = heard;
    if (byId("which").textContent !== say(`sign_${heard}`)) byId("which").firstChild.textContent = say(`sign_${heard}`);
  },
};

function through(from) {
  seek(from);
  setSpeed(2);
  playOn();
}

function addActions() {
  const added = {
    through: ["g", () => through(audio.currentTime)],
    "through-start": ["Shift+g", () => through(0)],
    doubt: ["t", nextDoubt],
    "turn-back": ["Shift+ArrowUp", goToTurn(-1)],
    "turn-next": ["Shift+ArrowDown", goToTurn(1)],
    follow: ["v", followAgain],
    "cut-back": ["p", step(-1)],
    "cut-next": ["n", step(1)],
    hear: ["h", withChosen(hear)],
    "hear-both": ["Shift+h", withChosen(hearBeforeAndAfter)],
    accept: ["a", withChosen(accept)],
    remove: ["r", withChosen(remove)],
    "take-back": ["b", withChosen(takeBack)],
    undo: ["u", undo],
    "accept-name": ["m", withChosen(acceptThose(saidIn))],
    "accept-kind": ["k", withChosen(acceptThose(ofKind))],
    "accept-all": ["Shift+a", acceptThose(() => () => true)],
    cut: ["c", addCut],
    edge: ["e", () => chooseEdge(edge === "start" ? "end" : "start")],
    earlier: ["d", moveBy(-0.1)],
    later: ["f", moveBy(0.1)],
    "earlier-little": ["Shift+d", moveBy(-0.01)],
    "later-little": ["Shift+f", moveBy(0.01)],
    zoom: ["z", zoom],
    save: ["Shift+s", save],
    confirm: ["Shift+c", () => settle(true)],
  };
  for (const [action, [key, act]] of Object.entries(added)) {
    ACTIONS[action] = act;
    KEYS[key] = action;
    onAction(action, act);
    const pressed = button(action);
    const shown = () => make("kbd", {}, key.replace("Shift+", "⇧").replace("ArrowUp", "↑").replace("ArrowDown", "↓"));
    byId("keys").append(make("div", {}, make("dt", {}, shown()), make("dd", {}, pressed.textContent)));
    pressed.setAttribute("aria-keyshortcuts", key.replace(/\b[a-z]$/, (letter) => letter.toUpperCase()));
    pressed.append(Object.assign(shown(), { ariaHidden: "true" }));
  }
  KEYS["Ctrl+z"] = "undo";
  for (const action of "accept remove take-back cut accept-name accept-kind accept-all hear hear-both zoom save confirm".split(" ")) ONCE.add(action);
  byId("work").addEventListener("mousedown", (event) => event.target.closest("button") && event.preventDefault());
  byId("spoken").addEventListener("click", clickWord);
  for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    byId("spoken").addEventListener(kind, () => (scrolledAt = performance.now()), { passive: true });
  }
  byId("spoken").addEventListener("scroll", () => {
    if (performance.now() - scrolledAt < 1000) isFollowing = isInView();
  });
  for (const kind of ["pointerup", "pointercancel"]) wave.addEventListener(kind, letGo);
  wave.addEventListener("pointermove", (event) => (wave.style.cursor = grip?.cut || edgeAt(event) ? "ew-resize" : ""));
  byId("back").addEventListener("click", () => byId("left").close());
  byId("anyway").addEventListener("click", confirmAnyway);
  byId("leave").addEventListener("click", done);
  for (const kind of ["keydown", "pointerdown", "wheel"]) addEventListener(kind, work, { passive: true });
  addEventListener("beforeunload", (event) => !isOver && differing().length && event.preventDefault());
}
