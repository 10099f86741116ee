"use strict";
// Opens the letter with its passphrase, and each file when it is first needed. PBKDF2-HMAC-SHA-256 makes the key,
// AES-256-GCM opens and checks each part: a wrong passphrase and a changed file both fail there. Nothing leaves this
// page, and nothing is fetched into it.
//
// In the letter, <audio data-file="NAME"> gets its sound when it is first played, and <a data-file="NAME"> its file when
// it is first followed. Other scripts of the page ask `fileUrl(NAME)` for the address of a file, and wait for the event
// "letter" of the document, which says that the letter is shown.

const place = (id) => document.getElementById(id);
const ASSOCIATED = new TextEncoder().encode("arlo-rec access page 2");
const files = new Map();
let parts = [];
let key = null;

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function keyFrom(typed) {
  const { salt, rounds } = place("letter").dataset;
  const passphrase = new TextEncoder().encode(typed.trim().normalize("NFC"));
  const secret = await crypto.subtle.importKey("raw", passphrase, "PBKDF2", false, ["deriveKey"]);
  const method = { name: "PBKDF2", hash: "SHA-256", salt: bytesOf(salt), iterations: Number(rounds) };
  return crypto.subtle.deriveKey(method, secret, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
}

// The part with that number as bytes. Its nonce is the number in 11 bytes, then 1 for the part that ends the page.
async function unsealed(number, last) {
  const nonce = new DataView(new ArrayBuffer(12));
  nonce.setUint32(7, number);
  nonce.setUint8(11, last);
  const method = { name: "AES-GCM", iv: nonce.buffer, additionalData: ASSOCIATED };
  return crypto.subtle.decrypt(method, key, bytesOf(parts[number].textContent));
}

// The letter and the list of files, or null where the passphrase does not open it.
async function content(typed) {
  while (document.readyState === "loading") await new Promise((next) => setTimeout(next, 20));
  parts = [...document.querySelectorAll("script[type='application/octet-stream;base64']")];
  key = await keyFrom(typed);
  try {
    return JSON.parse(new TextDecoder().decode(await unsealed(parts.length - 1, 1)));
  } catch (problem) {
    if (problem.name === "OperationError") return null;
    throw problem;
  }
}

// The address of a file of this page; it is decrypted once, at the first call.
function fileUrl(name) {
  const file = files.get(name);
  file.url ??= opened(file);
  return file.url;
}

async function opened({ mediatype, first, parts: count }) {
  const pieces = [];
  for (let number = first; number < first + count; number += 1) {
    pieces.push(await unsealed(number, 0));
    parts[number].remove();
    parts[number] = null;
  }
  return URL.createObjectURL(new Blob(pieces, { type: mediatype }));
}

// A WAV of two silent samples, in place of a sound that was not decrypted yet: a player without a sound cannot be used,
// and is told to screen readers as broken.
const SILENCE = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA==";
const NOT_YET = URL.createObjectURL(new Blob([bytesOf(SILENCE)], { type: "audio/wav" }));

async function playFirst(event) {
  const audio = event.target;
  if (audio.src !== NOT_YET) return;
  audio.src = await fileUrl(audio.dataset.file);
  audio.play();
}

// Another link is followed, because one that the keyboard just activated cannot be clicked once more.
async function follow(event) {
  event.preventDefault();
  const name = event.currentTarget.dataset.file;
  const link = document.createElement("a");
  link.href = await fileUrl(name);
  link.download = name;
  link.click();
}

// A file in another page of an archive: a link to that page, in place of a player.
function pointTo(element, page, listen) {
  const link = element.localName === "audio" ? document.createElement("a") : element;
  link.href = page;
  if (link === element) return;
  link.textContent = `${listen} ${page}`;
  element.replaceWith(link);
}

// The letter is markup that was escaped when it was made.
function show({ letter_html: markup, files: named }) {
  const letter = place("letter");
  letter.innerHTML = markup;
  for (const file of named) files.set(file.name, file);
  for (const element of letter.querySelectorAll("[data-file]")) {
    const { page } = files.get(element.dataset.file);
    if (page) {
      pointTo(element, page, letter.dataset.elsewhere);
    } else if (element.localName === "audio") {
      element.preload = "none";
      element.src = NOT_YET;
      element.addEventListener("play", playFirst);
    } else {
      element.href = "#";
      element.addEventListener("click", follow);
    }
  }
  place("gate").remove();
  letter.hidden = false;
  letter.querySelector("h1").focus();
  document.dispatchEvent(new Event("letter"));
}

async function unlock(event) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  say("busy");
  try {
    const typed = place("passphrase").value;
    const found = typed.trim() === "" ? null : await content(typed);
    if (found === null) askAgain();
    else show(found);
  } catch (problem) {
    say("unsupported");
    throw problem;
  } finally {
    button.disabled = false;
  }
}

function askAgain() {
  const field = place("passphrase");
  say("wrong");
  field.setAttribute("aria-invalid", "true");
  field.focus();
  field.select();
}

function say(code) {
  const status = place("status");
  status.className = code === "busy" ? "" : "problem";
  status.textContent = status.dataset[code];
}

place("show").addEventListener("change", (event) => {
  place("passphrase").type = event.target.checked ? "text" : "password";
});
place("unlock").addEventListener("submit", unlock);
if (!window.crypto || !window.crypto.subtle) say("unsupported");
