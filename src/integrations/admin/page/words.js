// Numbers and reasons, as a person says them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const exact = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });

function count(value) {
  return whole.format(value ?? 0);
}

function rate(value) {
  return `${(value >= 10 ? whole : tenth).format(value ?? 0)}/s`;
}

function percent(share) {
  return `${tenth.format((share ?? 0) * 100)} %`;
}

function short(seconds) {
  if (seconds == null) return "–";
  if (seconds === 0) return "0";
  if (seconds < 0.001) return `${whole.format(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds < 0.01 ? tenth : whole).format(seconds * 1e3)} ms`;
  return lasting(seconds);
}

function lasting(seconds) {
  if (seconds < 10) return `${tenth.format(seconds)} s`;
  const s = Math.round(seconds);
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} days`;
}

function clockTime(unixSeconds) {
  return new Date(unixSeconds * 1000).toLocaleTimeString("en-GB");
}

function causes(list) {
  const pairs = Array.isArray(list) ? list : Object.entries(list ?? {});
  return pairs.sort((a, b) => b[1] - a[1]).map(([cause, times]) => `${cause} ${count(times)}`).join(", ");
}

function withCauses(sentence, engine) {
  const told = causes(engine.causes);
  return told ? `${sentence}: ${told}` : sentence;
}

// Why a breaker is not closed.
function whyOpen(engine) {
  const { failures, recorded } = engine;
  switch (engine.reason) {
    case "failure_rate":
      return withCauses(`${count(failures)} of ${count(recorded)} calls failed`, engine);
    case "outage":
      return withCauses(`${count(engine.failures_in_a_row)} failures in a row`, engine);
    case "slow_calls":
      return `${count(engine.slow_calls)} of ${count(recorded)} calls were slow`;
    case "trials_failed":
      return withCauses(`${count(failures)} of ${count(recorded)} trial calls failed`, engine);
    case "isolated":
      return "isolated by hand";
    case "open_time_over":
      return causes(engine.causes);
    default:
      return engine.reason ?? "";
  }
}

const LAYERS = {
  fallback: "Fallback",
  retry: "Retry",
  retry_budget: "Retry budget",
  circuit_breaker: "Circuit breaker",
  bulkhead: "Bulkhead",
  rate_limit: "Rate limit",
  timeout: "Timeout",
};

function layerWords(engine) {
  const word = LAYERS[engine.layer] ?? engine.layer;
  if (engine.layer !== "timeout") return word;
  if (engine.name.endsWith("/total")) return "Timeout, total";
  if (engine.name.endsWith("/attempt")) return "Timeout, attempt";
  return word;
}

// Outermost first, as the layers should stand.
const ORDER = ["fallback", "timeout", "retry", "retry_budget", "circuit_breaker", "bulkhead", "rate_limit"];

function place(engine) {
  const at = ORDER.indexOf(engine.layer);
  return engine.layer === "timeout" && engine.name.endsWith("attempt") ? ORDER.length : at < 0 ? ORDER.length + 1 : at;
}

const MODES = { enforce: "enforcing", dry_run: "dry run", off: "off" };
