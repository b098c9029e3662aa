// Tables that sort, filter and grow as they are read.
"use strict";

(function (evidence) {
  const { make, printable, wordsOf } = evidence;
  const PAGE = 200;
  const FEW = 12;

  // Gives a table of rows. Columns are [title, value(row), cell(row), kind]; without cell the value is shown.
  function table(rows, columns, options) {
    const given = options || {};
    const body = make("tbody");
    const more = make("button", { type: "button", class: "more", click: () => grow() });
    const count = make("span", { class: "count", "aria-live": "polite" });
    const filter = make("input", {
      type: "search", placeholder: "Filter", "aria-label": "Filter this table", input: () => show(),
    });
    const heads = columns.map(([title], column) =>
      make("th", { scope: "col" }, make("button", { type: "button", click: () => sort(column) }, title)));
    let order = rows.map((_, index) => index);
    let kept = order;
    let shown = 0;
    let sorted = -1;
    let turned = false;
    const texts = new Map();

    function textOf(index) {
      if (!texts.has(index)) texts.set(index, columns.map((column) => String(column[1](rows[index]))).join("\n").toLowerCase());
      return texts.get(index);
    }

    function sort(column) {
      turned = sorted === column ? !turned : false;
      sorted = column;
      const value = columns[column][1];
      order = rows.map((_, index) => index).sort((a, b) => compare(value(rows[a]), value(rows[b])) || a - b);
      if (turned) order.reverse();
      heads.forEach((head, index) => {
        if (index === sorted) head.setAttribute("aria-sort", turned ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      show();
    }

    function show() {
      const words = wordsOf(filter.value);
      kept = words.length ? order.filter((index) => words.every((word) => textOf(index).includes(word))) : order;
      body.replaceChildren();
      shown = 0;
      grow();
    }

    function grow() {
      for (const index of kept.slice(shown, shown + PAGE)) body.append(line(rows[index]));
      shown = Math.min(kept.length, shown + PAGE);
      count.textContent = kept.length === rows.length ? `${rows.length}` : `${kept.length} of ${rows.length}`;
      more.hidden = shown >= kept.length;
      more.textContent = `Show more (${kept.length - shown})`;
    }

    function line(row) {
      const cells = columns.map(([title, value, cell, kind]) =>
        make("td", { "data-title": title, class: kind || "" }, cell ? cell(row) : String(value(row))));
      return make("tr", { class: given.kind ? given.kind(row) : "" }, cells);
    }

    show();
    if (!rows.length) return make("p", { class: "empty" }, given.empty || "Nothing of this in the range.");
    return make("div", { class: "table" },
      make("div", { class: "tools" }, rows.length > FEW ? [filter, count] : ""),
      make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": given.title || "Table" },
        make("table", {}, make("thead", {}, make("tr", {}, heads)), body)),
      more);
  }

  function compare(a, b) {
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  }

  // Gives facts as a list of names and values; what is empty is left out.
  function facts(pairs) {
    return make("dl", {}, pairs.filter(([, value]) => value !== "" && value !== undefined && value !== null)
      .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value instanceof Node ? value : printable(value)))));
  }

  Object.assign(evidence, { table, facts });
})(window.evidence);
