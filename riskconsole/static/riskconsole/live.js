"use strict";

/* Keeps an open page true. A frame is only a hint: what changed is fetched from the server, which
   formats every number; here only ages are counted. */

(() => {
  const WAITS = [1, 2, 4, 8, 15];
  const HINT_GAP = 1000;
  const POLL_GAP = 3000;
  const LOST_AFTER = 3000;
  const GREY_AFTER = 3;
  const STALE_AFTER = 10;
  const LATE_AFTER = 3;
  const AMBER_UNDER = 3600;
  const CHECKS_AT_LEAST_EVERY = 5000;

  const find = (id) => document.getElementById(id);
  const region = find("live-region");
  const dialog = find("dialog");
  const plainTitle = document.title;

  let socket = null;
  let sequence = 0;
  let epoch = null;
  let failures = 0;
  let retryAt = 0;
  let heardAt = Date.now();
  let isOver = false;

  let clockOffset = 0;
  let valuesAt = Date.now();
  let checkedAt = 0;
  let fetchedAt = Date.now();
  let isFetching = false;
  let isWanted = false;

  /* The socket */

  function connect() {
    retryAt = 0;
    sequence = 0;
    epoch = null;
    socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws/live/");
    socket.onmessage = (event) => take(JSON.parse(event.data));
    socket.onclose = (event) => {
      socket = null;
      if (event.code === 4401) end("You were signed out.");
      else if (event.code === 4403) end("Your rights were changed.");
      else retryLater();
    };
  }

  function retryLater() {
    const wait = WAITS[Math.min(failures++, WAITS.length - 1)];
    retryAt = Date.now() + 1000 * (wait + Math.random() / 2);
  }

  function take(frame) {
    const isGap = epoch !== null && (frame.epoch !== epoch || frame.sequence !== sequence + 1);
    sequence = frame.sequence;
    epoch = frame.epoch;
    failures = 0;
    if (frame.type !== "feed.state" || frame.is_connected) heardAt = Date.now();
    if (isGap) socket.send('{"type":"resync"}');
    const isUrgent = ["breaker.changed", "trip.progress", "close.progress", "request.changed", "snapshot"].includes(frame.type);
    if (isUrgent) refresh();
    else if (frame.type !== "feed.state") isWanted = true;
  }

  function end(why) {
    isOver = true;
    find("signed-out").querySelector("[data-why]").textContent = why;
    find("signed-out").hidden = false;
    find("lost").hidden = true;
  }

  /* The page, fetched again */

  async function refresh() {
    if (isFetching) {
      isWanted = true;
      return;
    }
    isFetching = true;
    isWanted = false;
    fetchedAt = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { "HX-Request": "true" } });
      if (answer.redirected || answer.status === 404) end("You were signed out, or may not see this page any more.");
      else if (answer.ok) show(await answer.text());
    } catch {
      /* The strip says that the feed is lost; the next try comes by itself. */
    } finally {
      isFetching = false;
    }
  }

  function show(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    const focused = document.activeElement;
    morphChildren(region, fresh.content.getElementById("live-region") ?? fresh.content);
    if (focused !== document.activeElement && region.contains(focused)) focused.focus();
    htmx.process(region);
    readShell();
    countNewEntries();
    document.dispatchEvent(new Event("riskconsole:refreshed"));
  }

  function readShell() {
    const shell = region.querySelector("[data-key=shell]").dataset;
    clockOffset = Date.parse(shell.now) - Date.now();
    valuesAt = Date.parse(shell.now);
    checkedAt = Date.parse(shell.checked) || 0;
    const count = Number(shell.triggered);
    document.title = (count ? `⛔ ${count} triggered · ` : "") + plainTitle;
    const icon = find("favicon");
    const address = `${icon.dataset.folder}favicon-${shell.worst}.svg`;
    if (icon.getAttribute("href") !== address) icon.setAttribute("href", address);
  }

  /* The log under the reader's eyes stays as it is; a pill offers what came since. */
  function countNewEntries() {
    const log = region.querySelector("[data-key=log][data-log-length]");
    const head = region.querySelector("[data-key=head][data-log-length]");
    if (!log || !head) return;
    const count = Number(head.dataset.logLength) - Number(log.dataset.logLength);
    const pill = log.querySelector(".pill");
    const words = `${count} new ${count === 1 ? "entry" : "entries"}`;
    pill.hidden = count <= 0;
    if (pill.textContent !== words) pill.textContent = words;
  }

  const keyOf = (node) => (node.nodeType === 1 && node.dataset.key) || node.id || "";
  const isSame = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== 1) {
      old.nodeValue = fresh.nodeValue;
      return;
    }
    if ("keep" in old.dataset) return;
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    morphChildren(old, fresh);
  }

  function morphChildren(old, fresh) {
    const have = [...old.childNodes];
    const want = [...fresh.childNodes];
    if (have.length === want.length && want.every((node, at) => isSame(node, have[at]))) {
      want.forEach((node, at) => morph(have[at], node));
      return;
    }
    const keyed = new Map(have.filter(keyOf).map((node) => [keyOf(node), node]));
    const next = want.map((node) => {
      const known = keyOf(node) && keyed.get(keyOf(node));
      if (!known || !isSame(known, node)) return node;
      morph(known, node);
      return known;
    });
    const isHeld = old.matches?.("[data-rows]:is(:hover, :focus-within)");
    const isReorder = keyed.size === next.filter(keyOf).length && next.every((node) => !keyOf(node) || node.parentNode === old);
    if (!(isHeld && isReorder)) old.replaceChildren(...next);
  }

  /* Time */

  const now = () => Date.now() + clockOffset;
  const clock = (at) => new Date(at).toISOString().slice(11, 19);

  function ageText(seconds) {
    if (seconds < 10) return `${(Math.ceil(seconds * 10) / 10).toFixed(1)} s`;
    if (seconds < 60) return `${Math.ceil(seconds)} s`;
    if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
    return seconds < 172800 ? `${Math.ceil(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
  }

  function leftText(seconds) {
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor((seconds % 3600) / 60);
    if (hours) return `${hours} h ${minutes} min`;
    return minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
  }

  function countAges() {
    for (const element of region.querySelectorAll("[data-age]")) {
      const seconds = Math.max(0, (now() - Date.parse(element.dataset.age)) / 1000);
      const isStale = "check" in element.dataset && seconds >= STALE_AFTER;
      element.textContent = (isStale ? "stale " : "") + ageText(seconds);
      if ("check" in element.dataset) colourAge(element, seconds, isStale);
      if ("pulse" in element.dataset) element.classList.toggle("t-trip", seconds >= LATE_AFTER);
    }
    for (const element of region.querySelectorAll("[data-until]")) {
      const seconds = Math.max(0, (Date.parse(element.dataset.until) - now()) / 1000);
      element.textContent = leftText(seconds);
      element.classList.toggle("t-warn", seconds < AMBER_UNDER);
    }
    find("clock").textContent = `${clock(now())} UTC`;
  }

  function colourAge(element, seconds, isStale) {
    element.classList.toggle("mid", seconds < GREY_AFTER);
    element.classList.toggle("dim", seconds >= GREY_AFTER && !isStale);
    element.classList.toggle("t-warn", isStale);
  }

  function showFeed() {
    const silence = Date.now() - heardAt;
    const isLost = socket === null || silence > LOST_AFTER;
    const isWaiting = isLost && silence <= LOST_AFTER;
    const pill = find("live");
    pill.dataset.state = isWaiting ? "wait" : isLost ? "down" : "up";
    const word = isWaiting ? "Connecting" : isLost ? `Offline ${ageText(silence / 1000)}` : "Live";
    if (pill.lastElementChild.textContent !== word) pill.lastElementChild.textContent = word;
    region.classList.toggle("is-lost", isLost && !isWaiting);
    const strip = find("lost");
    strip.hidden = isOver || !isLost || isWaiting;
    strip.querySelector("[data-lost]").textContent = ageText(silence / 1000);
    strip.querySelector("[data-values-at]").textContent = clock(valuesAt);
    const wait = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
    strip.querySelector("[data-next-try]").textContent = socket ? "" : `Next try in ${wait} s.`;
  }

  function tick() {
    countAges();
    showFeed();
    if (isOver) return;
    if (socket === null && Date.now() >= retryAt) connect();
    const isUnchecked = checkedAt && now() - checkedAt > CHECKS_AT_LEAST_EVERY;
    const gap = isWanted || isUnchecked ? HINT_GAP : POLL_GAP;
    if (Date.now() - fetchedAt >= gap) refresh();
  }

  /* Dialogs, forms, tooltips */

  document.addEventListener("htmx:beforeSwap", (event) => {
    // A second answer to the question that opened it must not wipe what is being typed.
    const { target, requestConfig } = event.detail;
    if (target === dialog && dialog.querySelector("form") && dialog.open && requestConfig.verb === "get") {
      event.detail.shouldSwap = false;
    }
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === dialog && !dialog.open) dialog.showModal();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("dialog [data-close]")) {
      event.preventDefault();
      dialog.close();
    }
  });

  document.addEventListener("submit", (event) => {
    if ("once" in event.target.dataset) setTimeout(() => (event.submitter.disabled = true));
  });

  document.addEventListener("mouseover", (event) => {
    const time = event.target.closest("time[datetime]");
    if (time) time.title = new Date(time.dateTime).toLocaleString();
  });

  find("reconnect").addEventListener("click", () => {
    if (socket) socket.close();
    retryAt = 0;
    refresh();
  });

  readShell();
  connect();
  tick();
  setInterval(tick, 250);
})();
