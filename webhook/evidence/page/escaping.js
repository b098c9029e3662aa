// The only way from recorded text into the page: as text of elements, never as HTML.
// Control characters, invisible ones and those that turn the writing direction are shown as escapes.
"use strict";

window.evidence = {};

(function (evidence) {
  const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{110bd}\u{110cd}\u{13430}-\u{1345f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;

  // Gives text in which nothing is hidden.
  function printable(text) {
    return String(text).replace(INVISIBLE, function (found) {
      const code = found.codePointAt(0);
      if (code === 9) return "\\t";
      if (code === 10) return "\\n";
      if (code === 13) return "\\r";
      const [sign, length] = code < 0x100 ? ["\\x", 2] : code < 0x10000 ? ["\\u", 4] : ["\\U", 8];
      return sign + code.toString(16).padStart(length, "0");
    });
  }

  // Makes an element. Children are elements, or text that is made printable.
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child === undefined || child === null || child === "") continue;
      element.append(child instanceof Node ? child : printable(child));
    }
    return element;
  }

  // Gives the words and "quoted phrases" of a search, in small letters.
  function wordsOf(text) {
    return [...text.toLowerCase().matchAll(/"([^"]+)"|[^\s"]+/g)].map((found) => found[1] || found[0]);
  }

  // Gives text with every occurrence of words marked.
  function marked(text, words) {
    const parts = [];
    const low = text.toLowerCase();
    let at = 0;
    while (at < text.length) {
      let next = -1;
      let length = 0;
      for (const word of words) {
        const found = low.indexOf(word, at);
        if (found >= 0 && (next < 0 || found < next)) {
          next = found;
          length = word.length;
        }
      }
      if (next < 0) break;
      parts.push(text.slice(at, next), make("mark", {}, text.slice(next, next + length)));
      at = next + length;
    }
    parts.push(text.slice(at));
    return parts;
  }

  // Gives a time of the record shorter, in UTC as it is there.
  function when(text) {
    return text ? text.slice(0, 19).replace("T", " ") : "";
  }

  // Gives seconds as minutes and seconds.
  function clock(seconds) {
    const whole = Math.max(0, seconds);
    const minutes = Math.floor(whole / 60);
    return minutes + ":" + (whole - minutes * 60).toFixed(1).padStart(4, "0");
  }

  Object.assign(evidence, { printable, make, wordsOf, marked, when, clock });
})(window.evidence);
