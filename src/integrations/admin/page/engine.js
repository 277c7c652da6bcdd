// An engine as the rest of the page wants it: flat, with what follows from its settings and its past.

// An update carries the last second only, and no settings, which are the same as before.
function engineOf(told, before, isNewer) {
  const { detail, ...outer } = told;
  const engine = { ...detail, ...outer };
  if (!engine.history) {
    engine.settings = before?.settings ?? [];
    engine.history = before?.history ?? { calls: [], rejected: [], failed: [], in_flight: [] };
    if (isNewer) addSecond(engine.history, engine.recent);
  }
  // That of its retry counts.
  if (engine.layer === "retry_budget") Object.assign(engine, { mode: "enforce", overridden: null });
  if (engine.layer === "circuit_breaker") {
    engine.failure_rate_threshold = numberOf(engine, "failure_rate");
    engine.min_calls = numberOf(engine, "min_calls");
  }
  if (engine.quota) {
    const { count: calls, period, burst } = engine.quota;
    engine.quota_per_second = calls / period;
    engine.quota_words = `${exact.format(calls)} per ${period === 1 ? "second" : short(period)}, burst ${count(burst)}`;
  }
  return engine;
}

function addSecond(history, recent) {
  for (const [what, values] of Object.entries(history)) {
    values.push(recent?.[what] ?? 0);
    if (values.length > SECONDS) values.shift();
  }
}

function numberOf(engine, name) {
  const setting = engine.settings.find((setting) => setting.name === name);
  const number = Number(setting?.value);
  return Number.isFinite(number) ? number : null;
}
