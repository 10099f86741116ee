// The listening page: it enters with the token of its address, shows what is listened to and why, and plays it.
// When it is over, no sound stays in the page: it is stopped, and its source and buffers are dropped.
// Texts from the server are only ever `textContent`. All times are in seconds.
// start.js begins. For a copy under review, review.js adds to it, through `hooks`; there are two sounds then.

import { ask, byId, enter, forget, place, tell, watch, words } from "./visit.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const REPORT_EVERY = 2; // what was heard, while it plays
const OWN_EAR = 0.7; // both channels together: each in its own ear ...
const OTHER_EAR = 0.3; // ... and softer in the other; the sum cannot be louder than the recording can be
const BARS = 3; // CSS pixels from one bar of the waveform to the next
const NAME = 24; // CSS pixels above each channel's waveform, for its name

const pause = (seconds) => new Promise((next) => setTimeout(next, 1000 * seconds));
export const button = (action) => document.querySelector(`[data-action="${action}"]`);

export const sounds = [byId("sound")]; // in a review also the original; one at a time is heard
export const wave = byId("wave");
export const picture = byId("picture");
const lang = document.documentElement.lang;
export const locale = { nb: "nb", en: "en-GB" }[lang]; // of dates and numbers

export let facts = null; // of the recording, from `begin` on
export const hooks = {}; // what a review does besides
export let audio = sounds[0]; // the one that is heard, or would be
let stop = null; // where playing stops by itself, and the speed to go back to
export const view = { from: 0, to: 0 }; // what the waveform shows
export let isOver = false; // nothing is heard any more, whatever is pressed
export let channel = null; // the only one that is heard
export let stretch = { begin: null, end: null, repeats: false }; // that is looped; null: from the start, to the end
let before = 0; // the position at the last look, by which the end of the loop is noticed

// -- words ------------------------------------------------------------------------------------------------

export function say(code, values = {}) {
  return words.get(code).replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

// Controls and bidi characters by their code points, as everywhere in arlo-rec: they could deceive a reader.
export function visible(text) {
  const hidden = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
  const shown = (sign) => `[U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;
  return String(text).replace(hidden, shown);
}

export function clock(seconds) {
  const whole = Math.floor(Math.max(seconds, 0) + 0.001);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

// An instant in the zone of the guidelines; what is none is shown as it came.
function moment(text) {
  const at = new Date(text);
  if (!/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(at.getTime())) return visible(text);
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone: "Europe/Oslo" }).format(at);
}

function speedText() {
  return say("speed_is", { speed: audio.playbackRate.toLocaleString(locale) });
}

export function announce(code, values) {
  byId("status").textContent = say(code, values);
}

// -- the program that serves the page ---------------------------------------------------------------------

if (window.parent !== window) document.body.dataset.framed = ""; // of the desk, which may alone

export async function begin(review) {
  facts = await enter();
  if (facts === null) return finish("refused");
  if (facts.review) await review();
  if (isOver) return;
  show();
  if (facts.plays) playOn(); // it was chosen on the desk
  watch(() => isOver, finish, "closed_ended");
  await fetchPeaks();
}

// The end, whatever the reason: first silence, then the words.
export function finish(code) {
  if (isOver) return;
  isOver = true;
  forget();
  for (const sound of sounds) sound.pause();
  reportHeard();
  for (const sound of sounds) {
    sound.removeAttribute("src");
    sound.load();
  }
  graph?.context.close();
  hooks.forget?.();
  document.body.dataset.state = "over";
  for (const each of document.querySelectorAll("#player button")) each.disabled = true;
  wave.removeAttribute("tabindex");
  wave.setAttribute("aria-disabled", "true");
  byId("help").close();
  byId("status").textContent = "";
  byId("end").textContent = say(code, { copy: visible(facts?.short) });
  scrollTo(0, 0);
  if (facts) showPlaying();
  draw();
}

export async function done() {
  if (hooks.keepsOpen?.()) return;
  finish("closed_done");
  await tell("/close", undefined, true).catch(() => {});
}

// -- what was heard ---------------------------------------------------------------------------------------

const earlierSpans = new Map(); // by sound: played before it had to be loaded again
let reported = "";

function spansOf(sound) {
  const times = sound.played;
  const spans = Array.from({ length: times.length }, (_, index) => [times.start(index), times.end(index)]);
  return merged([...(earlierSpans.get(sound) ?? []), ...spans]);
}

function merged(spans) {
  const whole = [];
  for (const [start, end] of spans.sort((one, other) => one[0] - other[0])) {
    const last = whole.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else if (end > start) whole.push([start, end]);
  }
  return whole;
}

// Of the recording or the copy, of the original, and of what a review knows from earlier.
export const heardSpans = () => merged([...(hooks.heardBefore?.() ?? []), ...sounds.flatMap(spansOf)]);

export function reportHeard({ isLeaving = false, isAsked = false } = {}) {
  const hundredths = (sound) => spansOf(sound).map((span) => span.map((seconds) => Math.round(100 * seconds) / 100));
  const [spans, original] = sounds.map(hundredths);
  const body = JSON.stringify({ spans, original });
  if (!isAsked && (body === reported || !(spans.length || original?.length))) return null;
  reported = body;
  if (isLeaving && navigator.sendBeacon(`${place}/heard`, new Blob([body], { type: "application/json" }))) return null;
  const answer = tell("/heard", body, !isAsked);
  return isAsked ? answer : answer.catch(() => {});
}

// -- the sound --------------------------------------------------------------------------------------------

let graph = null; // of WebAudio: the gains from each channel to each ear, from the first play on

function channelsCanBeApart() {
  return facts.channels.length === 2 && "AudioContext" in window;
}

function connectGraph() {
  if (!channelsCanBeApart()) return;
  graph ??= makeGraph();
  if (graph.connected.has(audio)) return;
  graph.connected.add(audio);
  graph.context.createMediaElementSource(audio).connect(graph.splitter);
}

function makeGraph() {
  const context = new AudioContext();
  const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
  const merger = new ChannelMergerNode(context, { numberOfInputs: 2 });
  const gains = [0, 1].map((from) =>
    [0, 1].map((ear) => {
      const gain = new GainNode(context, { gain: gainOf(from, ear) });
      splitter.connect(gain, from).connect(merger, 0, ear);
      return gain;
    }),
  );
  merger.connect(context.destination);
  return { context, splitter, gains, connected: new Set() };
}

function gainOf(from, ear) {
  if (channel !== null) return channel === from ? OWN_EAR : 0;
  return from === ear ? OWN_EAR : OTHER_EAR;
}

export function chooseChannel(choice) {
  if (facts.channels.length !== 2) return announce("single_channel");
  if (!channelsCanBeApart()) return announce("no_channels");
  channel = choice;
  graph?.gains.forEach((ears, from) =>
    ears.forEach((gain, ear) => gain.gain.setTargetAtTime(gainOf(from, ear), graph.context.currentTime, 0.01)),
  );
  ["both", "first", "second"].forEach((action, index) =>
    button(action).setAttribute("aria-pressed", String(index === (choice === null ? 0 : choice + 1))),
  );
  if (choice === null) announce("now_both");
  else announce("now_only", { name: channelName(choice).toLocaleLowerCase(locale) });
  paint();
}

function toggle() {
  if (!audio.paused) return audio.pause();
  useSound(sounds[0]);
  return playOn();
}

export async function playOn() {
  if (audio.error) await reload();
  connectGraph();
  graph?.context.resume();
  // A pause before the sound has begun is no failure, and `error` tells of a sound that cannot be played.
  await audio.play().catch(() => {});
}

// Another of the sounds takes over where this one is; never are two heard.
function useSound(next) {
  if (audio === next) return;
  const last = audio;
  const isPlaying = !last.paused;
  audio = next;
  last.pause();
  audio.currentTime = last.currentTime;
  if (isPlaying) playOn();
  showPlaying();
}

export async function playStretch(sound, from, to) {
  if (audio !== sound) audio.pause();
  useSound(sound);
  await waitFor(sound);
  if (isOver || audio !== sound) return;
  const speed = stop?.speed ?? audio.playbackRate;
  setSpeed(1);
  stop = { at: Math.min(to, facts.length_s), speed };
  before = Math.max(from, 0);
  audio.currentTime = before;
  if (audio.paused) playOn();
  else announce(playing(), { time: clock(before) });
}

function endStretch() {
  const speed = stop?.speed;
  stop = null;
  if (speed) setSpeed(speed);
}

// A sound that is moved before it is known would count as played from its start.
async function waitFor(sound) {
  if (sound.readyState) return;
  const isKnown = new Promise((next) => sound.addEventListener("loadedmetadata", next, { once: true }));
  if (sound.preload === "none" || sound.error) {
    sound.preload = "metadata";
    sound.load();
  }
  await isKnown;
}

async function reload() {
  const [sound, position] = [audio, audio.currentTime];
  earlierSpans.set(sound, spansOf(sound));
  sound.load();
  await waitFor(sound);
  sound.currentTime = position;
}

export function seek(seconds) {
  endStretch();
  useSound(sounds[0]);
  before = Math.min(Math.max(seconds, 0), facts.length_s);
  audio.currentTime = before;
  announce("now_at", { time: clock(before) });
  follow({ isMoved: true });
}

const skip = (seconds) => () => seek(audio.currentTime + seconds);

export function setSpeed(speed) {
  for (const sound of sounds) {
    sound.playbackRate = speed;
    sound.defaultPlaybackRate = speed; // which a sound that is loaded again begins with
  }
  byId("speed").textContent = speedText();
}

function changeSpeed(step) {
  const next = SPEEDS.indexOf(audio.playbackRate) + step;
  setSpeed(SPEEDS[Math.min(Math.max(next, 0), SPEEDS.length - 1)]);
  if (stop) stop.speed = audio.playbackRate;
  announce("now_speed", { speed: speedText() });
}

// -- the loop ---------------------------------------------------------------------------------------------

const loopBegin = () => stretch.begin ?? 0;
const loopEnd = () => stretch.end ?? facts.length_s;

// A new mark on the wrong side of the other one removes that. With both marks it repeats at once.
function markLoop(side) {
  const at = audio.currentTime;
  stretch[side] = at;
  if (loopEnd() - loopBegin() < 0.05) stretch[side === "begin" ? "end" : "begin"] = null;
  stretch.repeats = stretch.begin !== null && stretch.end !== null;
  showLoop(side === "begin" ? "now_loop_start" : "now_loop_end", { time: clock(at) });
}

function toggleLoop() {
  stretch.repeats = !stretch.repeats;
  showLoop("now_loop_off");
}

export function clearLoop() {
  stretch = { begin: null, end: null, repeats: false };
  showLoop("now_loop_clear");
}

export function mark(begin, end) {
  stretch = { begin: Math.min(begin, end), end: Math.max(begin, end), repeats: false };
  showLoop("now_marked", { begin: clock(stretch.begin), end: clock(stretch.end) });
}

function showLoop(code, values) {
  const ends = { begin: clock(loopBegin()), end: clock(loopEnd()) };
  const isWhole = stretch.begin === null && stretch.end === null;
  const whole = stretch.repeats ? "loop_none" : "loop_off";
  byId("loop").textContent = isWhole ? say(whole) : say("loop_stretch", ends);
  button("loop-repeat").setAttribute("aria-pressed", String(stretch.repeats));
  if (stretch.repeats) announce("now_loop", ends);
  else if (code) announce(code, values);
  draw();
}

// Back to the loop's begin when its end is passed by playing; who has gone behind it is left alone.
function repeat() {
  const [now, hasEnded] = [audio.currentTime, audio.ended];
  if (stop) return now >= stop.at && audio.pause();
  const isPassed = before < loopEnd() && (now >= loopEnd() || hasEnded);
  before = now;
  if (!stretch.repeats || !isPassed) return;
  before = loopBegin();
  audio.currentTime = before;
  if (hasEnded) audio.play().catch(() => {});
}

// -- the waveform -----------------------------------------------------------------------------------------

const peaks = { step: 0.1, rows: [], damaged: [] };
const plates = {}; // the waveform in a colour, as large as the canvas

async function fetchPeaks() {
  for (let isDone = false; !isDone && !isOver; ) {
    const news = await ask(`${place}/peaks?from=${peaks.rows.length}`)
      .then((answer) => (answer.ok ? answer.json() : null))
      .catch(() => null); // whether the program still answers is for `watch` to say
    if (news) {
      peaks.step = news.step_s;
      peaks.rows.length = Math.min(peaks.rows.length, news.from);
      for (const row of news.peaks) peaks.rows.push(row);
      peaks.damaged = news.damaged;
      isDone = news.done;
      showDamage();
      paint();
    }
    if (!isDone) await pause(0.25);
  }
}

// The lowest and the highest value of a channel in the rows of a bar; null where they have not come yet.
function extremes(lane, from, to) {
  if (from >= peaks.rows.length) return null;
  let [low, high] = [0, 0];
  for (let row = from; row < Math.min(to, peaks.rows.length); row += 1) {
    const [lowest, highest] = peaks.rows[row][lane] ?? [0, 0];
    low = Math.min(low, lowest);
    high = Math.max(high, highest);
  }
  return [low, high];
}

function plate(colour) {
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  const brush = canvas.getContext("2d");
  const lanes = facts.channels.length;
  const [bar, name] = [BARS * devicePixelRatio, NAME * devicePixelRatio];
  const half = (canvas.height / lanes - name) / 2;
  const louder = (value) => Math.sign(value) * Math.min(Math.abs(value), 1) ** 0.7; // speech is soft most of the time
  const first = view.from / peaks.step;
  const perBar = ((view.to - view.from) / peaks.step) * (bar / canvas.width);
  brush.fillStyle = colour;
  for (let lane = 0; lane < lanes; lane += 1) {
    const middle = (canvas.height / lanes) * (lane + 1) - half;
    for (let index = 0; index * bar < canvas.width; index += 1) {
      const from = Math.floor(first + index * perBar);
      const ends = extremes(lane, from, Math.max(from + 1, Math.floor(first + (index + 1) * perBar)));
      const [low, high] = (ends ?? [0, 0]).map((value) => louder(value) * half * 0.92);
      brush.globalAlpha = (ends ? 1 : 0.4) * (channel === null || channel === lane ? 1 : 0.3);
      brush.fillRect(index * bar, middle - high - devicePixelRatio / 2, bar * 0.67, high - low + devicePixelRatio);
    }
  }
  return canvas;
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(
    ["ink", "accent", "tint", "quiet", "problem"].map((name) => [name, style.getPropertyValue(`--${name}`)]),
  );
}

// Anew, after a change of size, of colours, of channel, or of what is known of the sound.
export function paint() {
  if (!facts || !wave.clientWidth) return;
  picture.width = Math.round(wave.clientWidth * devicePixelRatio);
  picture.height = Math.round(wave.clientHeight * devicePixelRatio);
  plates.colours = colours();
  plates.quiet = plate(plates.colours.quiet);
  plates.heard = plate(plates.colours.accent);
  hooks.paint?.();
  draw();
}

export const xOf = (seconds) => (picture.width * (seconds - view.from)) / (view.to - view.from);

export function timeAt(event) {
  const box = wave.getBoundingClientRect();
  return view.from + ((view.to - view.from) * (event.clientX - box.left)) / box.width;
}

export function draw() {
  if (!plates.quiet) return;
  const brush = picture.getContext("2d");
  const [width, height, x] = [picture.width, picture.height, xOf];
  brush.clearRect(0, 0, width, height);
  drawLoop(brush, x(loopBegin()), x(loopEnd()), height);
  brush.drawImage(plates.quiet, 0, 0);
  for (const [start, end] of isOver ? [] : heardSpans()) {
    const left = Math.max(Math.floor(x(start)), 0);
    const wide = Math.min(Math.ceil(x(end)), width) - left;
    if (wide > 0) brush.drawImage(plates.heard, left, 0, wide, height, left, 0, wide, height);
  }
  if (!isOver) hooks.draw?.(brush);
  for (const [start, end] of peaks.damaged) drawDamage(brush, x(start), x(end), height);
  brush.fillStyle = plates.colours.ink;
  const thick = 2 * devicePixelRatio;
  if (!isOver) brush.fillRect(Math.min(Math.max(x(audio.currentTime) - thick / 2, 0), width - thick), 0, thick, height);
}

function drawLoop(brush, left, right, height) {
  if (stretch.begin === null && stretch.end === null && !stretch.repeats) return;
  brush.fillStyle = plates.colours.tint;
  brush.fillRect(left, 0, right - left, height);
  brush.fillStyle = plates.colours.accent;
  const thick = devicePixelRatio * (stretch.repeats ? 2 : 1);
  for (const edge of [left, right - thick]) brush.fillRect(edge, 0, thick, height);
}

function drawDamage(brush, left, right, height) {
  const wide = Math.max(right - left, 4 * devicePixelRatio);
  brush.save();
  brush.beginPath();
  brush.rect(left, 0, wide, height);
  brush.clip();
  brush.strokeStyle = plates.colours.problem;
  brush.lineWidth = 2 * devicePixelRatio;
  brush.beginPath();
  for (let at = left - height; at < left + wide; at += 7 * devicePixelRatio) {
    brush.moveTo(at, height);
    brush.lineTo(at + height, 0);
  }
  brush.stroke();
  brush.strokeRect(left, 0, wide, height);
  brush.restore();
}

function showDamage() {
  const stretches = peaks.damaged.map(([start, end]) =>
    say("damaged_stretch", { begin: clock(start), end: clock(Math.ceil(end - 0.001)) }),
  );
  const text = say("damaged", { stretches: new Intl.ListFormat(locale).format(stretches) });
  if (stretches.length && byId("damaged").textContent !== text) byId("damaged").textContent = text;
}

// -- what is shown ----------------------------------------------------------------------------------------

export function channelName(index) {
  const name = facts.channels[index];
  return words.get(`channel_${name}`) ?? say("channel_numbered", { number: visible(name) });
}

function show() {
  const shown = {
    started: moment(facts.started),
    length: clock(facts.length_s),
    purpose: words.get(`purpose_${facts.purpose}`) ?? visible(facts.purpose),
    ...Object.fromEntries(["team", "agent", "reason", "days_left"].map((name) => [name, visible(facts[name] ?? "–")])),
  };
  for (const slot of document.querySelectorAll("[data-fact]")) slot.textContent = shown[slot.dataset.fact];
  byId("heading").textContent = say(facts.review ? "review_heading" : "heading", { id: visible(facts.short) });
  byId("total").textContent = clock(facts.length_s);
  byId("speed").textContent = speedText();
  wave.setAttribute("aria-valuemax", String(Math.floor(facts.length_s)));
  wave.dataset.lanes = String(facts.channels.length);
  showChannels();
  for (const each of document.querySelectorAll("[data-action]")) each.disabled = false;
  view.to = facts.length_s;
  for (const each of byId("channels").children) each.disabled = !channelsCanBeApart();
  button("both").setAttribute("aria-pressed", "true");
  showLoop();
  byId("facts").hidden = false;
  byId("player").hidden = false;
  document.body.dataset.state = "ready";
  for (const sound of sounds) sound.preservesPitch = true;
  audio.src = `${place}/sound`;
  new ResizeObserver(paint).observe(wave);
  new ResizeObserver(fitHead).observe(byId("head"));
  follow({ isMoved: true });
}

function showChannels() {
  const lane = (_, index) => Object.assign(document.createElement("li"), { textContent: channelName(index) });
  byId("lanes").replaceChildren(...facts.channels.map(lane));
  byId("channels").hidden = facts.channels.length !== 2;
  [button("first"), button("second")].forEach((each, index) => {
    if (index < facts.channels.length) each.querySelector("span").textContent = channelName(index);
  });
  byId("channels-note").hidden = channelsCanBeApart();
  byId("channels-note").textContent = say(facts.channels.length === 2 ? "no_channels" : "single_channel");
}

// What has the focus is not under the head that stays in view, and a long reason can be scrolled by keys.
function fitHead() {
  const isSticky = getComputedStyle(byId("head")).position === "sticky";
  document.documentElement.style.scrollPaddingTop = isSticky ? `${byId("head").offsetHeight + 12}px` : "";
  const isCut = byId("facts").scrollHeight > byId("facts").clientHeight + 1;
  if (isCut) byId("facts").tabIndex = 0;
  else byId("facts").removeAttribute("tabindex");
}

function showPlaying() {
  byId("can-play").hidden = !audio.paused;
  byId("can-pause").hidden = audio.paused;
  hooks.showSound?.();
}

// Where it is, in the picture and in words. A screen reader is not told every second of what it can hear.
function follow({ isMoved = false } = {}) {
  if (isOver) return;
  const now = Math.min(audio.currentTime, facts.length_s);
  if (byId("now").textContent !== clock(now)) byId("now").textContent = clock(now);
  if (isMoved || audio.paused || Math.abs(now - Number(wave.getAttribute("aria-valuenow"))) >= 5) {
    wave.setAttribute("aria-valuenow", String(Math.floor(now)));
    wave.setAttribute("aria-valuetext", say("time_of", { time: clock(now), total: clock(facts.length_s) }));
  }
  hooks.follow?.(now);
  draw();
}

function animate() {
  if (isOver || audio.paused) return;
  repeat();
  follow();
  requestAnimationFrame(animate);
}

// -- what a person does -----------------------------------------------------------------------------------

export const ACTIONS = {
  play: toggle,
  start: () => seek(0),
  end: () => seek(facts.length_s),
  "back-10": skip(-10),
  "back-5": skip(-5),
  "back-1": skip(-1),
  "forward-1": skip(1),
  "forward-5": skip(5),
  "forward-10": skip(10),
  both: () => chooseChannel(null),
  first: () => chooseChannel(0),
  second: () => chooseChannel(1),
  slower: () => changeSpeed(-1),
  faster: () => changeSpeed(1),
  "loop-start": () => markLoop("begin"),
  "loop-end": () => markLoop("end"),
  "loop-repeat": toggleLoop,
  "loop-clear": clearLoop,
  help: () => (byId("help").open ? byId("help").close() : byId("help").showModal()),
  done,
};
export const KEYS = {
  " ": "play",
  Home: "start",
  End: "end",
  j: "back-10",
  ArrowLeft: "back-5",
  "Shift+ArrowLeft": "back-1",
  "Shift+ArrowRight": "forward-1",
  ArrowRight: "forward-5",
  l: "forward-10",
  0: "both",
  1: "first",
  2: "second",
  "-": "slower",
  "+": "faster",
  "=": "faster", // the key of + without shift, on an American keyboard
  "[": "loop-start",
  "]": "loop-end",
  o: "loop-repeat",
  "Shift+o": "loop-clear",
  "?": "help",
  q: "done",
};
export const ONCE = new Set(["play", "help", "done", "loop-repeat"]); // not again while the key is held down

// The key's name; a letter or an arrow with its Shift. Brackets are behind AltGr or Option on many keyboards.
function keyOf(event) {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.altKey) return "Ctrl+z";
  const isBracket = event.altKey && ["[", "]"].includes(event.key);
  if (event.metaKey || (!isBracket && (event.ctrlKey || event.altKey))) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.shiftKey && /^(\p{L}|Arrow.*)$/u.test(key) ? `Shift+${key}` : key;
}

function press(event) {
  const key = keyOf(event);
  const action = KEYS[key];
  const isNative = event.target.closest("button, input") && (key === " " || key === "Enter");
  if (!facts || isOver || isNative || event.defaultPrevented) return;
  if (document.querySelector(`dialog[open]:not([data-of="${action}"])`)) return;
  if (event.target === wave && (key === "PageUp" || key === "PageDown")) {
    event.preventDefault();
    return skip(key === "PageUp" ? 30 : -30)();
  }
  // Without the keys the slider still has those that every slider has.
  const isSliders = event.target === wave && /^(Arrow(Left|Right)|Home|End)$/.test(key);
  if (!action || (!byId("use-keys").checked && !isSliders)) return;
  event.preventDefault();
  if (!(event.repeat && ONCE.has(action))) ACTIONS[action]();
}

export function onAction(action, act) {
  button(action).addEventListener("click", () => act());
}

function drag(event) {
  if (!facts || isOver) return;
  const isHeld = event.type === "pointerdown" ? event.button === 0 : wave.hasPointerCapture(event.pointerId);
  if (!isHeld) return;
  if (event.type === "pointerdown") wave.setPointerCapture(event.pointerId);
  if (!hooks.drag?.(event)) seek(timeAt(event));
}

for (const [action, act] of Object.entries(ACTIONS)) onAction(action, act);
document.addEventListener("keydown", press);
wave.addEventListener("pointerdown", drag);
wave.addEventListener("pointermove", drag);
// A click with the mouse leaves the focus where it is, so that the space bar goes on to play and pause.
byId("player").addEventListener("mousedown", (event) => event.target.closest("button") && event.preventDefault());

let waiting = 0;
const playing = () => hooks.playing?.() ?? "now_playing";

export function listenTo(sound) {
  const on = (kind, act) => sound.addEventListener(kind, () => sound === audio && act());
  on("play", () => {
    showPlaying();
    announce(playing(), { time: clock(audio.currentTime) });
    before = audio.currentTime;
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) requestAnimationFrame(animate);
  });
  on("pause", () => {
    showPlaying();
    clearTimeout(waiting);
    if (isOver || !audio.paused) return;
    announce(audio.ended ? "now_end" : "now_paused", { time: clock(audio.currentTime) });
    const isPlayedOut = audio.ended || (stop !== null && audio.currentTime >= stop.at);
    endStretch();
    useSound(sounds[0]);
    follow({ isMoved: true });
    reportHeard();
    hooks.stopped?.(isPlayedOut);
  });
  on("waiting", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => audio.paused || announce("now_waiting"), 500);
  });
  on("playing", () => {
    clearTimeout(waiting);
    if (byId("status").textContent === say("now_waiting")) announce(playing(), { time: clock(audio.currentTime) });
  });
  on("error", () => isOver || !audio.hasAttribute("src") || announce("sound_broken"));
  on("seeked", () => facts && follow({ isMoved: audio.paused }));
  // The frames of `animate` stop in a hidden window; this goes on.
  on("timeupdate", () => {
    if (!facts || isOver) return;
    if (!audio.paused) repeat();
    follow();
    hooks.lookWhatIsHeard?.();
  });
  on("ended", () => !isOver && repeat());
}

listenTo(audio);
setInterval(() => audio.paused || reportHeard(), 1000 * REPORT_EVERY);
addEventListener("pagehide", () => reportHeard({ isLeaving: true }));
addEventListener("leaving", (event) => hooks.keepsOpen?.() && event.preventDefault()); // the desk would leave it
addEventListener("hashchange", () => location.reload()); // another address of this program, in the same window
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
