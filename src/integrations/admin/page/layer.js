// One layer of a stack: its state, its measure, its times.

// A bar with a mark, which says the same in words.
function meter() {
  const full = el("span", { class: "full" });
  const mark = el("span", { class: "mark" });
  const node = el("span", { class: "bar", role: "meter", "aria-valuemin": "0" }, full, mark);
  return {
    node,
    update(measure) {
      setHidden(node, !measure);
      if (!measure) return;
      const { value, most, at, words, bad } = measure;
      const share = most > 0 ? Math.min(value / most, 1) : 0;
      full.style.width = `${(share * 100).toFixed(1)}%`;
      mark.style.left = `${Math.min((at ?? most) / most, 1) * 100}%`;
      setHidden(mark, at == null);
      node.classList.toggle("bad", Boolean(bad));
      setAttr(node, "aria-valuemax", String(most));
      setAttr(node, "aria-valuenow", String(value));
      setAttr(node, "aria-valuetext", words);
      setAttr(node, "aria-label", words);
    },
  };
}

// What a layer is measured by, as a bar and in words.
function measureOf(engine) {
  switch (engine.layer) {
    case "circuit_breaker":
      return measureBreaker(engine);
    case "bulkhead": {
      if (engine.keys != null) {
        const words = `${count(engine.in_flight)} in flight, ${count(engine.limit)} each · ${keysOf(engine)}, ${count(engine.full_keys)} full`;
        return { words };
      }
      const queue = engine.queue_len > 0 ? ` · ${count(engine.waiting)} of ${count(engine.queue_len)} wait` : "";
      const words = `${count(engine.in_flight)} of ${count(engine.limit)} in flight${queue}`;
      return { value: engine.in_flight, most: engine.limit, words, bad: fullness(engine) >= FULL };
    }
    case "rate_limit":
      return measureRateLimit(engine);
    case "retry": {
      if (!engine.minute) return { words: `attempts per call: not recorded · saved ${count(engine.recovered)} since start` };
      const { calls, attempts } = engine.minute;
      const words = calls > 0 ? `${(attempts / calls).toFixed(2)} attempts per call in the last minute` : "no calls in the last minute";
      return { words: `${words} · saved ${count(engine.recovered)} since start` };
    }
    case "retry_budget": {
      const words = `${tenth.format(engine.available)} of ${count(engine.capacity)} repeats left`;
      return { value: engine.available, most: engine.capacity, words, bad: engine.available < 1 };
    }
    case "timeout":
      return { words: `after ${short(engine.limit)} · ${rate(engine.recent?.failed ?? 0)} ended` };
    case "fallback": {
      const told = causes(engine.causes);
      return { words: `${rate(engine.recent?.failed ?? 0)} answered in place of the dependency${told ? ` · ${told}` : ""}` };
    }
    default:
      return { words: "" };
  }
}

function keysOf(engine) {
  return `${count(engine.keys)} of ${count(engine.max_keys)} keys`;
}

function measureBreaker(engine) {
  if (engine.keys != null) {
    return { words: `${keysOf(engine)} · ${count(engine.open)} open, ${count(engine.half_open)} half-open` };
  }
  const at = engine.failure_rate_threshold;
  const opens = at == null ? "" : `, opens at ${percent(at)}`;
  if (engine.state === "half_open") {
    const { trials_succeeded: good, trials_failed: bad, trials_in_flight: running } = engine;
    return { words: `trial calls: ${good} succeeded, ${bad} failed, ${running} in flight` };
  }
  const few = engine.state === "closed" && engine.min_calls != null && engine.recorded < engine.min_calls;
  const words = few
    ? `${count(engine.failures)} of ${count(engine.recorded)} failed; a rate counts from ${count(engine.min_calls)} calls`
    : `${percent(engine.failure_rate)} of ${count(engine.recorded)} failed${opens}`;
  return { value: engine.failure_rate, most: 1, at, words, bad: engine.state === "open" };
}

function measureRateLimit(engine) {
  const quota = engine.quota_per_second;
  const passed = Math.max(0, (engine.recent?.calls ?? 0) - (engine.recent?.rejected ?? 0));
  const keys = engine.keys == null ? "" : ` · ${keysOf(engine)}`;
  const waits = engine.waiting > 0 ? ` · ${count(engine.waiting)} wait` : "";
  const each = engine.keys == null ? "" : " each";
  const words = `${rate(passed)} of ${engine.quota_words ?? ""}${each}${keys}${waits}`;
  return { value: engine.keys == null ? passed : 0, most: quota ?? 0, words, bad: engine.recent?.rejected > 0 };
}

function latencyWords(engine) {
  const latency = engine.latency;
  if (!latency || !latency.count) return "";
  const waits = engine.layer === "bulkhead" || engine.layer === "rate_limit" ? "waits " : "";
  return `${waits}p50 ${short(latency.p50)} · p95 ${short(latency.p95)} · p99 ${short(latency.p99)}`;
}

function layerRow(engine) {
  let current = engine;
  const sign = shape("calm");
  const word = el("span", { class: "word" });
  const bar = meter();
  const words = el("span", { class: "words" });
  const times = el("td", { class: "times" });
  const refused = el("td", { class: "refused" });
  const change = el("button", { type: "button", class: "small", onclick: () => openChange(current) }, "Change…");
  const node = el(
    "tr", {},
    el("th", { scope: "row" }, layerWords(engine)),
    el("td", { class: "state" }, sign.node, word),
    el("td", { class: "measure" }, bar.node, words),
    times, refused, el("td", { class: "act" }, change),
  );
  setAttr(change, "aria-label", `Change ${layerWords(engine)} of ${engine.stack}, ${engine.name}`);
  return {
    node,
    update(next) {
      current = next;
      const kind = RANKS[rankOf(next)].kind;
      sign.update(kind);
      setAttr(node, "class", kind);
      setText(word, wordOf(next));
      const measure = measureOf(next);
      bar.update(measure.most == null ? null : measure);
      setText(words, measure.words);
      setText(times, latencyWords(next));
      setText(refused, next.recent?.rejected > 0 ? `${rate(next.recent.rejected)} refused` : "");
      setHidden(change, !page.overrides || actionsFor(next).length === 0);
    },
  };
}
