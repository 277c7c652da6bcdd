// One dependency.

// Countdowns run between two updates, too.
const countdowns = new Set();

function sentence() {
  const node = el("p");
  const entry = { node, part: null, from: 0 };
  return {
    node,
    update(part) {
      entry.part = part;
      entry.from = performance.now();
      setAttr(node, "class", part.left == null ? "" : "soon");
      if (part.left == null) countdowns.delete(entry);
      else countdowns.add(entry);
      tick(entry);
    },
  };
}

function tick({ node, part, from }) {
  if (part.left == null) return setText(node, part.words);
  const left = part.left - (performance.now() - from) / 1000;
  setText(node, page.isLost ? `${part.words}?` : left > 0 ? `${part.words}${lasting(left)}.` : `${part.over}.`);
}

setInterval(() => {
  for (const entry of countdowns) {
    if (entry.node.isConnected) tick(entry);
    else countdowns.delete(entry);
  }
}, 250);

function runbookLink(text) {
  let address;
  try {
    address = new URL(text);
  } catch {
    return null;
  }
  // Names come from code and configuration; a link that runs script is none.
  if (address.protocol !== "https:" && address.protocol !== "http:") return null;
  return el("a", { href: address.href, target: "_blank", rel: "noopener noreferrer" }, "runbook");
}

// In a big outage the first few are shown in full, and the others in a line each.
const OPENED = 4;

function card(first) {
  const sign = shape("calm");
  const verdict = el("span", { class: "verdict" });
  const title = el("h2", {}, first.name);
  const who = el("span", { class: "who" });
  const facts = el("span", { class: "facts" });
  const small = sparkline("calls", "small");
  const summary = el("summary", {}, sign.node, verdict, title, who, facts, small.node);
  const why = el("div", { class: "why" });
  const sentences = new Keyed(why, sentence);
  const quick = el("div", { class: "quick" });
  const layers = el("tbody");
  const rows = new Keyed(layers, layerRow);
  const sparks = { calls: sparkline("calls", "calls"), rejected: sparkline("refused", "rejected"), failed: sparkline("failures", "failed"), in_flight: sparkline("in flight", "in_flight", count) };
  const events = eventList(5, false);
  const settings = settingsTable();
  const body = el(
    "div", { class: "body" },
    el("div", { class: "head" }, why, quick),
    el("div", { class: "sparks" }, ...Object.values(sparks).map((spark) => spark.node)),
    el("table", { class: "layers" },
      el("caption", { class: "unseen" }, "Layers, outermost first"),
      el("thead", { class: "unseen" }, el("tr", {}, ...["Layer", "State", "Measure", "Latency of the last minute", "Refused", "Change"].map((text) => el("th", { scope: "col" }, text)))),
      layers),
    el("div", { class: "under" },
      el("details", {}, el("summary", {}, "Events"), events.node),
      el("details", {}, el("summary", {}, "Settings in force"), settings.node)),
  );
  const node = el("details", { class: "card" }, summary, body);
  let chosen = false;
  // Who opens or closes a card by hand has it so; until then trouble opens it.
  summary.addEventListener("click", () => (chosen = true));
  return {
    node,
    update(stack) {
      const { kind, word } = RANKS[stack.rank];
      setAttr(node, "class", `card ${kind}`);
      sign.update(kind);
      setText(verdict, stack.worst?.control === "isolated" ? "isolated" : word);
      if (!chosen) node.open = stack.lately < CALM && stack.at < OPENED;
      updateWho(who, stack);
      setText(facts, node.open || stack.rank === CALM ? factsOf(stack) : stack.why[0]?.words ?? "");
      small.update(series(stack, "calls"));
      sentences.update(stack.why.map((part, index) => ({ ...part, index })), (part) => part.index);
      updateQuick(quick, stack);
      rows.update(stack.engines, keyOf);
      for (const [what, spark] of Object.entries(sparks)) {
        const values = series(stack, what);
        spark.update(values);
        // Without a breaker or bulkhead, nobody knows what is in flight.
        setHidden(spark.node, what === "in_flight" && values.length === 0);
      }
      events.update(page.events.filter((event) => event.stack === stack.name));
      settings.update(stack.engines);
    },
  };
}

function updateWho(node, stack) {
  const shown = `${stack.owner ?? ""}\n${stack.runbook ?? ""}`;
  if (node.dataset.shown === shown) return;
  node.dataset.shown = shown;
  node.replaceChildren(...[stack.owner ? el("span", {}, stack.owner) : null, stack.runbook ? runbookLink(stack.runbook) : null].filter(Boolean));
}

function factsOf(stack) {
  const facts = [];
  const { latency } = stack;
  if (latency) facts.push(`p95 ${short(latency.p95)}`);
  if (stack.amplification != null) facts.push(`${stack.amplification.toFixed(2)} attempts per call`);
  const refused = series(stack, "rejected").at(-1) ?? 0;
  if (refused > 0) facts.push(`${rate(refused)} refused`);
  return facts.join(" · ");
}

// What helps at 3 a.m. stands where one looks first.
function updateQuick(node, stack) {
  const breaker = stack.breaker;
  const shows = breaker && rankOf(breaker) !== CALM;
  const shown = shows ? `${keyOf(breaker)} ${isHeld(breaker)} ${page.overrides}` : "";
  if (node.dataset.shown === shown) return;
  node.dataset.shown = shown;
  node.replaceChildren(...(shows ? waysOut(breaker) : []));
}

function waysOut(breaker) {
  if (!page.overrides) {
    return [el("p", { class: "quiet" }, "To switch it off: ", el("code", {}, "breaker.bypass_for(..)"), " in code, or see below.")];
  }
  const ways = isHeld(breaker) ? [["Back to automatic…", "automatic"]] : [["Let calls through…", "bypass"], ["Close it now…", "reset"]];
  const open = (action) => openChange(page.engines.get(keyOf(breaker)) ?? breaker, action);
  return ways.map(([words, action]) => el("button", { type: "button", onclick: () => open(action) }, words));
}

function keyOf(engine) {
  return JSON.stringify([engine.stack, engine.layer, engine.name]);
}

function sameEngine(a, b) {
  return a.stack === b.stack && a.layer === b.layer && a.name === b.name;
}
