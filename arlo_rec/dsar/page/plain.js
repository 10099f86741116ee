"use strict";
// The letter is there from the start, and its files lie beside it.

const fileUrl = async (name) => name;
document.addEventListener("DOMContentLoaded", () => document.dispatchEvent(new Event("letter")));
