// How bad it is, and the one sentence that says so. Worst first; the order of the page.

const RANKS = [
  { kind: "open", word: "cut off" },
  { kind: "half", word: "on trial" },
  { kind: "fail", word: "failing" },
  { kind: "busy", word: "refusing" },
  { kind: "held", word: "overridden" },
  { kind: "calm", word: "calm" },
];
const [OPEN, HALF, FAIL, BUSY, HELD, CALM] = RANKS.keys();

// From which share on calls fail that are not cut off: either nothing is there to cut them off, or it is about to.
const FAILING = 0.1;

// What counts as full: the last places are taken by chance now and then.
const FULL = 0.9;

function isHeld(engine) {
  return engine.control != null && engine.control !== "automatic";
}

function isOff(engine) {
  return engine.mode === "off" || engine.control === "bypassed";
}

function rankOf(engine) {
  // A layer that only counts does not cut anybody off.
  const enforces = engine.mode === "enforce";
  if (engine.layer === "circuit_breaker" && enforces) {
    if (engine.control === "bypassed") return HELD;
    if (engine.state === "open") return OPEN;
    if (engine.state === "half_open") return HALF;
  }
  if (failing(engine) >= FAILING) return FAIL;
  if (enforces && (engine.recent?.rejected > 0 || fullness(engine) >= FULL || isSpent(engine))) return BUSY;
  if (engine.overridden || !enforces || isHeld(engine)) return HELD;
  return CALM;
}

function fullness(engine) {
  // Per key, the limit is that of each.
  return engine.layer === "bulkhead" && engine.keys == null ? engine.in_flight / engine.limit : 0;
}

// The share of calls of the last seconds that did not go well, as far as this layer can tell. A few are no share.
function failing(engine) {
  if (!["timeout", "circuit_breaker", "fallback"].includes(engine.layer)) return 0;
  const of = (what) => engine.history[what].slice(-5).reduce((sum, value) => sum + value, 0);
  const failed = of("failed");
  return failed >= 5 ? failed / Math.max(of("calls") - of("rejected"), failed) : 0;
}

// A retry budget without one whole token repeats nothing.
function isSpent(engine) {
  return engine.layer === "retry_budget" && engine.available < 1 && engine.recent?.failed > 0;
}

// The word that stands beside each layer.
function wordOf(engine) {
  const off = engine.mode === "off" ? "off" : engine.mode === "dry_run" ? "dry run" : null;
  switch (engine.layer) {
    case "circuit_breaker": {
      if (engine.keys != null) return off ?? `${count(engine.open)} of ${count(engine.keys)} keys open`;
      const state = { isolated: "isolated", bypassed: "bypassed" }[engine.control] ?? engine.state.replace("_", "-");
      return [state, off, rankOf(engine) === FAIL ? "failing" : null].filter(Boolean).join(", ");
    }
    case "bulkhead":
      return off ?? (engine.recent?.rejected > 0 ? "refusing" : fullness(engine) >= FULL ? "full" : "ok");
    case "rate_limit":
      return off ?? (engine.recent?.rejected > 0 ? "refusing" : "ok");
    case "retry_budget":
      return off ?? (engine.available < 1 ? "used up" : "ok");
    case "timeout":
      return off ?? (rankOf(engine) === FAIL || engine.recent?.failed > 0 ? "timing out" : "ok");
    case "fallback":
      return off ?? (rankOf(engine) === FAIL || engine.recent?.failed > 0 ? "answering" : "ok");
    default:
      return off ?? "ok";
  }
}

// Engines of one dependency, and what to say about it.
class Stack {
  constructor(name, engines) {
    this.name = name;
    this.engines = engines.sort((a, b) => place(a) - place(b));
    this.rank = Math.min(...engines.map(rankOf));
    this.worst = engines.find((engine) => rankOf(engine) === this.rank);
    this.owner = engines.map((engine) => engine.owner).find(Boolean);
    this.runbook = engines.map((engine) => engine.runbook).find(Boolean);
    const breakers = engines.filter((engine) => engine.layer === "circuit_breaker" && engine.keys == null);
    this.breaker = breakers.find((engine) => rankOf(engine) === this.rank) ?? breakers[0];
  }

  // How long calls take, as the outermost layer that times them sees it.
  get latency() {
    const times = ["timeout", "circuit_breaker"];
    return this.engines.find((engine) => times.includes(engine.layer) && engine.latency?.count)?.latency;
  }

  // For how many per second, by the outermost layer that counts calls.
  get calls() {
    return this.engines.find((engine) => engine.layer !== "retry_budget") ?? this.engines[0];
  }

  // Attempts for each call, over the last minute.
  get amplification() {
    const retry = this.engines.find((engine) => engine.layer === "retry");
    return retry?.minute?.calls > 0 ? retry.minute.attempts / retry.minute.calls : null;
  }

  with(rank) {
    return this.engines.filter((engine) => rankOf(engine) === rank);
  }

  // Sentences: what is wrong, most important first, and what holds by hand. Each may end with a countdown.
  get why() {
    const held = this.engines.filter((engine) => rankOf(engine) === HELD || engine.overridden).map(whyHeld);
    switch (this.rank) {
      case OPEN:
        return [...whyCutOff(this.worst), ...held].filter(Boolean);
      case HALF:
        return [...whyOnTrial(this.worst), ...held];
      default:
        return [...this.with(FAIL).map(whyFailing), ...this.with(BUSY).map(whyBusy), ...held];
    }
  }
}

function whyCutOff(engine) {
  const words = `${begunWords(engine)}.`;
  if (engine.control === "isolated") {
    const ends = engine.control_remaining == null ? { words: "It does not end by itself." } : { words: "Ends in ", over: "Ends with the next call", left: engine.control_remaining };
    return [{ words: `Isolated by hand, every call is rejected. ${words}${noted(engine)}` }, ends];
  }
  const again = engine.reason === "trials_failed" ? { words: `Trials go on failing, the last time ${whyOpen(engine)}.` } : null;
  return [{ words }, again, { words: "Next trial in ", over: "The next call is a trial", left: engine.retry_after ?? 0 }];
}

function whyOnTrial(engine) {
  const { trials_succeeded: good, trials_failed: bad, trials_in_flight: running } = engine;
  return [{ words: `${begunWords(engine)}.` }, { words: `Half-open: a few trial calls decide; ${good} succeeded, ${bad} failed, ${running} in flight.` }];
}

// Since when it is not closed, and why: a breaker that tries and opens again has been cut off since it first opened.
function begunWords(engine) {
  const first = firstOpening(engine);
  const ago = Math.max(first ? page.now - first.at : engine.in_state_for, 0);
  const atLeast = !first && engine.reason !== "isolated" && engine.opened > 1 ? "at least " : "";
  const cause = first ? first.message.replace(/^circuit breaker (opened: )?/, "") : whyOpen(engine);
  const because = engine.control === "isolated" || !cause ? "" : `: ${cause}`;
  return `Cut off for ${atLeast}${lasting(ago)}, since ${clockTime(page.now - ago)}${because}`;
}

function firstOpening(engine) {
  const mine = page.events.filter((event) => event.kind === "circuit" && sameEngine(event, engine));
  const closed = mine.findLastIndex((event) => event.message.includes("closed after"));
  return mine.slice(closed + 1).find((event) => /opened:|isolated/.test(event.message));
}

function whyFailing(engine) {
  const share = percent(failing(engine));
  switch (engine.layer) {
    case "timeout":
      return { words: `${layerWords(engine)}: ${share} of calls get no answer within ${short(engine.limit)}.` };
    case "fallback":
      return { words: `${layerWords(engine)}: ${share} of calls are answered in place of the dependency${engine.causes ? `: ${causes(engine.causes)} since start` : ""}.` };
    default:
      return { words: `${layerWords(engine)}: ${share} of calls fail${withCauses("", engine)}; it opens at ${percent(engine.failure_rate_threshold)}.` };
  }
}

function whyBusy(engine) {
  const who = layerWords(engine);
  const refused = engine.recent?.rejected > 0 ? `, refuses ${rate(engine.recent.rejected)}` : "";
  switch (engine.layer) {
    case "bulkhead": {
      if (engine.keys != null) return { words: `${who}: ${count(engine.full_keys)} of ${count(engine.keys)} keys are full${refused}.` };
      const queue = engine.queue_len > 0 ? `, ${count(engine.waiting)} of ${count(engine.queue_len)} wait` : "";
      return { words: `${who}: ${count(engine.in_flight)} of ${count(engine.limit)} calls in flight${queue}${refused}.` };
    }
    case "rate_limit":
      return { words: `${who}: ${engine.quota_words ?? "quota"}${refused}.` };
    case "retry_budget":
      return { words: `${who} used up: failed calls are not repeated.` };
    default:
      return { words: `${who}${refused}.` };
  }
}

function whyHeld(engine) {
  const set = engine.overridden;
  const who = layerWords(engine);
  if (set) {
    const by = set.by ? ` by ${set.by}` : "";
    const reason = set.reason ? `: ${set.reason}` : "";
    const words = `${who} set to ${MODES[set.mode]}${by}${reason}.`;
    return set.remaining == null ? { words: `${words} It does not end by itself.` } : { words: `${words} Ends in `, over: `${words} Is over`, left: set.remaining };
  }
  if (engine.control === "bypassed") {
    const words = `${who} bypassed by hand: every call is let through, nothing is recorded.${noted(engine)}`;
    return engine.control_remaining == null ? { words } : { words: `${words} Ends in `, over: words, left: engine.control_remaining };
  }
  return { words: `${who}: ${MODES[engine.mode]}.` };
}

function noted(engine) {
  const note = engine.note;
  return note ? ` ${note.by || "Somebody"}: ${note.reason}.` : "";
}
