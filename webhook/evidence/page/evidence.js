// The pages: which part is shown, and the search over all sessions.
"use strict";

(function (evidence) {
  const { make, wordsOf, marked, when, clock, table, facts } = evidence;
  const MOST_HITS = 500;
  const data = { summary: null, sessions: [], "audit-events": [], approvals: [], policies: [], "access-review": [], unsealed: [] };
  const main = document.getElementById("main");
  const words = document.getElementById("words");
  let searching = 0;

  const PARTS = [
    ["summary", "Summary", summary], ["sessions", "Sessions", sessions], ["events", "Events", events],
    ["approvals", "Approvals", approvals], ["policies", "Policies", policies], ["people", "Access review", people],
    ["ledger", "Ledger", ledger],
  ];

  // The bundle's script hands over everything by this.
  evidence.index = function (_, parts) {
    for (const [name, value] of parts) {
      if (name === "summary") data.summary = value;
      else data[name].push(value);
    }
    document.getElementById("asked").textContent = evidence.printable(data.summary.asked);
    document.title = "Evidence: " + evidence.printable(data.summary.asked);
    document.getElementById("ledger").textContent = `${data.summary.ledger.origin}, ${data.summary.ledger.size} entries`;
    window.addEventListener("hashchange", route);
    document.addEventListener("keydown", key);
    document.getElementById("search").addEventListener("submit", (event) => {
      event.preventDefault();
      location.hash = words.value.trim() ? "#search/" + encodeURIComponent(words.value.trim()) : "#summary";
    });
    route();
  };

  function route() {
    const [part, ...rest] = location.hash.replace(/^#/, "").split("/").map(decoded);
    searching += 1;
    evidence.stopSession();
    window.scrollTo(0, 0);
    tabs(part === "session" || part === "search" ? "sessions" : part || "summary");
    if (part === "session") return session(rest);
    if (part === "search") return search(rest[0] || "");
    const [, title, show] = PARTS.find(([name]) => name === part) || PARTS[0];
    return main.replaceChildren(make("h1", {}, title), ...show(rest));
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  function tabs(current) {
    const counts = {
      sessions: data.sessions.length, events: data["audit-events"].length, approvals: data.approvals.length,
      policies: data.policies.length, people: data["access-review"].length,
    };
    document.getElementById("tabs").replaceChildren(...PARTS.map(([name, title]) =>
      make("a", { href: "#" + name, "aria-current": name === current ? "page" : undefined }, title,
        counts[name] === undefined ? "" : make("span", { class: "count" }, String(counts[name])))));
  }

  function summary() {
    const found = data.summary;
    const counted = [
      [data.sessions.length, "sessions", "sessions"], [data["audit-events"].length, "audit events", "events"],
      [data.approvals.length, "approvals", "approvals"],
      [data.sessions.reduce((sum, row) => sum + row.masked, 0), "numbers masked", "sessions"],
      [data["audit-events"].filter((row) => row.outcome === "failure").length, "refusals and failures", "events"],
    ];
    return [
      make("ul", { class: "cards" }, counted.map(([count, what, part]) =>
        make("li", {}, make("a", { href: "#" + part }, make("strong", {}, String(count)), make("span", {}, what))))),
      found.complete ? "" : make("p", { class: "notice" }, "The range ends too late for this checkpoint: sessions that ended near its end may not be sealed yet."),
      make("h2", {}, "By requirement of PCI DSS v4.0.1"),
      table(found.requirements, [
        ["Requirement", (row) => row.number, (row) => make("a", { href: "#" + row.table }, make("strong", {}, row.number))],
        ["What is asked", (row) => row.asks],
        ["What the record shows", (row) => row.shows],
        ["To look at", (row) => row.attention, (row) => (row.attention ? make("span", { class: "badge warn" }, row.attention) : make("span", { class: "fine" }, "nothing"))],
      ], { title: "Requirements" }),
      ...(data.unsealed.length ? [make("h2", {}, "Let start, not sealed"),
        make("p", {}, "These sessions never began, or had not ended when the last checkpoint was signed. They have no recording here."),
        table(data.unsealed, [
          ["Time (UTC)", (row) => row.at, (row) => when(row.at), "time"], ["User", (row) => row.user],
          ["Namespace", (row) => row.namespace], ["Asked", (row) => row.asked, (row) => make("code", {}, row.asked), "long"],
          ["Session", (row) => row.session, undefined, "id"],
        ], { title: "Let start, not sealed" })] : []),
    ];
  }

  function sessions() {
    return [table(data.sessions, [
      ["Started (UTC)", (row) => row.started, (row) => when(row.started), "time"],
      ["User", (row) => row.user],
      ["Where", (row) => `${row.namespace}/${row.pod}/${row.container}`],
      ["Command", (row) => row.command, (row) => make("a", { href: "#session/" + row.session }, make("code", {}, row.command || row.session)), "long"],
      ["Lasted", (row) => parseFloat(row.duration) || 0, (row) => row.duration, "number"],
      ["Exit", (row) => (row.exit_code === null ? "" : row.exit_code), (row) => exit(row), "number"],
      ["Masked", (row) => row.masked, undefined, "number"],
      ["Notes", (row) => notes(row).map(([text]) => text).join(" "), (row) => notes(row).map(([text, kind]) => make("span", { class: "badge " + kind }, text))],
    ], { title: "Sessions", kind: (row) => (row.phase === "Interrupted" ? "bad" : "") })];
  }

  function exit(row) {
    if (row.exit_code === null) return "";
    return make("span", { class: row.exit_code ? "failed" : "" }, String(row.exit_code));
  }

  function notes(row) {
    return [
      row.tty && ["terminal", ""], row.approval && ["approved", "good"], row.gaps && [`${row.gaps} gaps`, "warn"],
      row.denied && [`${row.denied} programs denied`, "warn"], row.untraced && ["programs not all recorded", "warn"],
      row.how && row.how !== "exited" && [row.how, "warn"], row.kept || ["recording missing", "warn"],
    ].filter(Array.isArray);
  }

  function events() {
    return [table(data["audit-events"], [
      ["Time (UTC)", (row) => row.at, (row) => when(row.at), "time"],
      ["What", (row) => row.kind, (row) => make("span", { class: "badge " + (row.outcome === "failure" ? "warn" : "") }, row.kind)],
      ["Outcome", (row) => row.outcome], ["Who", (row) => row.actor],
      ["About", (row) => [row.namespace, row.about].filter(Boolean).join(" ")],
      ["Asked", (row) => row.asked, (row) => make("code", {}, row.asked), "long"],
      ["Decided by", (row) => [row.action, row.policy && `${row.policy}/${row.rule}`, row.would && "would " + row.would].filter(Boolean).join(" ")],
      ["Why", (row) => row.reason],
      ["Leads to", (row) => [row.session, row.approval].join(" "), leads],
      ["Entry", (row) => row.entry, undefined, "number"],
    ], { title: "Audit events", kind: (row) => (row.kind === "control-failed" ? "bad" : "") })];
  }

  function leads(row) {
    const there = data.sessions.some((one) => one.session === row.session);
    return [
      there ? make("a", { href: "#session/" + row.session }, "session") : "", " ",
      row.approval ? make("a", { href: "#approvals/" + encodeURIComponent(row.approval) }, "approval") : "",
    ];
  }

  function approvals([name]) {
    const rows = name ? data.approvals.filter((row) => row.name === name) : data.approvals;
    const list = rows.map((row) => make("article", { class: "approval" },
      make("h2", {}, make("code", {}, row.asked || row.name), " ", make("span", { class: "badge " + state(row) }, row.state),
        row.broken_glass ? make("span", { class: "badge " + (row.reviewed ? "" : "warn") }, row.reviewed ? "reviewed" : "not reviewed in this range") : ""),
      facts([
        ["Asked by", row.requester], ["Asked", row.asked_at ? when(row.asked_at) + " UTC" : "before this range"],
        ["About", `${row.namespace} ${row.about}`], ["Wanted by", `${row.policy}/${row.rule}`], ["Name", row.name],
      ]),
      table(row.verdicts, [
        ["Time (UTC)", (one) => one.at, (one) => when(one.at), "time"], ["Who", (one) => one.by],
        ["Verdict", (one) => one.verdict + (one.taken ? "" : " (refused)")], ["Why", (one) => one.reason],
      ], { title: "Verdicts", empty: "Nobody decided in this range." }),
      row.uses.length ? make("p", {}, "Used: ", row.uses.map(used)) : make("p", { class: "fine" }, "Not used in this range.")));
    return [name ? make("p", {}, make("a", { href: "#approvals" }, "All approvals")) : "", ...(list.length ? list : [make("p", { class: "empty" }, "No approvals in the range.")])];
  }

  function used(text) {
    const [at, id] = text.split(" ");
    const there = data.sessions.some((row) => row.session === id);
    return [when(at), " ", there ? make("a", { href: "#session/" + id }, id) : id, " "];
  }

  function state(row) {
    if (row.state === "approved" || row.state === "used" || row.state === "standing") return "good";
    return row.state === "denied" || row.state === "broken glass" ? "warn" : "";
  }

  function policies() {
    return [make("p", {}, "Which version of each policy decided, and since when. The first lines may be from before the range."),
      table(data.policies, [
        ["Since (UTC)", (row) => row.since, (row) => when(row.since), "time"], ["Policy", (row) => row.policy],
        ["Version", (row) => row.generation], ["SHA-256", (row) => row.digest, (row) => make("code", {}, row.digest), "id"],
        ["What", (row) => row.what], ["Seen by", (row) => row.origin], ["Entry", (row) => row.entry, undefined, "number"],
      ], { title: "Policies" })];
  }

  function people() {
    return [make("p", {}, "Who did what in the range, for the review of access (7.2.4, 7.2.5.1)."),
      table(data["access-review"], [
        ["User", (row) => row.user], ["Sessions", (row) => row.sessions, undefined, "number"],
        ["Changes", (row) => row.changes, undefined, "number"], ["Refused", (row) => row.refused, undefined, "number"],
        ["Asked", (row) => row.asked, undefined, "number"], ["Used", (row) => row.used, undefined, "number"],
        ["Approved by", (row) => row.approved_by.join(", ")], ["Verdicts", (row) => row.verdicts, undefined, "number"],
        ["Glass", (row) => row.glass, undefined, "number"], ["Reads", (row) => row.reads, undefined, "number"],
        ["Namespaces", (row) => row.namespaces.join(", ")],
        ["First (UTC)", (row) => row.first, (row) => when(row.first), "time"], ["Last (UTC)", (row) => row.last, (row) => when(row.last), "time"],
      ], { title: "Access review" })];
  }

  function ledger() {
    const found = data.summary.ledger;
    return [
      make("p", {}, "Everything on these pages follows from entries of an append-only ledger, each proven against the last signed checkpoint. The pages prove nothing by themselves: check the file with ",
        make("code", {}, "chaperone evidence verify"), "."),
      facts([
        ["Ledger", found.origin], ["Root", found.roots.join(", ")],
        ["Entries", `${found.disclosed} given; ${found.undisclosed} of others in the range, of which the file has hashes`],
        ["Checkpoint", `signed for ${found.size} entries; the range lies in those from ${found.start} on`],
        ["Sealed through", found.sealedThrough ? when(found.sealedThrough) + " UTC" : "unknown"], ["Written by version", data.summary.software],
      ]),
      make("h2", {}, "Checkpoints"),
      table(found.checkpoints, [
        ["Signed (UTC)", (row) => row.at, (row) => when(row.at), "time"], ["Entries", (row) => row.size, undefined, "number"],
        ["Sessions sealed that ended before (UTC)", (row) => row.sealedThrough, (row) => when(row.sealedThrough), "time"],
      ], { title: "Checkpoints" }),
      make("h2", {}, "Keys"), make("ul", {}, found.keys.map((one) => make("li", {}, make("code", {}, one)))),
    ];
  }

  function session([id, at, ...rest]) {
    const row = data.sessions.find((one) => one.session === id);
    if (!row) return main.replaceChildren(make("h1", {}, "No such session"), make("p", {}, make("a", { href: "#sessions" }, "All sessions")));
    return evidence.showSession(main, row, parseFloat(at) || 0, rest[0] || "");
  }

  // Looks through commands at once, and through the text of each session as it is loaded.
  async function search(text) {
    const mine = searching;
    const wanted = wordsOf(text);
    words.value = text;
    const status = make("p", { "aria-live": "polite", class: "fine" });
    const list = make("div", { class: "hits" });
    main.replaceChildren(make("h1", {}, "Found: ", text), status, list);
    let hits = 0;
    let looked = 0;
    const has = (line) => wanted.every((word) => line.toLowerCase().includes(word));
    const hit = (row, at, kind, line) => {
      hits += 1;
      if (hits > MOST_HITS) return;
      list.append(make("a", { class: "line " + kind, href: `#session/${row.session}/${at}/${encodeURIComponent(text)}` },
        make("span", { class: "at" }, when(row.started) + " +" + clock(at)), make("span", { class: "kind" }, kind),
        make("span", { class: "who" }, row.user), make("code", {}, marked(line, wanted))));
    };
    for (const row of data.sessions) {
      if (has(row.command)) hit(row, 0, "command", row.command);
      try {
        const lines = row.kept ? await evidence.load(row.session, "text") : [];
        if (mine !== searching) return;
        for (const [at, kind, line] of lines) if (has(line)) hit(row, at, kind, line);
      } catch (error) {
        list.append(make("p", { class: "notice bad" }, error.message));
      }
      looked += 1;
      status.textContent = `looking … ${hits} places in the first ${looked} of ${data.sessions.length} sessions`;
    }
    for (const row of data["audit-events"]) {
      const line = [row.asked, row.reason].filter(Boolean).join(": ");
      if (!line || !has(line)) continue;
      hits += 1;
      if (hits <= MOST_HITS) {
        list.append(make("a", { class: "line", href: "#events" }, make("span", { class: "at" }, when(row.at)),
          make("span", { class: "kind" }, row.kind), make("span", { class: "who" }, row.actor), make("code", {}, marked(line, wanted))));
      }
    }
    status.textContent = `${hits} places in ${data.sessions.length} sessions and ${data["audit-events"].length} events`
      + (hits > MOST_HITS ? `, the first ${MOST_HITS} shown` : "");
  }

  function key(event) {
    const typing = event.target instanceof HTMLInputElement;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !typing) {
      words.focus();
      words.select();
      event.preventDefault();
    } else if (event.key === "Escape") {
      if (typing) event.target.blur();
      else if (location.hash.startsWith("#session/")) history.back();
    } else if (!typing && !inControl(event) && evidence.press(event)) event.preventDefault();
  }

  // Whether the focused element has a use of its own for the key.
  function inControl(event) {
    return event.target instanceof Element && Boolean(event.target.closest(".ap-player")
      || (event.key === " " && event.target.closest("button, a")));
  }
})(window.evidence);
