// One session: its facts, the player, and its text, which leads into the player.
"use strict";

(function (evidence) {
  const { make, wordsOf, marked, clock, when, facts } = evidence;
  const LONGEST_PAUSE = 2;
  const LINES = 2000;
  const AFTER = 0.01; // seconds, so that what happens at a moment is seen when it is gone to
  const waiting = new Map();
  let player = null;
  let moments = null;
  let playing = false;

  // Scripts of the bundle hand their content over by these two.
  evidence.recording = (session, lines) => arrived("recording " + session, lines);
  evidence.text = (session, lines) => arrived("text " + session, lines);

  function arrived(key, lines) {
    const given = waiting.get(key);
    if (given) given(lines);
  }

  // Gives what a script of one session hands over; it is not kept.
  function load(session, what) {
    return new Promise((resolve, reject) => {
      const script = make("script", { src: `page/${session}.${what}.js` });
      const done = (lines) => {
        waiting.delete(`${what} ${session}`);
        script.remove();
        resolve(lines);
      };
      waiting.set(`${what} ${session}`, done);
      script.addEventListener("error", () => {
        script.remove();
        reject(new Error(`page/${session}.${what}.js cannot be read`));
      });
      document.head.append(script);
    });
  }

  // Gives a recording whose pauses are shortened, and how to find a moment of the session in it.
  function shortened(lines, longest) {
    const [header, ...events] = lines;
    const from = [0];
    const to = [0];
    const played = events.map(([at, code, data]) => {
      const gap = Math.max(0, at - from[from.length - 1]);
      from.push(Math.max(at, from[from.length - 1]));
      to.push(to[to.length - 1] + Math.min(gap, longest));
      return [to[to.length - 1], code, data];
    });
    return { data: [header, ...played], find: (at) => between(from, to, at), back: (at) => between(to, from, at) };
  }

  function between(from, to, at) {
    let low = 0;
    let high = from.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (from[middle] <= at) low = middle;
      else high = middle - 1;
    }
    const left = at - from[low];
    return to[low] + (low + 1 < to.length ? Math.min(left, to[low + 1] - to[low]) : 0);
  }

  function stop() {
    if (player) player.dispose();
    player = null;
    moments = null;
  }

  // Shows a session in an element, at a moment of it.
  async function show(element, row, at, words) {
    stop();
    const screen = make("div", { class: "screen", "aria-label": "Player" });
    const text = make("div", { class: "lines", tabindex: "0", role: "region", "aria-label": "Text" });
    element.replaceChildren(
      make("h1", {}, make("code", {}, row.command || "(its recording is not in this bundle)")),
      make("div", { class: "session" },
        make("div", {}, screen, row.played ? "" : make("p", { class: "notice" },
          "The page plays the beginning of this recording; the files below have all of it."), details(row)),
        make("div", { class: "side" }, text)));
    if (!row.kept) {
      screen.replaceWith(make("p", { class: "notice bad" },
        "This session is in the ledger, and its recording was not in the record any more when this was exported."));
      return;
    }
    try {
      const [recording, lines] = await Promise.all([load(row.session, "recording"), load(row.session, "text")]);
      if (!element.contains(screen)) return;
      play(screen, recording, at);
      list(text, lines, words);
    } catch (error) {
      screen.replaceWith(make("p", { class: "notice bad" }, error.message));
    }
  }

  function play(screen, recording, at) {
    moments = shortened(recording, LONGEST_PAUSE);
    const start = at ? moments.find(at) + AFTER : 0;
    player = window.AsciinemaPlayer.create({ data: moments.data }, screen, {
      fit: "width", terminalFontSize: "small", startAt: start, poster: `npt:${start || 1}`,
      preload: true, controls: true, theme: "asciinema",
    });
    playing = false;
    player.addEventListener("playing", () => { playing = true; });
    player.addEventListener("pause", () => { playing = false; });
    player.addEventListener("ended", () => { playing = false; });
  }

  function list(element, lines, words) {
    const filter = make("input", { type: "search", placeholder: "Find in this session", "aria-label": "Find in this session", input: fill });
    const body = make("div", {});
    const kinds = make("span", { class: "count", "aria-live": "polite" });
    const sorted = lines.map((line, index) => [line, index]).sort((a, b) => a[0][0] - b[0][0] || a[1] - b[1]).map(([line]) => line);
    filter.value = words || "";
    element.replaceChildren(make("div", { class: "tools" }, filter, kinds), body);
    fill();

    function fill() {
      const wanted = wordsOf(filter.value);
      const found = wanted.length ? sorted.filter((line) => wanted.every((word) => line[2].toLowerCase().includes(word))) : sorted;
      kinds.textContent = `${found.length} lines` + (found.length > LINES ? `, the first ${LINES} shown` : "");
      body.replaceChildren(...found.slice(0, LINES).map((line) => one(line, wanted)));
    }

    function one([at, kind, shown], wanted) {
      return make("button", { type: "button", class: "line " + kind, title: kind, click: () => seek(at) },
        make("span", { class: "at" }, clock(at)), make("span", { class: "kind" }, kind), make("code", {}, marked(shown, wanted)));
    }
  }

  function details(row) {
    const folder = `sessions/${row.session}/`;
    const masked = Object.entries(row.masked_by).map(([rule, count]) => `${count} ${rule}`).join(", ");
    return make("div", { class: "facts" },
      facts([
        ["Kind", row.kind === "exec" ? "" : "the container's own program" + (row.without_content ? ", recorded without content" : "")],
        ["User", row.user], ["Groups", row.groups.join(", ")],
        ["Where", `${row.namespace} / ${row.pod} / ${row.container}`], ["Node", row.node],
        ["Started", when(row.started) + " UTC"], ["Lasted", row.duration], ["Exit code", row.exit_code],
        ["Ended", row.how + (row.reason ? ": " + row.reason : "")],
        ["Decided by", `${row.action} (${row.policy}/${row.rule})`],
        ["Approval", row.approval ? make("a", { href: "#approvals/" + encodeURIComponent(row.approval) }, row.approval) : ""],
        ["Masked", masked || "nothing"], ["Masking", `${row.profile}, ${row.masking}`],
        ["Bytes", `${row.stdin_bytes} in, ${row.stdout_bytes} out, ${row.stderr_bytes} errors`],
        ["Programs", row.untraced ? "not all are recorded: " + row.untraced : `${row.programs}, ${row.denied} denied`],
        ["Gaps", row.gaps ? `${row.gaps}: something may be missing` : "none"], ["Clock skew", row.clock_skew],
        ["Session", row.session], ["Ledger entry", row.entry],
      ]),
      row.kept ? make("p", { class: "files" }, ["session.json", "events.jsonl", "session.cast"].map((name) =>
        [make("a", { href: folder + name }, name), " "])) : "");
  }

  // Goes to a moment of the session, in seconds.
  function seek(at) {
    if (player && moments) player.seek(moments.find(at) + AFTER);
  }

  // Obeys a key; gives whether it had a meaning.
  function press(event) {
    if (!player) return false;
    switch (event.key) {
      case " ":
        toggle();
        return true;
      case "ArrowLeft":
        move(-5);
        return true;
      case "ArrowRight":
        move(5);
        return true;
      case ".":
        if (player.step) player.step(1);
        return true;
      default:
        return false;
    }
  }

  function toggle() {
    if (playing) player.pause();
    else player.play();
  }

  async function move(seconds) {
    const time = await player.getCurrentTime();
    player.seek(Math.max(0, time + seconds));
  }

  Object.assign(evidence, { load, showSession: show, stopSession: stop, press });
})(window.evidence);
