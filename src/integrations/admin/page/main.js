// What is known, and how it gets onto the page.

const page = { engines: new Map(), events: [], tick: -1, mode: "enforce", overridden: null, overrides: false, now: 0, isLost: false };

// So that a card does not jump while its breaker tries, a stack keeps its worst place for a while.
const STAYS = 10000;
const places = new Map();

const cards = new Keyed(byId("stacks"), card);
const past = eventList(30, true, byId("events"));
const processWords = sentence();

function show(next) {
  heard = performance.now();
  const isNewer = next.tick > page.tick;
  const engines = new Map();
  for (const engine of next.engines) engines.set(keyOf(engine), engineOf(engine, page.engines.get(keyOf(engine)), isNewer));
  Object.assign(page, next, { engines });
  const stacks = byStack([...engines.values()]);
  stacks.forEach((stack, at) => (stack.at = at));
  cards.update(stacks, (stack) => stack.name);
  past.update(page.events);
  showProcess();
  showTally(stacks);
  showFoot();
  showLink();
}

function byStack(engines) {
  const groups = Map.groupBy(engines, (engine) => engine.stack);
  const stacks = [...groups].map(([name, members]) => new Stack(name, members));
  const now = performance.now();
  for (const stack of stacks) {
    const { name, rank } = stack;
    const held = places.get(name);
    if (!held || rank <= held.rank || now > held.until) places.set(name, { rank, until: now + STAYS });
    stack.lately = places.get(name).rank;
  }
  for (const name of places.keys()) if (!groups.has(name)) places.delete(name);
  return stacks.sort((a, b) => a.lately - b.lately || a.name.localeCompare(b.name));
}

function showTally(stacks) {
  const told = RANKS.map(({ word }, rank) => [stacks.filter((stack) => stack.rank === rank).length, word]).filter(([number]) => number > 0);
  const words = told.map(([number, word]) => `${number} ${word}`).join(" · ") || "No engines yet: they appear when layers are made.";
  setText(byId("tally"), words);
  const cut = stacks.filter((stack) => stack.rank === OPEN).length;
  document.title = cut > 0 ? `(${cut} cut off) buttress` : "buttress";
}

function showProcess() {
  const banner = byId("process");
  const calm = page.mode === "enforce";
  setHidden(banner, calm);
  if (calm) return;
  if (!processWords.node.isConnected) banner.replaceChildren(processWords.node);
  const { reason, by, remaining } = page.overridden ?? {};
  const what = page.mode === "off" ? "Every engine of this process is switched off: nothing is rejected, ended or repeated" : "Dry run of the whole process: engines count what they would do and let everything through";
  const words = `${what}${by ? `, by ${by}` : ""}${reason ? `: ${reason}` : ""}.`;
  processWords.update(remaining == null ? { words } : { words: `${words} Ends in `, over: `${words} Is over`, left: remaining });
}

function showFoot() {
  const shown = `${page.overrides} ${page.duplicates} ${page.unlisted} ${page.without_history} ${page.unauthorized}`;
  const foot = byId("foot");
  if (foot.dataset.shown === shown) return;
  foot.dataset.shown = shown;
  const parts = [];
  if (page.overrides) parts.push(el("button", { type: "button", onclick: () => openChange(null) }, "Mode of the whole process…"));
  else parts.push(el("p", {}, "Read-only. To change things from here, the program switches it on: ", el("code", {}, "Admin::new().overrides(token)"), ". In code, ", el("code", {}, "breaker.bypass_for(..)"), " lets calls through and ", el("code", {}, "Registry::global().set_mode(..)"), " switches everything."));
  if (page.duplicates > 0) parts.push(el("p", {}, `${count(page.duplicates)} engines have the same stack, layer and name as another one and got a number: their state is not shared.`));
  if (page.unlisted > 0) parts.push(el("p", {}, `${count(page.unlisted)} engines more are not shown.`));
  if (page.without_history > 0) parts.push(el("p", {}, `${count(page.without_history)} engines are shown without their past: lines and latency of the last minutes are not recorded for so many.`));
  if (page.unauthorized > 0) parts.push(el("p", {}, `${count(page.unauthorized)} requests for a change without the right token were refused.`));
  foot.replaceChildren(...parts);
}

prepareChange();
fetchAll().catch(() => {});
listen();
setInterval(watch, 1000);
