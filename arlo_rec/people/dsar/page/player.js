"use strict";
// What the letter does beside being read: the pictures of the sounds follow them and can be clicked, and paper gets what
// is folded away, and the number of the case in its margin. Nothing here is needed to read or to listen.

{
  const waveOf = (audio) => audio.parentElement.querySelector(".wave");

  // The part that was heard, in colour. Media events do not bubble: they are caught on their way down.
  function follow(event) {
    const audio = event.target;
    const wave = audio.localName === "audio" ? waveOf(audio) : null;
    if (wave === null) return;
    const left = 100 - (100 * audio.currentTime) / Number(wave.dataset.seconds);
    wave.querySelector(".heard").style.clipPath = `inset(0 ${Math.max(left, 0)}% 0 0)`;
  }

  // A click on the picture goes there. A sound that is not decrypted yet comes with the play, and goes there when it is.
  function seek(event) {
    const wave = event.target.closest(".wave");
    if (wave === null) return;
    const audio = wave.parentElement.querySelector("audio");
    const box = wave.getBoundingClientRect();
    const place = (Number(wave.dataset.seconds) * (event.clientX - box.left)) / box.width;
    const go = () => {
      if (!(audio.duration > place)) return;
      audio.removeEventListener("loadedmetadata", go);
      audio.currentTime = place;
    };
    audio.addEventListener("loadedmetadata", go);
    go();
    audio.play().catch(() => {});
  }

  // On paper everything is open; afterwards it is as it was.
  function unfold() {
    for (const part of document.querySelectorAll("details:not([open])")) {
      part.open = true;
      part.dataset.folded = "";
    }
  }

  function fold() {
    for (const part of document.querySelectorAll("details[data-folded]")) {
      part.open = false;
      delete part.dataset.folded;
    }
  }

  // The number of the case is not known to the style sheet: it is in the letter alone.
  function run() {
    const title = document.querySelector("[data-running]");
    const text = title.dataset.running.replace(/[^\p{L}\p{N} ]/gu, "");
    document.styleSheets[0].insertRule(`@page { @top-left { content: "${text}"; } }`);
  }

  document.addEventListener("timeupdate", follow, true);
  document.addEventListener("seeked", follow, true);
  document.addEventListener("click", seek);
  document.addEventListener("letter", run);
  window.addEventListener("beforeprint", unfold);
  window.addEventListener("afterprint", fold);
}
