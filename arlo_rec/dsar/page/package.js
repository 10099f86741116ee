"use strict";
// Opens the letter with its passphrase. PBKDF2-HMAC-SHA-256 makes the key, AES-256-GCM opens and checks the content:
// a wrong passphrase and a changed file both fail there. Nothing leaves this page, and nothing is fetched into it.

const place = (id) => document.getElementById(id);

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function keyFrom(typed, salt, rounds) {
  const passphrase = new TextEncoder().encode(typed.trim().normalize("NFC"));
  const secret = await crypto.subtle.importKey("raw", passphrase, "PBKDF2", false, ["deriveKey"]);
  const method = { name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds };
  return crypto.subtle.deriveKey(method, secret, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
}

// The content as bytes, or null where the passphrase does not open it.
async function unsealed(typed) {
  const { textContent, dataset } = place("sealed");
  const key = await keyFrom(typed, bytesOf(dataset.salt), Number(dataset.rounds));
  const method = { name: "AES-GCM", iv: bytesOf(dataset.nonce) };
  try {
    return await crypto.subtle.decrypt(method, key, bytesOf(textContent));
  } catch (problem) {
    if (problem.name === "OperationError") return null;
    throw problem;
  }
}

// The letter is markup that was escaped when it was made; sounds and links get their content here.
function show(content) {
  const letter = place("letter");
  letter.innerHTML = content.letter_html;
  const urls = new Map(
    content.files.map((file) => [
      file.name,
      URL.createObjectURL(new Blob([bytesOf(file.base64)], { type: file.mediatype })),
    ]),
  );
  for (const element of letter.querySelectorAll("[data-file]")) {
    const name = element.dataset.file;
    if (element.localName === "audio") {
      element.src = urls.get(name);
    } else {
      element.href = urls.get(name);
      element.download = name;
    }
  }
  place("sealed").remove();
  place("gate").remove();
  letter.hidden = false;
  letter.querySelector("h1").focus();
}

async function unlock(event) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  say("busy");
  try {
    const typed = place("passphrase").value;
    const content = typed.trim() === "" ? null : await unsealed(typed);
    if (content === null) askAgain();
    else show(JSON.parse(new TextDecoder().decode(content)));
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
